/** Where rows of a table start: quotes as the parser has them, over the borders of what is read at once. */
import { describe, expect, it } from 'vitest';
import { madeFiles } from '#data/testing/made-files.ts';
import { openTable, type FoundTable } from './data-table.ts';

const open = (text: string): Promise<FoundTable> => openTable(madeFiles({ 't.csv': text }), undefined);

/** Columns 0 and 2 of every row. */
async function ends(text: string): Promise<(readonly number[])[]> {
  const { table, notices } = await open(text);
  expect(notices).toEqual([]);
  return Promise.all(Array.from({ length: table.rows }, async (_, row) => [...(await table.read(row, [0, 2]))]));
}

describe('rows of a table', () => {
  const wanted = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];

  it.each([
    ['marks within text', 'a,text,b\n1,5" pipe,2\n3,6" pipe,4\n5,x,6\n'],
    ['line breaks within quotes', 'a,text,b\n1,"two\nlines",2\n3,"and, ""quoted""\n",4\n5,"",6\n'],
    ['tabs', 'a\ttext\tb\n1\tone, "two"\t2\n3\t"four\tfive"\t4\n5\t;\t6\n'],
    ['bars', 'a|text|b\n1|x|2\n\n3|"|"|4\n||\n5|x|6'],
  ])('are told apart with %s', async (_name, text) => {
    expect(await ends(text)).toEqual(wanted);
  });

  it('are the same where a row lies across what is read at once', async () => {
    const row = (index: number): string => `${index},"${'x'.repeat(index % 97)}\n""${index}""",${-index}\n`;
    const count = 40_000;
    const text = `a,text,b\n${Array.from({ length: count }, (_, index) => row(index)).join('')}`;
    expect(text.length).toBeGreaterThan(2 * 1024 * 1024);
    const { table } = await open(text);
    expect(table.rows).toBe(count);
    for (let index = 0; index < count; index += 77) {
      expect([...(await table.read(index, [0, 2]))]).toEqual([index, 0 - index]);
    }
  });

  it('that end with carriage returns alone are refused, and what to do is said', async () => {
    await expect(open('a,b\r1,2\r3,4\r')).rejects.toThrow(/t\.csv.*carriage return alone/);
    await expect(open('1,2\r3,4\r5,6')).rejects.toThrow(/t\.csv.*carriage return alone/);
  });
});
