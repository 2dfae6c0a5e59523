/** Arithmetic on sizes that may be known, named or unknown: a result is only given where it holds for every run. */
import type { Dim, Shape } from '#ir/model.ts';

/** Largest number of elements whose values are followed through shape arithmetic. */
export const MAX_FOLLOWED = 1024;

export function isKnown(shape: Shape | null | undefined): shape is readonly number[] {
  return shape !== null && shape !== undefined && shape.every((size) => typeof size === 'number');
}

/** Number of elements, or null when a size is not a number. */
export function elementsOf(shape: Shape | null | undefined): number | null {
  if (!isKnown(shape)) return null;
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function unknownShape(rank: number): Shape {
  return Array.from({ length: rank }, () => null);
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return null;
}

export function subtractDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (b === 0) return a;
  return typeof a === 'string' && a === b ? 0 : null;
}

/** A size as a number times names; products of names are written like `512*N`. */
interface Product {
  readonly count: number;
  readonly names: readonly string[];
}

/** Names that a product may have before it is given up as unreadable. */
const MAX_NAMES = 4;

/** Factors of a size; undefined for an unknown one. */
export function factorsOf(size: Dim): Product | undefined {
  if (size === null) return undefined;
  if (typeof size === 'number') return { count: size, names: [] };
  let count = 1;
  const names: string[] = [];
  for (const factor of size.split('*')) {
    if (/^\d+$/.test(factor)) count *= Number(factor);
    else names.push(factor);
  }
  return { count, names };
}

function dimOf({ count, names }: Product): Dim {
  if (count === 0 || names.length === 0) return count;
  if (names.length > MAX_NAMES) return null;
  const sorted = names.toSorted();
  return count === 1 ? sorted.join('*') : [String(count), ...sorted].join('*');
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  if (b === 1) return a;
  const [left, right] = [factorsOf(a), factorsOf(b)];
  if (left === undefined || right === undefined) return null;
  // Half a name is no size.
  if (left.names.length + right.names.length > 0 && !Number.isInteger(left.count * right.count)) return null;
  // Negative numbers occur in shape arithmetic but are no sizes, so they are not mixed with names.
  const count = left.count * right.count;
  if (count < 0 && left.names.length + right.names.length > 0) return null;
  return dimOf({ count, names: [...left.names, ...right.names] });
}

/** The larger of two; a name is only known to be as large as itself. */
export function largerDim(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math.max(a, b);
  return a === b ? a : null;
}

export function smallerDim(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math.min(a, b);
  return a === b ? a : null;
}

/** Integer division that truncates, as ONNX Div does on integers. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return b === 0 ? null : Math.trunc(a / b);
  return quotientOfProducts([a], [b]);
}

/** One size of a broadcast; null when two names might or might not agree, or two numbers do not. */
export function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  // Two different numbers cannot be broadcast; a number and a name must agree, or the name is 1.
  if (typeof a === 'number') return typeof b === 'number' ? null : a;
  return typeof b === 'number' ? b : null;
}

/** Multidirectional broadcast; null when the rank of one is not known. */
export function broadcast(shapes: readonly (Shape | null)[]): Shape | null {
  let result: Dim[] = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    const rank = Math.max(result.length, shape.length);
    const next: Dim[] = [];
    for (let at = 0; at < rank; at++) {
      const left = result[at - (rank - result.length)] ?? (at < rank - result.length ? 1 : null);
      const right = shape[at - (rank - shape.length)] ?? (at < rank - shape.length ? 1 : null);
      next.push(broadcastDim(left, right));
    }
    result = next;
  }
  return result;
}

/** Axis counted from the front; negative ones count from the back. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Quotient of two products of sizes where names above and below cancel; null when it is not exact. */
export function quotientOfProducts(above: readonly Dim[], below: readonly Dim[]): Dim {
  const top = productOf(above);
  const bottom = productOf(below);
  if (top === undefined || bottom === undefined || bottom.count === 0 || top.count % bottom.count !== 0) return null;
  const names = [...top.names];
  for (const name of bottom.names) {
    const at = names.indexOf(name);
    if (at === -1) return null;
    names.splice(at, 1);
  }
  return dimOf({ count: top.count / bottom.count, names });
}

function productOf(sizes: readonly Dim[]): Product | undefined {
  let count = 1;
  const names: string[] = [];
  for (const size of sizes) {
    const factors = factorsOf(size);
    if (factors === undefined) return undefined;
    count *= factors.count;
    names.push(...factors.names);
  }
  return { count, names };
}

/**
 * What is certain when two sources describe one size: a number wins over a name, a name over nothing. Two different
 * numbers cannot both hold; `undefined` says so.
 */
export function mergeDim(declared: Dim, inferred: Dim): Dim | undefined {
  if (declared === inferred || inferred === null) return declared;
  if (declared === null) return inferred;
  if (typeof declared === 'number') return typeof inferred === 'number' ? undefined : declared;
  return inferred;
}
