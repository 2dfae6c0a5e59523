import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { isRange, joinChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { blobSource, memorySource } from '#base/sources.ts';
import { decodeBytes, decodeMessage } from './decode.ts';
import { MessageDraft, encodeField, joinBytes } from './encode.ts';
import type { Field, Message } from './message.ts';
import { fieldOf, floatsOf, integerOf, integersOf, loadField, messageOf, schema, stringOf } from './message.ts';
import { pushVarint, readVarint, signed64, unpackVarints } from './varint.ts';

const LEAF = schema('Leaf');
const TREE = schema('Tree', { 1: LEAF });
TREE.messages.set(2, TREE);

describe('varints', () => {
  it('keep every 64-bit integer', () => {
    const int64 = fc.oneof(fc.maxSafeInteger(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.integer());
    fc.assert(
      fc.property(int64, (value) => {
        const out: number[] = [];
        pushVarint(out, value);
        const read = readVarint(Uint8Array.from(out), 0);
        expect(read?.next).toBe(out.length);
        expect(BigInt(signed64(read?.value ?? 0))).toBe(BigInt(value));
      }),
      { seed: 1 },
    );
  });

  it.each([
    [0, [0]],
    [127, [127]],
    [300, [0xac, 2]],
    [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
    [-1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
  ])('write %d as the specification does', (value, bytes) => {
    const out: number[] = [];
    pushVarint(out, value);
    expect(out).toEqual(bytes);
  });

  it('that end early or never are told apart', () => {
    expect(readVarint(Uint8Array.of(0x80), 0)).toBeUndefined();
    expect(() => readVarint(new Uint8Array(11).fill(0x80), 0)).toThrow(PareError);
    expect(() => unpackVarints(Uint8Array.of(1, 0x80))).toThrow(PareError);
  });
});

/** Random trees with all kinds of fields. */
const { tree } = fc.letrec<{ tree: MessageDraft }>((tie) => ({
  tree: fc
    .array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.tuple(fc.constant('integer' as const), fc.integer({ min: 3, max: 40 }), fc.maxSafeInteger()),
        fc.tuple(fc.constant('bytes' as const), fc.integer({ min: 3, max: 40 }), fc.uint8Array({ maxLength: 9000 })),
        fc.tuple(fc.constant('float' as const), fc.integer({ min: 3, max: 40 }), fc.float({ noNaN: true })),
        fc.tuple(fc.constant('tree' as const), fc.constant(2), tie('tree')),
      ),
      { maxLength: 6 },
    )
    .map((fields) => {
      const draft = new MessageDraft();
      for (const field of fields) {
        if (field[0] === 'integer') draft.integer(field[1], field[2]);
        else if (field[0] === 'bytes') draft.bytes(field[1], field[2]);
        else if (field[0] === 'float') draft.float(field[1], field[2]);
        else draft.message(field[1], field[2]);
      }
      return draft;
    }),
}));

async function again(source: ByteSource, message: Message): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const payload = async (field: Field): Promise<Uint8Array> =>
    field.message === undefined ? loadField(source, field) : again(source, field.message);
  for (const field of message.fields) {
    parts.push(encodeField(field, field.wire === 0 ? undefined : await payload(field)));
  }
  return joinBytes(parts);
}

describe('messages', () => {
  it('come back byte for byte, read from memory or through windows', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (draft) => {
        const bytes = await joinChunks(draft.compose());
        expect(bytes.byteLength).toBe(draft.sizeBytes);
        for (const source of [memorySource('m', bytes), blobSource('b', new Blob([new Uint8Array(bytes)]))]) {
          expect(Buffer.compare(await again(source, await decodeMessage(source, TREE)), bytes)).toBe(0);
        }
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('give their fields by number, packed or not, the last one winning', async () => {
    const packed: number[] = [];
    for (const value of [1, -2]) pushVarint(packed, value);
    const floats = new Uint8Array(Float32Array.of(1.5, -2).buffer);
    const draft = new MessageDraft()
      .integer(3, 1)
      .integer(3, -7)
      .bytes(4, Uint8Array.from(packed))
      .integers(4, [3, 2n ** 62n])
      .bytes(5, floats)
      .float(5, 4)
      .string(6, 'ä\ufeff');
    const bytes = await joinChunks(draft.compose());
    const source = memorySource('m', bytes);
    const message = decodeBytes(bytes, TREE);
    expect(integerOf(message, 3)).toBe(-7);
    expect(await integersOf(source, message, 4)).toEqual([1, -2, 3, 2n ** 62n]);
    expect(await floatsOf(source, message, 5)).toEqual([1.5, -2, 4]);
    expect(await stringOf(source, message, 6)).toBe('ä\ufeff');
  });

  it('leave long payloads where they are and pass them on by reference', async () => {
    const weights = new Uint8Array(100_000).fill(7);
    const inner = memorySource('weights', weights);
    const draft = new MessageDraft().message(
      2,
      new MessageDraft().chunks(9, [{ source: inner, offset: 0, length: 1e5 }]),
    );
    const chunks = draft.compose();
    expect(chunks.filter(isRange)).toEqual([{ source: inner, offset: 0, length: 1e5 }]);
    const bytes = await joinChunks(chunks);
    const source = blobSource('b', new Blob([new Uint8Array(bytes)]));
    const field = fieldOf(messageOf(await decodeMessage(source, TREE), 2) ?? decodeBytes(bytes, TREE), 9);
    expect(field?.bytes).toBeUndefined();
    expect(bytes.subarray(field?.offset, (field?.offset ?? 0) + 3)).toEqual(Uint8Array.of(7, 7, 7));
  });

  it('are walked past 4 GiB without reading what lies between', async () => {
    const gap = 5 * 2 ** 30;
    const head = new MessageDraft().integer(3, 1);
    const tail = await joinChunks(new MessageDraft().string(6, 'end').compose());
    const lead: number[] = [];
    pushVarint(lead, 9 * 8 + 2);
    pushVarint(lead, gap);
    const start = joinBytes([await joinChunks(head.compose()), Uint8Array.from(lead)]);
    let bytesRead = 0;
    const source: ByteSource = {
      name: 'virtual',
      sizeBytes: start.byteLength + gap + tail.byteLength,
      read(offset, length) {
        bytesRead += length;
        const bytes = new Uint8Array(length);
        for (let at = 0; at < length; at++) {
          const place = offset + at;
          bytes[at] = start[place] ?? tail[place - start.byteLength - gap] ?? 0;
        }
        return Promise.resolve(bytes);
      },
    };
    const message = await decodeMessage(source, TREE);
    expect(fieldOf(message, 9)?.length).toBe(gap);
    expect(await stringOf(source, message, 6)).toBe('end');
    expect(bytesRead).toBeLessThan(100_000);
    await expect(
      loadField(source, fieldOf(message, 9) ?? { number: 9, wire: 2, offset: 0, length: 0 }),
    ).rejects.toThrow(/where a name or a short list belongs/);
  });
});
