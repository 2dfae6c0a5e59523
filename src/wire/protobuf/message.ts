/**
 * A decoded protobuf message as the list of its fields, in file order and with nothing lost: fields that the schema does
 * not know stay, and long byte strings stay in the file as places. Readers take what they know and keep the rest.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { signed64, unpackVarints } from './varint.ts';

/** Which fields of a message are messages themselves. Fields that are not named stay bytes or numbers. */
export interface Schema {
  readonly name: string;
  /** Field number to what it holds; filled after construction where schemas are recursive. */
  readonly messages: Map<number, Schema>;
}

export function schema(name: string, messages: Readonly<Record<number, Schema>> = {}): Schema {
  return { name, messages: new Map(Object.entries(messages).map(([number, inner]) => [Number(number), inner])) };
}

export interface Message {
  readonly schema: Schema;
  /** Place of the message in the source. */
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly Field[];
}

/** Wire types: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
export interface Field {
  readonly number: number;
  readonly wire: 0 | 1 | 2 | 5;
  /** Place of the payload in the source, after tag and length. */
  readonly offset: number;
  readonly length: number;
  /** Varints, unsigned. */
  readonly value?: number | bigint;
  /** Payload where it was read: views into a shared buffer, to be copied before they are kept. */
  readonly bytes?: Uint8Array;
  readonly message?: Message;
}

/** Longest payload that is read without having been asked for by name: names, documents, unknown fields. */
const MAX_LOADED = 256 * 1024 * 1024;

/** The payload, read from the source when it was left there. */
export async function loadField(source: ByteSource, field: Field): Promise<Uint8Array> {
  if (field.bytes !== undefined) return field.bytes;
  if (field.length > MAX_LOADED) {
    throw new PareError({
      code: 'protobuf/too-long',
      file: source.name,
      place: `byte ${field.offset}`,
      problem: `Field ${field.number} holds ${field.length} bytes, where a name or a short list belongs.`,
      hint: 'The file is damaged or was not made by a model exporter.',
    });
  }
  return source.read(field.offset, field.length);
}

export function fieldsOf(message: Message, number: number): Field[] {
  return message.fields.filter((field) => field.number === number);
}

/** The last field of that number, which by the specification is the one that counts. */
export function fieldOf(message: Message, number: number): Field | undefined {
  return message.fields.findLast((field) => field.number === number);
}

export function messagesOf(message: Message, number: number): Message[] {
  const found: Message[] = [];
  for (const field of message.fields) {
    if (field.number === number && field.message !== undefined) found.push(field.message);
  }
  return found;
}

export function messageOf(message: Message, number: number): Message | undefined {
  return fieldOf(message, number)?.message;
}

/** An int64, int32 or enum field. */
export function integerOf(message: Message, number: number): number | bigint | undefined {
  const value = fieldOf(message, number)?.value;
  return value === undefined ? undefined : signed64(value);
}

/** A float field. */
export function floatOf(message: Message, number: number): number | undefined {
  const bytes = fieldOf(message, number)?.bytes;
  return bytes?.byteLength === 4 ? viewOf(bytes).getFloat32(0, true) : undefined;
}

/** A repeated int64 field, packed or not. */
export async function integersOf(source: ByteSource, message: Message, number: number): Promise<(number | bigint)[]> {
  const values: (number | bigint)[] = [];
  for (const field of message.fields) {
    if (field.number !== number) continue;
    if (field.value !== undefined) values.push(signed64(field.value));
    else if (field.wire === 2) for (const v of unpackVarints(await loadField(source, field))) values.push(signed64(v));
  }
  return values;
}

/** A repeated float field, packed or not. */
export async function floatsOf(source: ByteSource, message: Message, number: number): Promise<number[]> {
  const values: number[] = [];
  for (const field of message.fields) {
    if (field.number !== number || field.wire === 0 || field.wire === 1) continue;
    const view = viewOf(await loadField(source, field));
    for (let at = 0; at + 4 <= view.byteLength; at += 4) values.push(view.getFloat32(at, true));
  }
  return values;
}

/** A string field, decoded strictly; `undefined` when absent. */
export async function stringOf(source: ByteSource, message: Message, number: number): Promise<string | undefined> {
  const field = fieldOf(message, number);
  return field === undefined ? undefined : decodeText(source, field, await loadField(source, field));
}

export async function stringsOf(source: ByteSource, message: Message, number: number): Promise<string[]> {
  const texts: string[] = [];
  for (const field of message.fields) {
    if (field.number === number) texts.push(decodeText(source, field, await loadField(source, field)));
  }
  return texts;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(source: ByteSource, field: Field, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new PareError({
      code: 'protobuf/text',
      file: source.name,
      place: `byte ${field.offset}`,
      problem: 'A name here is not valid UTF-8 text.',
      hint: 'The file is damaged, or its exporter wrote names in another encoding.',
    });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
