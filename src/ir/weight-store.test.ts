import { describe, expect, it } from 'vitest';
import { isRange, joinChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { createWeightStore, packStrings, unpackStrings } from './weight-store.ts';

const source = memorySource('m.onnx', Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));

describe('the weight store', () => {
  it('hands out linked weights as ranges and made ones as they are', async () => {
    const store = createWeightStore();
    const linked = store.link('u8', [2, 2], { source, offset: 2, length: 4 });
    const bytes = Uint8Array.of(9, 9);
    const made = store.put('i16', [1], bytes);
    expect(linked.key).not.toBe(made.key);
    expect([...(await store.read(linked))]).toEqual([2, 3, 4, 5]);
    expect(store.chunks(linked)).toEqual([{ source, offset: 2, length: 4 }]);
    expect(store.chunks(made)[0]).toBe(bytes);
    expect([store.sizeBytes(linked), store.sizeBytes(made)]).toEqual([4, 2]);
  });

  it('decodes stored forms when read, also for a writer', async () => {
    const store = createWeightStore();
    const decode = (stored: Uint8Array): Uint8Array => stored.map((byte) => byte + 1);
    const tensor = store.link('u8', [3], { source, offset: 0, length: 3, decode });
    expect([...(await store.read(tensor))]).toEqual([1, 2, 3]);
    const chunks = store.chunks(tensor);
    expect(chunks.every(isRange)).toBe(true);
    expect([...(await joinChunks(chunks))]).toEqual([1, 2, 3]);
  });

  it('refuses sizes that do not fit the shape, and tickets of other stores', async () => {
    const store = createWeightStore();
    expect(() => store.put('f32', [2], new Uint8Array(4))).toThrow(/takes 8 bytes, but 4/);
    expect(() => store.link('f32', [2], { source, offset: 0, length: 4 })).toThrow(/^m\.onnx, byte 0: .*takes 8/);
    const wrong = store.link('u8', [3], { source, offset: 0, length: 3, decode: () => new Uint8Array(1) });
    await expect(store.read(wrong)).rejects.toThrow(/takes 3 bytes, but 1 are stored/);
    const other = createWeightStore();
    await expect(other.read(wrong)).rejects.toThrow(PareError);
  });

  it('keeps text that need not be UTF-8', () => {
    const texts = [new TextEncoder().encode('grün'), Uint8Array.of(0xff), new Uint8Array(0)];
    expect(unpackStrings(packStrings(texts))).toEqual(texts);
  });
});
