/** Floats to the bytes of a tensor of a given float type. Always a copy: the floats may lie in memory that a backend reuses. */
import type { DType } from '#base/dtype.ts';
import type { Kernels } from '#kernels/kernels.ts';

export async function floatBytes(data: Float32Array, dtype: DType, kernels: Kernels): Promise<Uint8Array> {
  switch (dtype) {
    case 'f32':
      return copyBytes(data);
    case 'f16':
      return copyBytes(await kernels.toFloat16(data));
    case 'bf16':
      return copyBytes(await kernels.toBfloat16(data));
    case 'f64':
      return copyBytes(Float64Array.from(data));
    default:
      throw new Error(`${dtype} does not hold floats`);
  }
}

/** The bytes of a typed array in memory of their own. */
export function copyBytes(view: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(view.byteLength);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return bytes;
}
