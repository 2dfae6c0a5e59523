/** Constants, and tensors made from shapes and numbers. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { filled, paired, staticShape } from './operands.ts';

function constant(call: TfCall): readonly Operand[] {
  const value = call.attr('value');
  if (value?.kind !== 'tensor') throw new Inexpressible('Its value is of a type that has no counterpart.');
  return [
    call.lowering.constant(call.name, value.value, {
      ...(value.bytes === undefined ? {} : { bytes: value.bytes }),
      ...(value.quantization === undefined ? {} : { quantization: value.quantization }),
    }),
  ];
}

function shapeOf(call: TfCall): readonly Operand[] {
  return [call.emit('Shape', [call.input(0)])];
}

function shapesOf(call: TfCall): readonly Operand[] {
  return call.inputs().map((x, at) =>
    call.lowering.apply('Shape', [x], {
      name: at === 0 ? call.name : `${call.name}/${at}`,
      outputs: [call.outputName(at)],
    }),
  );
}

/** Numbers in order. Floats are counted by ONNX just as TensorFlow counts them: start + i * delta. */
function range(call: TfCall): readonly Operand[] {
  return [call.emit('Range', paired(call, call.inputs(0, 3)))];
}

function fill(call: TfCall): readonly Operand[] {
  return [call.emit('Expand', [call.input(1), call.long(0)])];
}

function like(value: number): Row {
  return (call) => {
    const x = call.input(0);
    return [filled(call, 'filled', call.step('shape', 'Shape', [x]), call.like(x, value))];
  };
}

/** Evenly spaced numbers; the last one is `stop` itself. */
function linSpace(call: TfCall): readonly Operand[] {
  const [start, stop, count] = [call.real(0), call.real(1), call.number(2)];
  if (!(count >= 1 && count <= 65_536)) throw new Inexpressible('It makes too many numbers.');
  const step = count > 1 ? Math.fround((stop - start) / (count - 1)) : 0;
  const list = Array.from({ length: count }, (_, at) => (at > 0 && at === count - 1 ? stop : start + at * step));
  return [call.lowering.small(list, call.dtype(0) ?? 'f32', call.name)];
}

/** Keeps a band around the diagonal; a negative width keeps the whole side. */
function band(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const [lower, upper] = [call.number(1), call.number(2)];
  let x = call.input(0);
  if (upper >= 0) x = call.step('upper', 'Trilu', [x, lowering.small(upper)], { upper: 0 });
  if (lower >= 0) x = call.step('lower', 'Trilu', [x, lowering.small(-lower)], { upper: 1 });
  return [x];
}

/** A vector on the diagonal of a matrix of zeros. */
function diagonal(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  if (call.count > 1) {
    const [k] = call.numbers(1);
    const [rows, columns, padding] = [call.number(2), call.number(3), call.real(4)];
    if (call.numbers(1).length > 1 || k !== 0 || rows !== -1 || columns !== -1 || padding !== 0) {
      throw new Inexpressible('It fills other diagonals than the main one.');
    }
  }
  const size = staticShape(call, 0).at(-1) ?? 0;
  if (size > 4096) throw new Inexpressible('Its matrix is larger than any model needs.');
  const x = call.input(0);
  const eye = lowering.small(
    Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0)),
    lowering.dtype(x) ?? 'f32',
  );
  const matrix = lowering.reshape(eye, [size, size], { name: `${call.name}/eye` });
  const row = call.step('row', 'Unsqueeze', [x, lowering.small([call.rank(0)])]);
  return [call.emit('Mul', [row, matrix])];
}

/** The shape that two shapes broadcast to: where one size is 1, the other. */
function broadcastShapes(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const lists = [call.long(0), call.long(1)] as const;
  const lengths = lists.map((list) => lowering.shape(list)?.[0]);
  const most = Math.max(...lengths.map((length) => (typeof length === 'number' ? length : NaN)));
  if (!Number.isInteger(most)) throw new Inexpressible('The ranks that it broadcasts are not known.');
  const [a, b] = lists.map((list, at) => {
    const missing = most - Number(lengths[at]);
    const ones = lowering.small(Array.from({ length: missing }, () => 1));
    return missing === 0 ? list : call.step(`lifted_${at}`, 'Concat', [ones, list], { axis: 0 });
  }) as [Operand, Operand];
  const one = call.step('is_one', 'Equal', [a, lowering.small(1)]);
  return [call.emit('Where', [one, b, a])];
}

/** An input that callers feed is held already when its readers are lowered. */
function unfed(): never {
  throw new Inexpressible(
    'It is fed from outside, but is not among the inputs.',
    'Name it in the signature of the model.',
  );
}

export const generateRows: readonly (readonly [string, Row])[] = [
  ['Placeholder', unfed],
  ['Const', constant],
  ['Shape', shapeOf],
  ['ShapeN', shapesOf],
  ['Size', (call) => [call.emit('Size', [call.input(0)])]],
  ['Rank', (call) => [call.lowering.small(call.rank(0), 'i64', call.name)]],
  ['Range', range],
  ['Fill', fill],
  ['BroadcastArgs', broadcastShapes],
  ['ZerosLike', like(0)],
  ['OnesLike', like(1)],
  ['LinSpace', linSpace],
  ['MatrixBandPart', band],
  ['BatchMatrixBandPart', band],
  ['MatrixDiag', diagonal],
  ['MatrixDiagV2', diagonal],
  ['MatrixDiagV3', diagonal],
];
