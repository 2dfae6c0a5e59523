/** For tests: one use of an operator with seeded random operands, told in a line. */
import { countOf, type DType } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import type { BuildNode, BuildTensor } from '#ir/testing/build.ts';

export interface Operand extends BuildTensor {
  readonly data: readonly (number | bigint)[];
  /** Must be known to infer the shape, so it is a constant of the model. */
  readonly setting: boolean;
}

export interface Case {
  readonly op: string;
  readonly opset?: number;
  readonly domain?: string;
  /** null: an optional input left out. */
  readonly inputs: readonly (Operand | null)[];
  readonly attrs?: BuildNode['attrs'];
  readonly outputs?: number;
  readonly label?: string;
}

const random = seededRandom(7);

export function real(shape: readonly number[], low = -2, high = 2): Operand {
  const data = Array.from({ length: countOf(shape) }, () => Math.fround(low + random.uniform() * (high - low)));
  return { dtype: 'f32', shape, data, setting: false };
}

export function whole(dtype: DType, shape: readonly number[], low: number, high: number): Operand {
  const data = Array.from({ length: countOf(shape) }, () => low + random.below(high - low));
  return { dtype, shape, data, setting: false };
}

export function given(dtype: DType, shape: readonly number[], data: readonly number[]): Operand {
  return { dtype, shape, data, setting: false };
}

export function setting(dtype: DType, shape: readonly number[], data: readonly number[]): Operand {
  return { dtype, shape, data, setting: true };
}

export const list = (...values: number[]): Operand => setting('i64', [values.length], values);
export const scalar = (value: number): Operand => setting('i64', [], [value]);
