/** Rows of the layer table: a layer with what the current recipe does to it, and how rows are filtered and sorted. */
import type { Layer, LayerResult, Preview, Recipe } from '#studio/jobs.ts';
import { shortNames } from './short-names.ts';

export interface Row {
  readonly name: string;
  /** Its name without the path that all layers share. */
  readonly short: string;
  readonly op: string;
  /** Shape of the main weight; of the first output where the layer has none. */
  readonly shape: readonly (number | string | null)[] | null;
  readonly parameters: number;
  readonly macs: number | null;
  readonly bytesBefore: number;
  /** Same as before where nothing changes it. */
  readonly bytesAfter: number;
  /** Of all weight bytes before, 0 to 1. */
  readonly share: number;
  readonly bitsBefore: number | null;
  readonly bits: number | null;
  /** null where no lossy pass touches it. */
  readonly sqnrDb: number | null;
  readonly sparsity: number | null;
  readonly skipped: string | null;
  readonly skippedCode: string | null;
  readonly excluded: boolean;
  readonly overridden: boolean;
  readonly granularity: string | null;
}

export type ColumnKey =
  | 'order'
  | 'name'
  | 'op'
  | 'shape'
  | 'parameters'
  | 'bytes'
  | 'after'
  | 'share'
  | 'bits'
  | 'error'
  | 'skipped';

export interface Sort {
  readonly column: ColumnKey;
  readonly descending: boolean;
}

export type RowFilter = 'weights' | 'changed' | 'left' | 'excluded' | 'all';

export const GRAPH_ORDER: Sort = { column: 'order', descending: false };

export function rowsOf(layers: readonly Layer[], preview: Preview | null, recipe: Recipe): readonly Row[] {
  const results = new Map(preview?.layers.map((result) => [result.layer, result]));
  const shorts = shortNamesOf(layers);
  let total = 0;
  for (const layer of layers) total += layer.weightBytes;
  return layers.map((layer) =>
    rowOf(layer, shorts.get(layer.name) ?? layer.name, results.get(layer.name), recipe, total),
  );
}

/** A model's layers do not change while its recipe does. */
const SHORTS = new WeakMap<readonly Layer[], ReadonlyMap<string, string>>();

function shortNamesOf(layers: readonly Layer[]): ReadonlyMap<string, string> {
  const known = SHORTS.get(layers) ?? shortNames(layers.map((layer) => layer.name));
  SHORTS.set(layers, known);
  return known;
}

function rowOf(layer: Layer, short: string, result: LayerResult | undefined, recipe: Recipe, totalBytes: number): Row {
  const main = mainWeight(layer);
  const settings = recipe.layers?.[layer.name];
  const before = result?.bytesBefore ?? layer.weightBytes;
  return {
    name: layer.name,
    short,
    op: layer.op,
    shape: main?.shape ?? shapeOf(layer),
    parameters: layer.parameters,
    macs: layer.macs,
    bytesBefore: before,
    bytesAfter: result?.bytesAfter ?? before,
    share: totalBytes === 0 ? 0 : before / totalBytes,
    bitsBefore: main?.bits ?? null,
    bits: result?.skippedCode === 'removed' ? null : (result?.bits ?? main?.bits ?? null),
    sqnrDb: result?.error?.sqnrDb ?? null,
    sparsity: result?.sparsity ?? null,
    skipped: result?.skipped ?? null,
    skippedCode: result?.skippedCode ?? null,
    excluded: settings?.exclude === true,
    overridden: settings?.options !== undefined,
    granularity: result?.granularity ?? null,
  };
}

/** The weight with the most elements: a kernel rather than its bias. */
export function mainWeight(layer: Layer): Layer['weights'][number] | undefined {
  let main: Layer['weights'][number] | undefined;
  for (const weight of layer.weights) {
    if (main === undefined || weight.sizeBytes > main.sizeBytes) main = weight;
  }
  return main;
}

export function filterRows(rows: readonly Row[], filter: RowFilter, text: string): readonly Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    (row) => passes(row, filter) && words.every((word) => `${row.name} ${row.op}`.toLowerCase().includes(word)),
  );
}

function passes(row: Row, filter: RowFilter): boolean {
  switch (filter) {
    case 'weights':
      return row.bytesBefore > 0;
    case 'changed':
      return row.sqnrDb !== null || row.bytesAfter !== row.bytesBefore;
    case 'left':
      return row.skipped !== null && row.skippedCode !== 'removed' && row.bytesBefore > 0;
    case 'excluded':
      return row.excluded;
    case 'all':
      return true;
  }
}

/** Sorted copy; rows without a value come last in either direction, and ties keep the order of the graph. */
export function sortRows(rows: readonly Row[], sort: Sort): readonly Row[] {
  if (sort.column === 'order') return sort.descending ? rows.toReversed() : rows;
  const keyed = rows.map((row) => ({ row, key: sortKey(row, sort.column) }));
  const sign = sort.descending ? -1 : 1;
  return keyed
    .toSorted((a, b) => {
      if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
      return sign * (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    })
    .map(({ row }) => row);
}

/** The order a click on a column's head gives: first the interesting end, then the other, then the graph's own. */
export function nextSort(sort: Sort, column: ColumnKey): Sort {
  const first = { column, descending: BIGGEST_FIRST.has(column) };
  if (sort.column !== column) return first;
  return sort.descending === first.descending ? { column, descending: !first.descending } : GRAPH_ORDER;
}

const BIGGEST_FIRST: ReadonlySet<ColumnKey> = new Set(['parameters', 'bytes', 'after', 'share', 'bits']);

function sortKey(row: Row, column: ColumnKey): string | number | null {
  switch (column) {
    case 'order':
      return 0;
    case 'name':
      return row.name;
    case 'op':
      return row.op;
    case 'shape':
      return row.shape === null ? null : row.shape.reduce<number>((all, size) => all * Number(size ?? 1), 1);
    case 'parameters':
      return row.parameters;
    case 'bytes':
      return row.bytesBefore;
    case 'after':
      return row.bytesAfter;
    case 'share':
      return row.share;
    case 'bits':
      return row.bits;
    case 'error':
      return row.sqnrDb;
    case 'skipped':
      return row.skipped;
  }
}

function shapeOf(layer: Layer): readonly (number | string | null)[] | null {
  const shape: unknown = layer.outputShapes[0];
  if (!Array.isArray(shape)) return null;
  return shape.map((size: unknown) => (typeof size === 'number' || typeof size === 'string' ? size : null));
}
