import fc from 'fast-check';
import { Builder } from 'flatbuffers';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { type FlatTable, openFlatBuffer } from './flatbuffers.ts';

/** A table of everything: bool, i8, i32, f32, u64, string, ints, floats, longs, tables, a table. */
interface Everything {
  readonly yes: boolean;
  readonly small: number;
  readonly whole: number;
  readonly real: number;
  readonly place: number;
  readonly text: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly longs: readonly bigint[];
  readonly inner: readonly number[];
}

const everything = fc.record({
  yes: fc.boolean(),
  small: fc.integer({ min: -128, max: 127 }),
  whole: fc.integer(),
  real: fc.float({ noNaN: true }),
  place: fc.maxSafeNat(),
  text: fc.string(),
  ints: fc.array(fc.integer()),
  floats: fc.array(fc.float({ noNaN: true })),
  longs: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  inner: fc.array(fc.integer(), { maxLength: 5 }),
});

function write(value: Everything): Uint8Array {
  const builder = new Builder(64);
  const text = builder.createString(value.text);
  builder.startVector(4, value.ints.length, 4);
  for (const entry of value.ints.toReversed()) builder.addInt32(entry);
  const ints = builder.endVector();
  builder.startVector(4, value.floats.length, 4);
  for (const entry of value.floats.toReversed()) builder.addFloat32(entry);
  const floats = builder.endVector();
  builder.startVector(8, value.longs.length, 8);
  for (const entry of value.longs.toReversed()) builder.addInt64(entry);
  const longs = builder.endVector();
  const tables = value.inner.map((entry) => {
    builder.startObject(2);
    builder.addFieldInt32(1, entry, 0);
    return builder.endObject();
  });
  builder.startVector(4, tables.length, 4);
  for (const table of tables.toReversed()) builder.addOffset(table);
  const inner = builder.endVector();
  builder.startObject(12);
  builder.addFieldInt8(0, value.yes ? 1 : 0, 0);
  builder.addFieldInt8(1, value.small, 0);
  builder.addFieldInt32(2, value.whole, 7);
  builder.addFieldFloat32(3, value.real, 0);
  builder.addFieldInt64(4, BigInt(value.place), 0n);
  builder.addFieldOffset(5, text, 0);
  builder.addFieldOffset(6, ints, 0);
  builder.addFieldOffset(7, floats, 0);
  builder.addFieldOffset(8, longs, 0);
  builder.addFieldOffset(9, inner, 0);
  if (tables[0] !== undefined) builder.addFieldOffset(10, tables[0], 0);
  builder.finish(builder.endObject(), 'TEST');
  return builder.asUint8Array();
}

async function read(table: FlatTable): Promise<Everything> {
  const inner = await table.tables(9, 100);
  return {
    yes: table.bool(0),
    small: table.int8(1),
    whole: table.int32(2, 7),
    real: table.float32(3),
    place: table.uint64(4),
    text: (await table.text(5)) ?? '',
    ints: await table.int32s(6, 1000),
    floats: await table.float32s(7, 1000),
    longs: await table.int64s(8, 1000),
    inner: inner.map((entry) => entry.int32(1)),
  };
}

/** A source that is read piece by piece and counts what it gave. */
function slowSource(bytes: Uint8Array): ByteSource & { readonly given: () => number } {
  let given = 0;
  return {
    name: 'slow',
    sizeBytes: bytes.byteLength,
    given: () => given,
    read(offset, length) {
      given += length;
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

describe('flatbuffers', () => {
  it('reads what the reference builder writes, from memory and piece by piece', async () => {
    await fc.assert(
      fc.asyncProperty(everything, async (value) => {
        const bytes = write(value);
        expect(await read(await openFlatBuffer(memorySource('a', bytes), 'TEST'))).toEqual(value);
        expect(await read(await openFlatBuffer(slowSource(bytes), 'TEST'))).toEqual(value);
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('refuses damaged files with a PareError and nothing else', async () => {
    const [value] = fc.sample(everything, { seed: 11, numRuns: 1 });
    const bytes = write({ ...value!, text: 'a name', ints: [1, 2, 3], inner: [4, 5] });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: bytes.length }),
        async (changes, length) => {
          const damaged = bytes.slice(0, length % 3 === 0 ? length : bytes.length);
          for (const [at, to] of changes) if (at < damaged.length) damaged[at] = to;
          try {
            await read(await openFlatBuffer(slowSource(damaged), 'TEST'));
          } catch (error) {
            expect(error).toBeInstanceOf(PareError);
          }
        },
      ),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('tells a foreign file by its identifier', async () => {
    const bytes = write(fc.sample(everything, { seed: 1, numRuns: 1 })[0]!);
    await expect(openFlatBuffer(memorySource('model.bin', bytes), 'TFL3')).rejects.toThrow(
      'model.bin, byte 4: The file says "TEST" where TFL3 belongs.',
    );
    await expect(openFlatBuffer(memorySource('short', new Uint8Array(3)), 'TFL3')).rejects.toThrow(PareError);
  });

  it('refuses lists that are longer than the file or than the reader takes', async () => {
    const bytes = write({ ...fc.sample(everything, { seed: 2, numRuns: 1 })[0]!, ints: [1, 2, 3] });
    const table = await openFlatBuffer(memorySource('a', bytes), 'TEST');
    await expect(table.int32s(6, 2)).rejects.toThrow('A list here has 3 entries; at most 2 are read.');
    const vector = await table.vector(6, 4);
    expect(vector?.length).toBe(3);
    const long = bytes.slice();
    new DataView(long.buffer).setUint32(vector!.offset - 4, 4_000_000_000, true);
    const other = await openFlatBuffer(memorySource('a', long), 'TEST');
    await expect(other.int32s(6, 5_000_000_000)).rejects.toThrow(/reaches beyond the end of the file/);
  });

  it('reads pages of a large file, not the file', async () => {
    const bytes = write(fc.sample(everything, { seed: 3, numRuns: 1 })[0]!);
    const large = new Uint8Array(8 * 1024 * 1024);
    large.set(bytes);
    const source = slowSource(large);
    await read(await openFlatBuffer(source, 'TEST'));
    expect(source.given()).toBeLessThanOrEqual(128 * 1024);
  });

  it('gives up on structure that refers to the same place without end', async () => {
    const builder = new Builder(64);
    builder.startObject(1);
    const leaf = builder.endObject();
    builder.startVector(4, 40_000, 4);
    for (let i = 0; i < 40_000; i++) builder.addOffset(leaf);
    const list = builder.endVector();
    builder.startObject(1);
    builder.addFieldOffset(0, list, 0);
    builder.finish(builder.endObject(), 'TEST');
    const table = await openFlatBuffer(memorySource('a', builder.asUint8Array()), 'TEST');
    const again = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await table.tables(0, 100_000);
    };
    await expect(again()).rejects.toThrow(/over and over/);
  });
});
