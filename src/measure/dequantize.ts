/** The real numbers that a quantized constant stands for: real = scale (level - zero point), as DequantizeLinear has it. */
import { bitsOf, countOf, kindOf } from '#base/dtype.ts';
import type { DType } from '#base/dtype.ts';
import { decodeFloat16 } from '#base/float16.ts';
import { PareError } from '#base/failure.ts';
import type { Quantization, Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { unpackLevels } from '#passes/quantize/pack.ts';

export async function dequantized(
  constant: Tensor,
  quantization: Quantization,
  store: WeightStore,
): Promise<Float32Array<ArrayBuffer>> {
  const { scale, zeroPoint, axis, block } = quantization;
  const count = countOf(constant.shape);
  const levels = await levelsOf(constant, store);
  const scales = await scalesOf(scale, store);
  const zeros = zeroPoint === undefined ? undefined : await levelsOf(zeroPoint, store);
  const inner = axis === undefined ? count : countOf(constant.shape.slice(axis + 1));
  const size = axis === undefined ? 1 : (constant.shape[axis] ?? 1);
  const blocks = block === undefined ? size : Math.ceil(size / block);
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const along = Math.floor(i / inner) % size;
    const outer = Math.floor(i / (inner * size));
    const blocked = (outer * blocks + Math.floor(along / (block ?? 1))) * inner + (i % inner);
    const at = axis === undefined || scales.length === 1 ? 0 : block === undefined ? along : blocked;
    floats[i] = (scales[at] ?? NaN) * ((levels[i] ?? NaN) - (zeros?.[at] ?? 0));
  }
  return floats;
}

/** A grid with one scale: real numbers are whole steps from `low` to `high`, 0 among them, times the scale. */
export interface GridSteps {
  readonly scale: number;
  readonly low: number;
  readonly high: number;
}

export async function stepsOfGrid(levels: DType, quantization: Quantization, store: WeightStore): Promise<GridSteps> {
  const [scale = NaN] = await scalesOf(quantization.scale, store);
  const zero = quantization.zeroPoint === undefined ? 0 : ((await levelsOf(quantization.zeroPoint, store))[0] ?? 0);
  const bits = bitsOf(levels);
  const lowest = kindOf(levels) === 'signed' ? -(2 ** (bits - 1)) : 0;
  return { scale, low: lowest - zero, high: lowest + 2 ** bits - 1 - zero };
}

async function scalesOf(tensor: Tensor, store: WeightStore): Promise<Float32Array> {
  const bytes = new Uint8Array(await store.read(tensor));
  if (tensor.dtype === 'f16') return Float32Array.from(new Uint16Array(bytes.buffer), decodeFloat16);
  return new Float32Array(bytes.buffer);
}

async function levelsOf(tensor: Tensor, store: WeightStore): Promise<ArrayLike<number>> {
  // A copy, since a view of the file need not lie on a multiple of the element's width.
  const bytes = new Uint8Array(await store.read(tensor));
  const { dtype } = tensor;
  switch (dtype) {
    case 'i8':
      return new Int8Array(bytes.buffer);
    case 'u8':
      return bytes;
    case 'i16':
      return new Int16Array(bytes.buffer);
    case 'u16':
      return new Uint16Array(bytes.buffer);
    case 'i32':
      return new Int32Array(bytes.buffer);
    case 'i4':
    case 'u4':
      return unpackLevels(bytes, 4, dtype === 'i4', countOf(tensor.shape));
    case 'i2':
    case 'u2':
      return unpackLevels(bytes, 2, dtype === 'i2', countOf(tensor.shape));
    default:
      throw new PareError({ code: 'measure/levels', problem: `levels of type ${dtype} are not known.` });
  }
}
