/**
 * Orders of axes. A view says where each axis of the source lies in a value: axis `i` of the source is axis `view[i]` of the value.
 * Undefined stands for the order as it is.
 */

export type View = readonly number[] | undefined;

/** The view, or undefined when it changes nothing. */
export function view(order: readonly number[]): View {
  return order.every((axis, at) => axis === at) ? undefined : order;
}

export function sameView(a: View, b: View): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((axis, at) => axis === b[at]);
}

/** Whether a list names every axis once. */
export function isOrder(order: readonly number[]): boolean {
  return order.toSorted((a, b) => a - b).every((axis, at) => axis === at);
}

/** Where an axis of the source lies. */
export function placeOf(of: View, axis: number): number {
  return of?.[axis] ?? axis;
}

/** A list with one entry for each axis of the source, in the order of the value. */
export function toPlaces<T>(of: View, list: readonly T[]): readonly T[] {
  if (of === undefined) return list;
  const placed = [...list];
  for (const [axis, place] of of.entries()) placed[place] = list[axis] as T;
  return placed;
}

/** A list with one entry for each axis of the value, in the order of the source. */
export function fromPlaces<T>(of: View, list: readonly T[]): readonly T[] {
  return of === undefined ? list : of.map((place) => list[place] as T);
}

/** The view of the source's axes in another order: axis `i` of the result is axis `order[i]`. */
export function reordered(of: View, order: readonly number[]): View {
  return view(order.map((axis) => placeOf(of, axis)));
}

/** The order that Transpose needs to bring a value from one view to another. */
export function orderBetween(from: View, to: View, rank: number): readonly number[] {
  const order: number[] = Array.from({ length: rank }, (_, axis) => axis);
  for (let axis = 0; axis < rank; axis++) order[placeOf(to, axis)] = placeOf(from, axis);
  return order;
}

/** What is left of a view when axes of the source are taken out. */
export function withoutAxes(of: View, axes: ReadonlySet<number>): View {
  if (of === undefined) return undefined;
  const left = of.filter((_, axis) => !axes.has(axis));
  const sorted = left.toSorted((a, b) => a - b);
  return view(left.map((place) => sorted.indexOf(place)));
}

/** Whether elements lie in the same sequence once axes of size 1 are left out: then a Reshape does what a Transpose would. */
export function keepsSequence(of: View, shape: readonly (number | string | null)[]): boolean {
  if (of === undefined) return true;
  const places = of.filter((_, axis) => shape[axis] !== 1);
  return places.every((place, at) => at === 0 || place > (places[at - 1] ?? 0));
}

/** The order that turns batch, spatial, channels into batch, channels, spatial. */
export function channelsFirst(rank: number): readonly number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, at) => at + 1)];
}

/** The order that turns batch, channels, spatial into batch, spatial, channels. */
export function channelsLast(rank: number): readonly number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, at) => at + 2), 1];
}
