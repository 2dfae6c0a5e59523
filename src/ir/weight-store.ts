/**
 * The weight store: claim tickets against ranges of dropped files and against bytes that passes made. Nothing is read
 * until someone asks, and bytes that were never changed are handed to writers as ranges, not as copies.
 *
 * String tensors have no fixed width: their bytes are, per element, the length as 32-bit little endian, then UTF-8
 * (`packStrings`, `unpackStrings`).
 */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Tensor } from './model.ts';
import type { LinkPlace, WeightStore } from './weights.ts';

/** Made bytes, or a place in a file. */
type Entry = { readonly bytes: Uint8Array } | { readonly place: LinkPlace; readonly sizeBytes: number };

export function createWeightStore(): WeightStore {
  const entries = new Map<string, Entry>();
  let next = 0;

  const keep = (dtype: DType, shape: readonly number[], entry: Entry): Tensor => {
    const key = `w${next++}`;
    entries.set(key, entry);
    return { key, dtype, shape: [...shape] };
  };

  const entryOf = (tensor: Tensor): Entry => {
    const entry = entries.get(tensor.key);
    if (entry !== undefined) return entry;
    throw new PareError({
      code: 'weights/unknown-ticket',
      place: tensor.key,
      problem: 'These weights belong to another model or were made elsewhere.',
      hint: 'Open the model again.',
    });
  };

  return {
    async read(tensor) {
      const entry = entryOf(tensor);
      if ('bytes' in entry) return entry.bytes;
      return readPlace(entry.place, entry.sizeBytes, tensor);
    },

    chunks(tensor) {
      const entry = entryOf(tensor);
      if ('bytes' in entry) return [entry.bytes];
      const { source, offset, length, decode } = entry.place;
      if (decode === undefined) return [{ source, offset, length }];
      return [{ source: decodingSource(entry.place, entry.sizeBytes, tensor), offset: 0, length: entry.sizeBytes }];
    },

    sizeBytes(tensor) {
      const entry = entryOf(tensor);
      return 'bytes' in entry ? entry.bytes.byteLength : entry.sizeBytes;
    },

    put(dtype, shape, bytes) {
      checkSize(dtype, shape, bytes.byteLength);
      return keep(dtype, shape, { bytes });
    },

    link(dtype, shape, place) {
      if (place.decode === undefined) checkSize(dtype, shape, place.length, place);
      const sizeBytes = dtype === 'string' ? place.length : bytesFor(dtype, countOf(shape));
      return keep(dtype, shape, { place, sizeBytes });
    },
  };
}

async function readPlace(place: LinkPlace, sizeBytes: number, tensor: Tensor): Promise<Uint8Array> {
  const stored = await place.source.read(place.offset, place.length);
  if (place.decode === undefined) return stored;
  const bytes = place.decode(stored);
  if (bytes.byteLength === sizeBytes) return bytes;
  throw new PareError({
    code: 'weights/size',
    file: place.source.name,
    place: `byte ${place.offset}`,
    problem: `A ${tensor.dtype} tensor of shape [${tensor.shape.join(', ')}] takes ${sizeBytes} bytes, but ${bytes.byteLength} are stored.`,
    hint: 'The file is damaged: export it again.',
  });
}

/** Lets a writer stream weights whose stored form is not the packed one; decoded when read, and again if read again. */
function decodingSource(place: LinkPlace, sizeBytes: number, tensor: Tensor): ByteSource {
  return {
    name: place.source.name,
    sizeBytes,
    async read(offset, length) {
      const bytes = await readPlace(place, sizeBytes, tensor);
      return bytes.subarray(offset, offset + length);
    },
  };
}

function checkSize(dtype: DType, shape: readonly number[], sizeBytes: number, place?: LinkPlace): void {
  if (dtype === 'string') return;
  const expected = bytesFor(dtype, countOf(shape));
  if (expected === sizeBytes) return;
  throw new PareError({
    code: 'weights/size',
    ...(place === undefined ? {} : { file: place.source.name, place: `byte ${place.offset}` }),
    problem: `A ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} bytes, but ${sizeBytes} were given.`,
  });
}

/** Bytes of a string tensor; see the head of this file. Elements are bytes, which need not be UTF-8. */
export function packStrings(strings: readonly (string | Uint8Array)[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts = strings.map((text) => (typeof text === 'string' ? encoder.encode(text) : text));
  const all = new Uint8Array(parts.reduce((size, part) => size + 4 + part.byteLength, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength, true);
    all.set(part, at + 4);
    at += 4 + part.byteLength;
  }
  return all;
}

/** Elements of a string tensor, as the bytes of each. */
export function unpackStrings(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const length = view.getUint32(at, true);
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}
