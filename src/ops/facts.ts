/** What is known of a value: its type, and its elements where they are few. */
import type { Dim, Shape } from '#ir/model.ts';
import type { DType } from '#base/dtype.ts';
import type { Dense } from './dense.ts';

/** Element type and shape of a value, as far as they are known. */
export interface TensorType {
  readonly dtype: DType | null;
  readonly shape: Shape | null;
}

/** What is known of one input: its type, and its values where they are few. */
export interface Facts extends TensorType {
  /** Whether a constant stands behind the value, read or not. */
  readonly constant: boolean;
  readonly dense?: Dense | undefined;
  /** Elements of a small integer tensor in row-major order; some may be names or unknown. */
  readonly elements?: readonly Dim[] | undefined;
}

export const UNKNOWN: TensorType = { dtype: null, shape: null };
