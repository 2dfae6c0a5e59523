import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layer, Preview, Recipe } from '#studio/jobs.ts';
import { filterRows, GRAPH_ORDER, nextSort, rowsOf, sortRows, type ColumnKey, type Row } from './rows.ts';

const layer = (name: string, op: string, elements: number): Layer => ({
  name,
  node: name as unknown as Layer['node'],
  op,
  domain: '',
  scope: [],
  outputShapes: [],
  weights:
    elements === 0
      ? []
      : [
          {
            value: name as unknown as Layer['weights'][number]['value'],
            name: `${name}.weight`,
            input: 1,
            dtype: 'f32',
            shape: [elements],
            sizeBytes: elements * 4,
            bits: 32,
            sharedWith: [],
          },
        ],
  parameters: elements,
  weightBytes: elements * 4,
  macs: null,
});

const layers = [layer('conv1', 'Conv', 100), layer('relu', 'Relu', 0), layer('fc', 'Gemm', 300)];
const recipe: Recipe = { version: 1, name: '', steps: [], layers: { fc: { exclude: true } } };
const preview: Preview = {
  layers: [
    {
      layer: 'conv1',
      op: 'Conv',
      parameters: 100,
      bytesBefore: 400,
      bytesAfter: 108,
      bits: 8,
      error: { sqnrDb: 41, mse: 0, cosine: 1, maxAbs: 0 },
      sparsity: null,
    },
    {
      layer: 'fc',
      op: 'Gemm',
      parameters: 300,
      bytesBefore: 1200,
      bytesAfter: 1200,
      bits: 32,
      error: null,
      sparsity: null,
      skipped: 'The recipe excludes it.',
      skippedCode: 'excluded',
    },
  ],
  weightBytesBefore: 1600,
  weightBytesAfter: 1308,
  fileBytesBefore: 1700,
  fileBytesAfter: 1408,
  weightSqnrDb: 41,
  durationMs: 1,
  notices: [],
};
const rows = rowsOf(layers, preview, recipe);
const names = (some: readonly Row[]) => some.map((row) => row.name).join(' ');

describe('layer rows', () => {
  it('joins layers with the preview', () => {
    expect(rows[0]).toMatchObject({
      bits: 8,
      bitsBefore: 32,
      bytesAfter: 108,
      share: 0.25,
      sqnrDb: 41,
      excluded: false,
    });
    expect(rows[2]).toMatchObject({ bits: 32, sqnrDb: null, skippedCode: 'excluded', excluded: true });
    expect(rowsOf(layers, null, recipe)[0]).toMatchObject({ bits: 32, bytesAfter: 400, sqnrDb: null });
  });

  it.each([
    ['weights', '', 'conv1 fc'],
    ['all', '', 'conv1 relu fc'],
    ['changed', '', 'conv1'],
    ['left', '', 'fc'],
    ['excluded', '', 'fc'],
    ['all', 'CONV', 'conv1'],
    ['all', 'gemm f', 'fc'],
    ['all', 'nothing', ''],
  ] as const)('filters by %s and %j', (filter, text, expected) =>
    expect(names(filterRows(rows, filter, text))).toBe(expected),
  );

  it.each([
    ['name', false, 'conv1 fc relu'],
    ['bytes', true, 'fc conv1 relu'],
    ['error', false, 'conv1 relu fc'],
    ['error', true, 'conv1 relu fc'],
    ['order', true, 'fc relu conv1'],
  ] as const)('sorts by %s, descending %s', (column, descending, expected) =>
    expect(names(sortRows(rows, { column, descending }))).toBe(expected),
  );

  it('keeps every row and the order of ties', () => {
    const columns: readonly ColumnKey[] = [
      'order',
      'name',
      'op',
      'shape',
      'parameters',
      'after',
      'bits',
      'error',
      'skipped',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...columns), fc.boolean(), (column, descending) => {
        expect([...sortRows(rows, { column, descending })].map((row) => row.name).toSorted()).toEqual([
          'conv1',
          'fc',
          'relu',
        ]);
      }),
    );
    const same = rows.map((row) => ({ ...row, op: 'Conv' }));
    expect(names(sortRows(same, { column: 'op', descending: true }))).toBe('conv1 relu fc');
  });

  it('goes round: interesting end, other end, order of the graph', () => {
    const first = nextSort(GRAPH_ORDER, 'bytes');
    expect(first).toEqual({ column: 'bytes', descending: true });
    const second = nextSort(first, 'bytes');
    expect(second).toEqual({ column: 'bytes', descending: false });
    expect(nextSort(second, 'bytes')).toEqual(GRAPH_ORDER);
    expect(nextSort(first, 'error')).toEqual({ column: 'error', descending: false });
  });
});
