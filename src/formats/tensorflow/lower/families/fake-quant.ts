/**
 * Rounding to a grid, which training with quantization in mind leaves in a graph. On values it becomes the grid of the value, on
 * weights the integers themselves; widths that ONNX has no integers for are spelled out as arithmetic.
 */
import { countOf, type DType } from '#base/dtype.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import type { Quantization } from '#ir/model.ts';

/** A grid as TensorFlow nudges it, so that zero is on it (tensorflow/core/kernels/fake_quant_ops_functor.h), in float32. */
interface Grid {
  readonly min: number;
  readonly max: number;
  readonly scale: number;
  /** Level of zero, and those at the ends. */
  readonly zero: number;
  readonly low: number;
  readonly high: number;
}

const f = Math.fround;

export function nudged(min: number, max: number, bits: number, narrow: boolean): Grid {
  const [low, high] = [narrow ? 1 : 0, 2 ** bits - 1];
  if (min === 0 && max === 0) return { min: 0, max: 0, scale: 0, zero: low, low, high };
  const scale = f(f(f(max) - f(min)) / f(high - low));
  const from = f(low - f(f(min) / scale));
  const zero = from < low ? low : from > high ? high : roundAway(from);
  return { min: f(f(low - zero) * scale), max: f(f(high - zero) * scale), scale, zero, low, high };
}

/** Nearest integer, ties away from zero, as C's round. */
function roundAway(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

function gridsOf(call: TfCall, mins: readonly number[], maxs: readonly number[]): readonly Grid[] {
  const [bits, narrow] = [call.int('num_bits', 8), call.flag('narrow_range')];
  if (!Number.isInteger(bits) || bits < 2 || bits > 16) throw call.broken(`rounds to ${bits} bits`);
  if (mins.length === 0 || mins.length !== maxs.length) throw call.broken('has ends of ranges that do not match');
  return mins.map((min, at) => nudged(min, maxs[at] ?? 0, bits, narrow));
}

/** Levels as they are stored: a narrow 8-bit range lies around zero, so that it is signed. */
function storage(grid: Grid): { readonly dtype: DType; readonly shift: number } {
  if (grid.high > 255) return { dtype: 'u16', shift: 0 };
  return grid.low === 1 && grid.high === 255 ? { dtype: 'i8', shift: 128 } : { dtype: 'u8', shift: 0 };
}

function perTensor(call: TfCall, min: number, max: number): readonly Operand[] {
  const [grid] = gridsOf(call, [min], [max]);
  return [rounded(call, call.input(0), [grid!])];
}

function perChannel(call: TfCall): readonly Operand[] {
  return [rounded(call, call.input(0), gridsOf(call, call.reals(1), call.reals(2)))];
}

function rounded(call: TfCall, x: Operand, grids: readonly Grid[]): Operand {
  if (grids.some(({ scale }) => !(scale > 0 && Number.isFinite(scale)))) {
    throw new Inexpressible('Its range is empty or not finite.', 'Calibrate or train the model before exporting it.');
  }
  const known = call.lowering.constantOf(x);
  if (known !== undefined && known.quantization === undefined && known.tensor.dtype === 'f32') {
    const { dtype } = storage(grids[0]!);
    if (dtype !== 'u16' || call.lowering.opset >= 21) return constantLevels(call, x, known.tensor.shape, grids);
  }
  const [grid] = grids;
  const { dtype } = storage(grid!);
  if (grids.length > 1 || (dtype === 'u16' && call.lowering.opset < 21)) return spelledOut(call, x, grids);
  return onGrid(call, x, grid!);
}

/** The grid of a computed value. Levels that the type has and the grid has not are clipped off first. */
function onGrid(call: TfCall, x: Operand, grid: Grid): Operand {
  const { lowering } = call;
  const { dtype, shift } = storage(grid);
  const lowest = dtype === 'i8' ? -128 : 0;
  const highest = dtype === 'u16' ? 65_535 : dtype === 'u8' ? 255 : 127;
  const full = grid.low - shift === lowest && grid.high - shift === highest;
  const own = full
    ? call.emit('Identity', [x])
    : call.emit('Clip', [x, call.like(x, grid.min), call.like(x, grid.max)]);
  const input = call.node.inputs[0];
  // What others read unrounded stays unrounded.
  const alone = full && input !== undefined && call.scope.isAlone(input);
  return lowering.round(alone ? x : own, quantizationOf(call, [grid]));
}

function quantizationOf(call: TfCall, grids: readonly Grid[], axis?: number): Quantization {
  const { store } = call.lowering;
  const { dtype, shift } = storage(grids[0]!);
  const shape = axis === undefined ? [] : [grids.length];
  const scales = Float32Array.from(grids, ({ scale }) => scale);
  const zeros = grids.map(({ zero }) => zero - shift);
  const packed =
    dtype === 'u16' ? Uint16Array.from(zeros) : dtype === 'i8' ? Int8Array.from(zeros) : Uint8Array.from(zeros);
  return {
    scale: store.put('f32', shape, bytesOf(scales)),
    zeroPoint: store.put(dtype, shape, bytesOf(packed)),
    ...(axis === undefined ? { levels: dtype } : { axis }),
  };
}

function bytesOf(array: Float32Array | Uint16Array | Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Weights as the integers that TensorFlow rounds them to, made when they are read. Channels are on the last axis. */
function constantLevels(call: TfCall, x: Operand, shape: readonly number[], grids: readonly Grid[]): Operand {
  const { lowering } = call;
  const axis = grids.length > 1 ? shape.length - 1 : undefined;
  if (axis !== undefined && shape[axis] !== grids.length)
    throw call.broken('has as many ranges as no axis has channels');
  const { dtype, shift } = storage(grids[0]!);
  const levels = lowering.derived(`${call.name}/levels`, dtype, shape, [x], ([bytes]) =>
    levelsOf(bytes!, countOf(shape), grids, dtype, shift),
  );
  const tensor = lowering.constantOf(levels)!.tensor;
  const { levels: _, ...quantization } = quantizationOf(call, grids, axis);
  return lowering.constant(call.name, tensor, { quantization });
}

function levelsOf(bytes: Uint8Array, count: number, grids: readonly Grid[], dtype: DType, shift: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = dtype === 'u16' ? new Uint16Array(count) : dtype === 'i8' ? new Int8Array(count) : new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    const { min, max, scale, low } = grids[at % grids.length]!;
    const clamped = Math.min(Math.max(view.getFloat32(4 * at, true), min), max);
    const inverse = f(1 / scale);
    out[at] = Math.floor(f(f(f(clamped - min) * inverse) + 0.5)) + low - shift;
  }
  return bytesOf(out);
}

/** floor((clamp(x) - min) / scale + 0.5) * scale + min, operator by operator. */
function spelledOut(call: TfCall, x: Operand, grids: readonly Grid[]): Operand {
  const { lowering } = call;
  const list = (of: (grid: Grid) => number): Operand =>
    lowering.small(grids.length === 1 ? of(grids[0]!) : grids.map(of), 'f32');
  const [min, max, scale] = [list((grid) => grid.min), list((grid) => grid.max), list((grid) => grid.scale)];
  const inverse = list((grid) => f(1 / grid.scale));
  const clamped = call.step('upper', 'Min', [call.step('lower', 'Max', [x, min]), max]);
  const steps = call.step('steps', 'Mul', [call.step('shifted', 'Sub', [clamped, min]), inverse]);
  const level = call.step('level', 'Floor', [call.step('half', 'Add', [steps, lowering.small(0.5, 'f32')])]);
  return call.emit('Add', [call.step('scaled', 'Mul', [level, scale]), min]);
}

/** Symmetric levels over a range that is given; the one of the two ends that is farther away decides the scale. */
function quantizeAndDequantize(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const given = call.flag('range_given');
  const bits = call.node.op === 'QuantizeAndDequantizeV3' ? call.number(3) : call.int('num_bits', 8);
  const signed = call.flag('signed_input', true);
  if (!given || bits !== 8 || call.int('axis', -1) !== -1) {
    throw new Inexpressible('It finds its range while running, or rounds to another width than 8 bits.');
  }
  if (call.text('round_mode', 'HALF_TO_EVEN') !== 'HALF_TO_EVEN') throw new Inexpressible('It rounds halves up.');
  const [min, max] = [f(call.real(1)), f(call.real(2))];
  const narrow = call.flag('narrow_range');
  const [low, high] = signed ? [narrow ? -127 : -128, 127] : [0, 255];
  const fromLow = min * low > 0 ? f(low / min) : Infinity;
  const fromHigh = max * high > 0 ? f(high / max) : Infinity;
  const factor = Math.min(fromLow, fromHigh);
  if (!Number.isFinite(factor)) throw new Inexpressible('Its range is empty.');
  const x = call.input(0);
  const ends = [f(low / factor), f(high / factor)] as const;
  const clipped = call.emit('Clip', [x, call.like(x, ends[0]), call.like(x, ends[1])]);
  const dtype = signed ? 'i8' : 'u8';
  return [
    lowering.round(clipped, {
      scale: lowering.store.put('f32', [], bytesOf(Float32Array.of(1 / factor))),
      zeroPoint: lowering.store.put(dtype, [], new Uint8Array(1)),
      levels: dtype,
    }),
  ];
}

export const fakeQuantRows: readonly (readonly [string, Row])[] = [
  ['FakeQuantWithMinMaxArgs', (call) => perTensor(call, call.float('min', -6), call.float('max', 6))],
  ['FakeQuantWithMinMaxVars', (call) => perTensor(call, call.real(1), call.real(2))],
  ['FakeQuantWithMinMaxVarsPerChannel', perChannel],
  ['QuantizeAndDequantizeV2', quantizeAndDequantize],
  ['QuantizeAndDequantizeV3', quantizeAndDequantize],
  ['QuantizeAndDequantizeV4', quantizeAndDequantize],
];
