/** What reading a .tflite file costs, and what it says of files that are none, damaged, or without bounds. */
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { fixtureBytes, readBytes, readFixture } from './testing/fixtures.ts';
import { tflite } from './tflite.ts';

/** A file that begins with `head` and goes on with zeros; counts what is read of it. */
function longFile(name: string, head: Uint8Array, sizeBytes: number): ByteSource & { readonly read_: () => number } {
  let count = 0;
  return {
    name,
    sizeBytes,
    read_: () => count,
    read(offset, length) {
      count += length;
      const bytes = new Uint8Array(length);
      if (offset < head.byteLength) bytes.set(head.subarray(offset, offset + length));
      return Promise.resolve(bytes);
    },
  };
}

const WEIGHT_BYTES = 66 * 64 * 4;

/** The fixture whose weight lies behind the tables, with that weight moved to another place. */
function withWeightAt(offset: number): Uint8Array {
  const bytes = fixtureBytes('dense_outside');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = WEIGHT_BYTES;
  let moved = 0;
  for (let at = 0; at + 16 <= bytes.byteLength - length; at++) {
    // Size and place of the buffer stand side by side.
    const pair = [view.getBigUint64(at, true), view.getBigUint64(at + 8, true)];
    const place = pair.findIndex((one) => one === BigInt(bytes.byteLength - length));
    if (place === -1 || !pair.includes(BigInt(length))) continue;
    view.setBigUint64(at + 8 * place, BigInt(offset), true);
    moved++;
  }
  expect(moved).toBe(1);
  return bytes;
}

describe('reading', () => {
  it('knows its files by their first bytes, whatever their name', () => {
    expect(tflite.sniff(fixtureBytes('unary').subarray(0, 4096), 'model.bin')).toBe(true);
    expect(tflite.sniff(new Uint8Array(4), 'model.tflite')).toBe(false);
    expect(tflite.sniff(new TextEncoder().encode('a text that is longer'), 'model.tflite')).toBe(false);
  });

  it('costs the structure: of three gigabytes of weights nothing is read', async () => {
    const gigabytes = 3 * 2 ** 30;
    const source = longFile('large.tflite', withWeightAt(gigabytes - WEIGHT_BYTES), gigabytes);
    const store = createWeightStore();
    const { model } = await tflite.read({ files: new Map([[source.name, source]]), main: source.name }, store);
    expect(source.read_()).toBeLessThanOrEqual(64 * 1024);
    const weight = [...model.graph.values.values()].find(
      ({ constant }) => constant?.shape.join() === '66,64',
    )?.constant;
    expect(weight && store.chunks(weight)).toEqual([
      { source, offset: gigabytes - WEIGHT_BYTES, length: WEIGHT_BYTES },
    ]);
  });

  it('refuses a weight beyond the end of the file', async () => {
    await expect(readBytes('cut.tflite', withWeightAt(1_000_000))).rejects.toThrow(
      /^cut\.tflite, byte \d+: A weight of 16896 bytes at byte 1000000 reaches beyond the end of the file\./,
    );
  });

  it('reads a file with other things behind it, such as the archive of its metadata', async () => {
    const bytes = fixtureBytes('unary');
    const longer = new Uint8Array(bytes.byteLength + 1000);
    longer.set(bytes);
    const { model } = await readBytes('with-metadata.tflite', longer);
    expect(model.graph.nodes.length).toBeGreaterThan(20);
  });

  it('leaves a graph that calls itself as it is, by name', async () => {
    const { model } = await readFixture('endless');
    expect(refusalsOf(model)).toMatchObject([{ operator: 'CALL', reason: 'Graphs call each other without end.' }]);
  });

  it.each([
    ['an empty file', 0],
    ['a few bytes', 6],
    ['the head alone', 32],
    ['half a file', 1500],
  ])('refuses %s in a sentence', async (_, length) => {
    const cut = fixtureBytes('unary').slice(0, length);
    await expect(readBytes('cut.tflite', cut)).rejects.toThrow(PareError);
    await expect(readBytes('cut.tflite', cut)).rejects.toThrow(/^cut\.tflite, byte \d+: .+ get it again\.$/);
  });

  it('gives the same model each time', async () => {
    const [one, other] = [await readFixture('network_int8'), await readFixture('network_int8')];
    expect(one.model).toEqual(other.model);
  });
});
