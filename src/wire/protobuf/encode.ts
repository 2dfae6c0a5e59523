/**
 * Composes protobuf messages as lists of chunks. Sizes are known bottom-up, as a child is complete before it is added, so
 * length prefixes are written once; the second pass lays small pieces together and passes tensor data on by reference.
 */
import type { Chunk } from '#base/bytes.ts';
import { isRange, sizeOfChunks } from '#base/bytes.ts';
import type { Field, Message } from './message.ts';
import { pushVarint } from './varint.ts';

/** Bytes from this size on are passed on by reference; smaller ones are laid together. */
const BY_REFERENCE = 4 * 1024;
/** Size of the blocks that small pieces are laid together in. */
const BLOCK = 64 * 1024;

const ENCODER = new TextEncoder();

/** A message being composed. Fields are written in the order of the calls. */
export class MessageDraft {
  readonly #parts: (Chunk | MessageDraft)[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** int32, int64, uint64, enum and bool fields. */
  integer(number: number, value: number | bigint): this {
    const out: number[] = [];
    pushVarint(out, number * 8);
    pushVarint(out, value);
    return this.#add(Uint8Array.from(out));
  }

  /** Unpacked, as proto2 (and so ONNX) writes them. */
  integers(number: number, values: readonly (number | bigint)[]): this {
    const out: number[] = [];
    for (const value of values) {
      pushVarint(out, number * 8);
      pushVarint(out, value);
    }
    return this.#add(Uint8Array.from(out));
  }

  float(number: number, value: number): this {
    const bytes = new Uint8Array(tag(number, 5).byteLength + 4);
    const head = tag(number, 5);
    bytes.set(head);
    new DataView(bytes.buffer).setFloat32(head.byteLength, value, true);
    return this.#add(bytes);
  }

  string(number: number, value: string): this {
    return this.bytes(number, ENCODER.encode(value));
  }

  bytes(number: number, value: Uint8Array): this {
    return this.#delimited(number, value.byteLength).#add(value);
  }

  /** A bytes field whose content is composed or still lies in a file. */
  chunks(number: number, chunks: readonly Chunk[]): this {
    this.#delimited(number, sizeOfChunks(chunks));
    for (const chunk of chunks) this.#add(chunk);
    return this;
  }

  /** A child, which must be complete: its size is written now. */
  message(number: number, child: MessageDraft): this {
    this.#delimited(number, child.sizeBytes);
    this.#parts.push(child);
    this.#sizeBytes += child.sizeBytes;
    return this;
  }

  /** Whole fields, tags included, as they were read or as they lie in a file. */
  verbatim(fields: Chunk): this {
    return this.#add(fields);
  }

  /** The pieces in order; small ones laid together. */
  compose(): Chunk[] {
    const sink = new ChunkSink();
    this.#emit(sink);
    return sink.finish();
  }

  #delimited(number: number, length: number): this {
    const out: number[] = [];
    pushVarint(out, number * 8 + 2);
    pushVarint(out, length);
    return this.#add(Uint8Array.from(out));
  }

  #add(chunk: Chunk): this {
    const size = isRange(chunk) ? chunk.length : chunk.byteLength;
    if (size === 0) return this;
    this.#parts.push(chunk);
    this.#sizeBytes += size;
    return this;
  }

  #emit(sink: ChunkSink): void {
    for (const part of this.#parts) {
      if (part instanceof MessageDraft) part.#emit(sink);
      else sink.add(part);
    }
  }
}

/** One field, tag included, again as bytes: to keep what no schema knows. `payload` is needed where it was not read. */
export function encodeField(field: Field, payload: Uint8Array | undefined = field.bytes): Uint8Array {
  const out: number[] = [];
  pushVarint(out, field.number * 8 + field.wire);
  if (field.wire === 0) {
    pushVarint(out, field.value ?? 0);
    return Uint8Array.from(out);
  }
  const body = payload ?? new Uint8Array(0);
  if (field.wire === 2) pushVarint(out, body.byteLength);
  const bytes = new Uint8Array(out.length + body.byteLength);
  bytes.set(out);
  bytes.set(body, out.length);
  return bytes;
}

/** Fields of a message other than the known ones, tag included and joined; `undefined` when there are none. */
export async function unknownFields(
  message: Message,
  known: ReadonlySet<number>,
  load: (field: Field) => Promise<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  for (const field of message.fields) {
    if (!known.has(field.number)) parts.push(encodeField(field, field.wire === 0 ? undefined : await load(field)));
  }
  return parts.length === 0 ? undefined : joinBytes(parts);
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

function tag(number: number, wire: number): Uint8Array {
  const out: number[] = [];
  pushVarint(out, number * 8 + wire);
  return Uint8Array.from(out);
}

/** Lays small pieces together into blocks and lets large ones and ranges through. */
class ChunkSink {
  readonly #chunks: Chunk[] = [];
  #block = new Uint8Array(BLOCK);
  #used = 0;

  add(chunk: Chunk): void {
    if (isRange(chunk) || chunk.byteLength >= BY_REFERENCE) {
      this.#flush();
      this.#chunks.push(chunk);
      return;
    }
    if (this.#used + chunk.byteLength > BLOCK) this.#flush();
    this.#block.set(chunk, this.#used);
    this.#used += chunk.byteLength;
  }

  finish(): Chunk[] {
    this.#flush();
    return this.#chunks;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#chunks.push(this.#block.slice(0, this.#used));
    this.#used = 0;
  }
}
