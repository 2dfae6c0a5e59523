/** Labels from wherever they may lie, and what is said where they do not belong to the data. */
import { describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { fitData } from '#data/fit.ts';
import { openDataset } from '#data/open.ts';
import type { OpenDataset } from '#data/open.ts';
import { samplesOf } from '#data/prepare.ts';
import type { DataSettings } from '#data/settings.ts';
import { madeFiles, slot, slots, type Contents } from '#data/testing/made-files.ts';
import { writeNpy } from '#wire/npy.ts';

function npy(dtype: NdArray['dtype'], shape: readonly number[], data: NdArray['data']): Uint8Array {
  return writeNpy({ dtype, shape, data });
}

const ROWS = npy(
  'f32',
  [4, 2],
  Float32Array.from({ length: 8 }, (_, i) => i),
);
/** The heads of PNG files; nothing decodes them here. */
const PNG = new Uint8Array(64);
PNG.set([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 2, 0, 0, 0, 2]);
PNG.set([0, 0, 0, 0, 73, 69, 78, 68], 52);

const decode = async (): Promise<never> => Promise.reject(new Error('nothing is decoded here'));
const open = (contents: Contents, labels?: Contents): Promise<OpenDataset> =>
  openDataset(madeFiles(contents), { decode, ...(labels === undefined ? {} : { labels: madeFiles(labels) }) });

const classesOf = (dataset: OpenDataset, column = 0): unknown[] =>
  Array.from({ length: dataset.info.items }, (_, item) => dataset.labels[column]?.classes(item) ?? null);

describe('labels of arrays', () => {
  it.each([
    ['an array of indices', { 'labels.npy': npy('u8', [4], Uint8Array.of(2, 0, 1, 0)) }],
    ['a column of them', { 'y.npy': npy('i64', [4, 1], BigInt64Array.of(2n, 0n, 1n, 0n)) }],
    ['floats that are whole', { 'y_test.npy': npy('f32', [4], Float32Array.of(2, 0, 1, 0)) }],
    ['one-hot rows', { 'labels.npy': npy('f32', [4, 3], Float32Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0)) }],
    ['a table in the order of the rows', { 'labels.csv': 'label\n2\n0\n1\n0\n' }],
    ['a table that numbers the rows', { 'labels.csv': 'row,label\n3,0\n2,1\n1,0\n0,2\n' }],
    ['a text of one index a line', { 'labels.txt': '2\n0\n1\n0\n' }],
  ] as const)('come from %s', async (_name, contents) => {
    expect(classesOf(await open({ 'x.npy': ROWS, ...contents }))).toEqual([[2], [0], [1], [0]]);
  });

  it('come from names, numbered by a list of classes where there is one, else by the alphabet', async () => {
    const labels = npy('string', [4], ['dog', 'cat', 'dog', 'ant']);
    const sorted = await open({ 'x.npy': ROWS, 'labels.npy': labels });
    expect(classesOf(sorted)).toEqual([[2], [1], [2], [0]]);
    expect(sorted.labels[0]?.sorted).toEqual(['ant', 'cat', 'dog']);
    const listed = await open({ 'x.npy': ROWS, 'labels.npy': labels, 'classes.txt': 'dog\ncat\nant\nbee\n' });
    expect(classesOf(listed)).toEqual([[0], [1], [0], [2]]);
    expect(listed.info.classNames).toEqual(['dog', 'cat', 'ant', 'bee']);
  });

  it('are refused where a row holds none', async () => {
    const twoHot = npy('u8', [4, 3], Uint8Array.of(0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0));
    await expect(open({ 'x.npy': ROWS, 'labels.npy': twoHot })).rejects.toThrow(/labels.*row 1.*single 1/);
    const half = npy('f32', [4], Float32Array.of(0, 0.5, 1, 1));
    await expect(open({ 'x.npy': ROWS, 'labels.npy': half })).rejects.toThrow(/row 1.*0\.5/);
  });

  it('of another number of rows are left out and told', async () => {
    const dataset = await open({ 'x.npy': ROWS, 'labels.npy': npy('u8', [3], Uint8Array.of(0, 1, 2)) });
    expect(dataset.info).toMatchObject({ labelled: 0, labelColumns: [] });
    expect(dataset.info.notices[0]?.text).toContain('3 labels for 4 rows');
  });
});

describe('labels given apart', () => {
  const data = { 'x.npy': ROWS };

  it('are taken before any other', async () => {
    const own = { ...data, 'labels.npy': npy('u8', [4], Uint8Array.of(9, 9, 9, 9)) };
    expect(classesOf(await open(own, { 'mine.txt': '3\n2\n1\n0\n' }))).toEqual([[3], [2], [1], [0]]);
    expect(classesOf(await open(own, { 'mine.csv': 'label\n3\n2\n1\n0\n' }))).toEqual([[3], [2], [1], [0]]);
  });

  it('are refused where they do not belong to the data', async () => {
    await expect(open(data, { 'y.npy': npy('u8', [3], Uint8Array.of(0, 1, 2)) })).rejects.toThrow(
      '3 labels for 4 items',
    );
    await expect(open(data, { 'y.csv': 'label\n1\n' })).rejects.toThrow(/1 row.*data has 4/);
    const pictures = { 'a.png': PNG, 'b.png': PNG };
    await expect(open(pictures, { 'y.csv': 'file,label\nc.png,1\nd.png,2\n' })).rejects.toThrow(
      /None of its 2 rows names a file of the data, such as a\.png/,
    );
  });
});

describe('labels of files', () => {
  const files = { 'set/images/ant/1.png': PNG, 'set/images/bee/1.png': PNG };

  it('are the names of class folders', async () => {
    const dataset = await open(files);
    expect(classesOf(dataset)).toEqual([[0], [1]]);
    expect(dataset.info).toMatchObject({ name: 'set/images', classNames: ['ant', 'bee'], labelColumns: ['folder'] });
    expect(classesOf(await open({ '7/1.png': PNG, '10/1.png': PNG }))).toEqual([[10], [7]]);
  });

  it('are columns of a table that names them, from its own folder, with several accepted ones in a cell', async () => {
    const table = 'file,class,accepted\nimages/bee/1.png,bee,4\nimages/ant/1.png,ant,3|5; 7\nimages/gone.png,x,1\n';
    const dataset = await open({ ...files, 'set/labels.csv': table });
    expect(dataset.info.labelColumns).toEqual(['accepted', 'class', 'folder']);
    expect(classesOf(dataset)).toEqual([[3, 5, 7], [4]]);
    expect(dataset.info.notices.map(({ text }) => text)).toEqual([
      '1 of 3 rows of set/labels.csv name no file of the data.',
    ]);
  });

  it('are looked for by name where paths differ, but never where two files have the same', async () => {
    const table = 'image,label\nelsewhere/only.png,1\n1.png,0\n';
    const dataset = await open({ ...files, 'set/images/ant/only.png': PNG, 'set/t.csv': table });
    expect(classesOf(dataset)).toEqual([null, [1], null]);
    expect(dataset.info.notices.map(({ text }) => text)).toContain('2 of 3 have no label in label.');
  });

  it('are not guessed from the names of the files', async () => {
    expect((await open({ '0_a.png': PNG, '1_b.png': PNG })).info.labelColumns).toEqual([]);
  });
});

describe('labels and classes of a model', () => {
  const input = slot('x', [1, 2]);
  const fit = async (labels: Contents, classes: number, given: Partial<DataSettings> = {}): Promise<string[]> => {
    const dataset = await open({ 'x.npy': ROWS, ...labels });
    const model = slots([input], [slot('scores', [1, classes])]);
    const { guesses, problem, settings } = fitData(dataset, model, given);
    if (problem !== null) return [problem];
    const samples = samplesOf(dataset, model, settings);
    const read = await Promise.all(
      [0, 1, 2, 3].map((index) => samples.read(index).then(({ classes: found }) => JSON.stringify(found), String)),
    );
    return [...read, ...guesses];
  };

  it('move by one where the model has a background', async () => {
    const said = await fit({ 'labels.npy': npy('i32', [4], Int32Array.of(0, 999, 5, 5)) }, 1001);
    expect(said.slice(0, 4)).toEqual(['[1]', '[1000]', '[6]', '[6]']);
    expect(said.join(' ')).toContain('1 is added to every label');
    const whole = await fit({ 'labels.npy': npy('i32', [4], Int32Array.of(0, 1000, 5, 5)) }, 1001);
    expect(whole.slice(0, 4)).toEqual(['[0]', '[1000]', '[5]', '[5]']);
  });

  it('are refused one by one where they are outside, and altogether where all are', async () => {
    const some = await fit({ 'labels.npy': npy('i32', [4], Int32Array.of(0, 7, 1, 2)) }, 3);
    expect(some[0]).toBe('[0]');
    expect(some[1]).toMatch(/row 1.*label 7.*classes 0 to 2/);
    expect(some.join(' ')).toContain("1 of 4 labels in labels are not among the model's 3 classes");
    const all = await fit({ 'labels.npy': npy('i32', [4], Int32Array.of(5, 7, 5, 6)) }, 3);
    expect(all).toEqual(['The labels in labels are 5 to 7, and the model has classes 0 to 2.']);
  });

  it('serve the split alone where names cannot be told apart by the model', async () => {
    const said = await fit({ 'labels.npy': npy('string', [4], ['a', 'b', 'a', 'b']) }, 10);
    expect(said.slice(0, 4)).toEqual(['null', 'null', 'null', 'null']);
    expect(said.join(' ')).toContain('labels serve the split and count no hits');
  });

  it('are those of the column that was asked for', async () => {
    const table = { 'labels.csv': 'label,other_label\n0,1\n1,0\n0,1\n1,0\n' };
    expect((await fit(table, 2, { labels: { column: 'other_label', offset: 0 } })).slice(0, 2)).toEqual(['[1]', '[0]']);
    expect(await fit(table, 2, { labels: { column: 'third', offset: 0 } })).toEqual([
      'There is no label column "third" (there are label, other_label).',
    ]);
  });
});
