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

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return a === 0 || b === 0 ? 0 : null;
}

/** Integer division that truncates, as ONNX Div does on integers. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return b === 0 ? null : Math.trunc(a / b);
  return b === 1 ? a : null;
}

/** One size of a broadcast; null when two names might or might not agree. */
export function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number') return a;
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

/** Quotient of two products of sizes where names above and below cancel; null when something is left. */
export function quotientOfProducts(above: readonly Dim[], below: readonly Dim[]): Dim {
  let top = 1;
  let bottom = 1;
  const names: string[] = [];
  for (const size of above) {
    if (size === null) return null;
    if (typeof size === 'number') top *= size;
    else names.push(size);
  }
  for (const size of below) {
    if (size === null) return null;
    if (typeof size === 'number') bottom *= size;
    else {
      const at = names.indexOf(size);
      if (at === -1) return null;
      names.splice(at, 1);
    }
  }
  if (bottom === 0) return null;
  if (names.length === 0) return top % bottom === 0 ? top / bottom : null;
  return names.length === 1 && top === bottom ? (names[0] ?? null) : null;
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
