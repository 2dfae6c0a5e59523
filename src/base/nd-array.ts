/** A dense array of numbers with its element type and shape: what files of data hold and what runtimes take and give. */
import type { DType } from './dtype.ts';

/** Elements in row-major order; f16 as its bits, bool as 0 and 1, 4-bit integers two to a byte, low bits first. */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: NdData;
}

export type NdData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** A shape as it is shown to people: `[N, 49, 10, 1]`; `?` for a size that is not known. */
export function shapeText(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((size) => size ?? '?').join(', ')}]`;
}
