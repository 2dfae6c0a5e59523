/**
 * Decodes protobuf lazily: the structure is walked through small windows of the source, long payloads are passed over and
 * stay in the file as places. Every length is held against what is there before anything is allocated for it.
 *
 * Protocol Buffers encoding: https://protobuf.dev/programming-guides/encoding/
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Field, Message, Schema } from './message.ts';
import { MAX_VARINT_BYTES, readVarint } from './varint.ts';

/** Bytes read at a time while walking; a few records of a graph fit. */
const WINDOW = 16 * 1024;
/** Messages up to this size are read whole. */
const WHOLE = 16 * 1024;
/** Payloads up to this size are kept when met in passing; longer ones stay in the file. */
const KEPT = 4 * 1024;
/** Fields in one file, beyond which it is no model: each costs memory. */
const MAX_FIELDS = 8_000_000;
/** Nesting that protobuf implementations agree to accept. */
const MAX_DEPTH = 100;

/** Decodes the message that lies at `offset`; the whole source by default. */
export async function decodeMessage(
  source: ByteSource,
  form: Schema,
  offset = 0,
  length: number = source.sizeBytes - offset,
): Promise<Message> {
  const walker = new Walker(source);
  return walker.message(offset, offset + length, form, 0);
}

/** Decodes a message that is in memory; offsets in it count from the start of `bytes`. */
export function decodeBytes(bytes: Uint8Array, form: Schema, name = 'message'): Message {
  return new Walker({ name, sizeBytes: bytes.byteLength, bytes, read: () => Promise.reject(new Error()) }).held(
    0,
    bytes.byteLength,
    form,
    0,
  );
}

class Walker {
  readonly #source: ByteSource;
  #window: Uint8Array;
  /** Place of the window's first byte in the source. */
  #start = 0;
  #fields = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#window = source.bytes ?? new Uint8Array(0);
  }

  async message(start: number, end: number, form: Schema, depth: number): Promise<Message> {
    if (end - start <= WHOLE && !this.#holds(start, end)) await this.#load(start, end);
    if (this.#holds(start, end)) return this.held(start, end, form, depth);
    this.#checkDepth(start, form, depth);
    const fields: Field[] = [];
    let at = start;
    while (at < end) {
      const headEnd = Math.min(end, at + 2 * MAX_VARINT_BYTES);
      if (!this.#holds(at, headEnd)) await this.#load(at, headEnd);
      const head = this.#head(at, end, form);
      const inner = head.wire === 2 ? form.messages.get(head.number) : undefined;
      const next = head.offset + head.length;
      if (inner !== undefined) {
        fields.push({ ...head, message: await this.message(head.offset, next, inner, depth + 1) });
      } else if (head.wire !== 0 && head.length <= KEPT) {
        if (!this.#holds(head.offset, next)) await this.#load(head.offset, next);
        fields.push({ ...head, bytes: this.#view(head.offset, next) });
      } else {
        fields.push(head);
      }
      at = next;
    }
    return { schema: form, offset: start, length: end - start, fields };
  }

  /** The same without waiting, for a message that lies inside the window. */
  held(start: number, end: number, form: Schema, depth: number): Message {
    this.#checkDepth(start, form, depth);
    const fields: Field[] = [];
    let at = start;
    while (at < end) {
      const head = this.#head(at, end, form);
      const next = head.offset + head.length;
      if (head.wire === 0) {
        fields.push(head);
      } else {
        const inner = head.wire === 2 ? form.messages.get(head.number) : undefined;
        const bytes = this.#view(head.offset, next);
        fields.push(
          inner === undefined
            ? { ...head, bytes }
            : { ...head, bytes, message: this.held(head.offset, next, inner, depth + 1) },
        );
      }
      at = next;
    }
    return { schema: form, offset: start, length: end - start, fields };
  }

  /** Tag and length (or value) of the field at `at`; the payload is known to lie before `end`. */
  #head(at: number, end: number, form: Schema): Field {
    if (++this.#fields > MAX_FIELDS) {
      throw this.#broken('fields', at, form, `It has more than ${MAX_FIELDS} fields.`);
    }
    const limit = Math.min(this.#window.byteLength, end - this.#start);
    const tag = readVarint(this.#window, at - this.#start, limit);
    if (tag === undefined) throw this.#broken('truncated', at, form, 'The file ends inside a field.');
    const code = Number(tag.value);
    const number = Math.floor(code / 8);
    const wire = code % 8;
    if (number < 1 || number > 0x1fffffff) {
      throw this.#broken('field-number', at, form, `A field has the impossible number ${number}.`);
    }
    if (wire === 0) {
      const varint = readVarint(this.#window, tag.next, limit);
      if (varint === undefined) throw this.#broken('truncated', at, form, 'The file ends inside a number.');
      return {
        number,
        wire,
        offset: this.#start + tag.next,
        length: varint.next - tag.next,
        value: varint.value,
      };
    }
    if (wire === 1 || wire === 5) {
      const field = { number, wire, offset: this.#start + tag.next, length: wire === 1 ? 8 : 4 } as const;
      if (field.offset + field.length > end) {
        throw this.#broken('truncated', at, form, 'The file ends inside a number.');
      }
      return field;
    }
    if (wire !== 2) {
      throw this.#broken('wire-type', at, form, `Field ${number} uses wire type ${wire}, which model files never use.`);
    }
    const length = readVarint(this.#window, tag.next, limit);
    if (length === undefined) throw this.#broken('truncated', at, form, 'The file ends inside a length.');
    const offset = this.#start + length.next;
    const size = length.value;
    if (typeof size !== 'number' || size > end - offset) {
      throw this.#broken(
        'length',
        at,
        form,
        `Field ${number} says that it is ${String(size)} bytes long, but only ${end - offset} are left.`,
      );
    }
    return { number, wire, offset, length: size };
  }

  #holds(start: number, end: number): boolean {
    return start >= this.#start && end <= this.#start + this.#window.byteLength;
  }

  async #load(start: number, end: number): Promise<void> {
    const stop = Math.min(this.#source.sizeBytes, Math.max(end, start + WINDOW));
    this.#window = await this.#source.read(start, stop - start);
    this.#start = start;
  }

  #view(start: number, end: number): Uint8Array {
    return this.#window.subarray(start - this.#start, end - this.#start);
  }

  #checkDepth(at: number, form: Schema, depth: number): void {
    if (depth > MAX_DEPTH) {
      throw this.#broken('depth', at, form, `Messages are nested more than ${MAX_DEPTH} deep.`);
    }
  }

  #broken(code: string, at: number, form: Schema, problem: string): PareError {
    return new PareError({
      code: `protobuf/${code}`,
      file: this.#source.name,
      place: `byte ${at} (${form.name})`,
      problem,
      hint: 'The file is cut short or damaged: export or download it again.',
    });
  }
}
