/** Constants in another order or form, as tickets that are made when they are read: opening a model copies no weight. */
import { bitsOf, countOf } from '#base/dtype.ts';
import { derivedTensor } from '#ir/derived-tensor.ts';
import type { Quantization, Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decode, encode } from '#ops/dense.ts';

/** The same elements with axes in another order: result axis `i` is axis `order[i]`. Any element type of fixed width. */
export function permutedTensor(store: WeightStore, tensor: Tensor, order: readonly number[]): Tensor {
  const { dtype, shape } = tensor;
  const to = order.map((axis) => shape[axis] ?? 1);
  return derivedTensor(store, dtype, to, [tensor], ([bytes = new Uint8Array(0)]) =>
    permuteBytes(bytes, bitsOf(dtype), shape, order),
  );
}

/** Packed elements of `bits` each with axes in another order. */
export function permuteBytes(
  bytes: Uint8Array,
  bits: number,
  shape: readonly number[],
  order: readonly number[],
): Uint8Array {
  if (bits < 8) {
    // Only places change: signed and floating elements are moved as if they were unsigned ones.
    const unpacked = decode(bits === 4 ? 'u4' : 'u2', shape, bytes)!;
    return encode({
      ...unpacked,
      data: permuteBytes(unpacked.data as Uint8Array<ArrayBuffer>, 8, shape, order) as Uint8Array<ArrayBuffer>,
    });
  }
  const width = bits / 8;
  const out = new Uint8Array(countOf(shape) * width);
  if (out.byteLength === 0) return out;
  const [from, into] = [lanes(bytes, width), lanes(out, width)];
  if (from !== undefined && into !== undefined) move(from, into, shape, order, 1);
  else move(bytes, out, shape, order, width);
  return out;
}

type Elements = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

function lanes(bytes: Uint8Array, width: number): Elements | undefined {
  if (width === 1) return bytes;
  if (bytes.byteOffset % width !== 0) return undefined;
  const { buffer, byteOffset } = bytes;
  const length = Math.floor(bytes.byteLength / width);
  if (width === 2) return new Uint16Array(buffer, byteOffset, length);
  if (width === 4) return new Uint32Array(buffer, byteOffset, length);
  return width === 8 ? new BigUint64Array(buffer, byteOffset, length) : undefined;
}

/** Walks the result in sequence; `width` array elements make one element of the tensor. */
function move(from: Elements, into: Elements, shape: readonly number[], order: readonly number[], width: number): void {
  const own: number[] = [];
  let stride = width;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    own[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  const sizes = order.map((axis) => shape[axis] ?? 1);
  const steps = order.map((axis) => own[axis] ?? 0);
  const last = sizes.length - 1;
  const [inner, step] = [sizes[last] ?? 1, steps[last] ?? 0];
  const at = sizes.map(() => 0);
  let source = 0;
  let target = 0;
  while (target < into.length) {
    for (let i = 0, read = source; i < inner; i++, read += step) {
      for (let part = 0; part < width; part++) into[target++] = from[read + part] as never;
    }
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      source += steps[axis] ?? 0;
      if (next < (sizes[axis] ?? 1)) {
        at[axis] = next;
        break;
      }
      source -= next * (steps[axis] ?? 0);
      at[axis] = 0;
    }
    if (axis < 0) break;
  }
}

/** Where the axis of a grid lies under another shape that only adds or drops axes of size 1; undefined where that is not so. */
export function regridded(
  quantization: Quantization,
  from: readonly number[],
  to: readonly number[],
): Quantization | undefined {
  const { axis } = quantization;
  if (axis === undefined) return quantization;
  const size = from[axis] ?? 1;
  const before = countOf(from.slice(0, axis));
  for (const [at, one] of to.entries()) {
    if (one === size && countOf(to.slice(0, at)) === before) return { ...quantization, axis: at };
  }
  return undefined;
}
