import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { readTable } from './leveldb-table.ts';
import { writeTable } from './testing/leveldb-table.ts';

const read = (bytes: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> =>
  readTable(memorySource('variables.index', bytes));

describe('a LevelDB table', () => {
  it('gives back what was written, in blocks of any size', async () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 30 })), {
      maxLength: 40,
      selector: ([key]) => key,
    });
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 9 }), async (list, perBlock) => {
        const sorted = list.toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect([...(await read(writeTable(sorted, { perBlock })))]).toEqual(sorted);
      }),
      { seed: 3, numRuns: 50 },
    );
  });

  const table = writeTable([
    ['', Uint8Array.of(8, 1)],
    ['layer/bias', Uint8Array.of(1, 2, 3)],
    ['layer/kernel', Uint8Array.of(4, 5)],
  ]);

  it.each([
    ['another end', table.with(table.byteLength - 1, 0), /does not end with the mark/],
    ['too few bytes', table.subarray(0, 20), /has 20 bytes/],
    ['a changed byte', table.with(3, 7), /checksum of a block is wrong/],
    ['a compressed block', writeTable([['a', Uint8Array.of(1)]], { compression: 1 }), /compressed with Snappy/],
    ['a block beyond the end', table.with(table.byteLength - 48, 200), /beyond the end/],
  ])('with %s is refused', async (_, bytes, problem) => {
    await expect(read(bytes)).rejects.toThrow(problem);
    await expect(read(bytes)).rejects.toThrow(/variables.index/);
  });

  it('that is damaged anywhere is refused, or says the same', async () => {
    for (let at = 0; at < table.byteLength; at++) {
      for (const bit of [1, 128]) {
        const told = await read(table.with(at, (table[at] ?? 0) ^ bit)).catch((error: unknown) => error);
        if (!(told instanceof PareError)) expect([...(told as Map<string, Uint8Array>).keys()]).toHaveLength(3);
      }
    }
  });
});
