/** Object headers: the list of messages that describe a group or a dataset. Specification 3.0, section IV.A. */
import { Cursor } from './cursor.ts';
import { type Hdf5Bytes, readBlock, readSome, verify } from './file.ts';
import { MAX_CONTINUATIONS, MAX_MESSAGES } from './limits.ts';

/** Types of messages that are read. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  groupInfo: 0x0a,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

export interface Message {
  readonly type: number;
  /** Its body is the address of another object that has the message, such as a named datatype. */
  readonly shared: boolean;
  readonly body: Cursor;
}

/** Most headers fit in this many bytes, so that one read is enough. */
const FIRST_READ = 512;

/** All messages of the object at an address, those it goes on with elsewhere included. */
export async function readMessages(file: Hdf5Bytes, address: number): Promise<readonly Message[]> {
  const head = await readSome(file, address, FIRST_READ);
  return head.bytes[0] === 0x4f ? readNew(file, head) : readOld(file, head);
}

/** The first message of a type, wherever it stands, as a cursor at its beginning. */
export async function messageOf(
  file: Hdf5Bytes,
  messages: readonly Message[],
  type: number,
): Promise<Cursor | undefined> {
  const message = messages.find((candidate) => candidate.type === type);
  if (message === undefined) return undefined;
  const body = again(message.body);
  return message.shared ? readShared(file, type, body) : body;
}

/** A message that stands in another object's header. */
export async function readShared(file: Hdf5Bytes, type: number, pointer: Cursor): Promise<Cursor> {
  const version = pointer.u8();
  const kind = pointer.u8();
  if (version > 3 || (version === 3 && kind !== 2)) {
    throw pointer.broken('A message is shared through a table of the file, which is not read.');
  }
  if (version === 1) pointer.skip(6);
  const messages = await readMessages(file, pointer.place());
  const message = messages.find((candidate) => candidate.type === type && !candidate.shared);
  if (message === undefined) throw pointer.broken('A message is shared from an object that does not have it.');
  return again(message.body);
}

function again(body: Cursor): Cursor {
  return new Cursor(body.file, body.bytes, body.address);
}

async function readOld(file: Hdf5Bytes, head: Cursor): Promise<readonly Message[]> {
  const version = head.u8();
  if (version !== 1) throw head.broken('No group or dataset starts here.', head.address);
  head.skip(1 + 2 + 4);
  const length = head.u32();
  head.skip(4);
  const first = length <= head.left ? head.part(length) : await readBlock(file, head.address + 16, length);
  return gather(file, first, (block) => block, splitOld);
}

function splitOld(block: Cursor, add: Add): void {
  while (block.left >= 8) {
    const type = block.u16();
    const size = block.u16();
    const flags = block.u8();
    block.skip(3);
    add(type, flags, block.part(size));
  }
}

async function readNew(file: Hdf5Bytes, head: Cursor): Promise<readonly Message[]> {
  head.expect('OHDR');
  const version = head.u8();
  if (version !== 2) throw head.broken(`An object header of version ${version} is not known.`, head.address);
  const flags = head.u8();
  if ((flags & 0x20) !== 0) head.skip(16);
  if ((flags & 0x10) !== 0) head.skip(4);
  const length = head.uint(2 ** (flags & 3));
  const prefix = head.at;
  const whole = prefix + length + 4;
  const block =
    whole <= head.bytes.byteLength
      ? new Cursor(file, head.bytes.subarray(0, whole), head.address)
      : await readBlock(file, head.address, whole);
  verify(block);
  block.skip(prefix);
  return gather(file, block.part(length), openContinuation, splitNew((flags & 4) !== 0));
}

function openContinuation(block: Cursor): Cursor {
  verify(block);
  block.expect('OCHK');
  return block.part(block.left - 4);
}

function splitNew(ordered: boolean): (block: Cursor, add: Add) => void {
  return (block, add) => {
    while (block.left >= (ordered ? 6 : 4)) {
      const type = block.u8();
      const size = block.u16();
      const flags = block.u8();
      if (ordered) block.skip(2);
      add(type, flags, block.part(size));
    }
  };
}

type Add = (type: number, flags: number, body: Cursor) => void;

/** Messages of the first block and of all blocks that it goes on in, each block once. */
async function gather(
  file: Hdf5Bytes,
  first: Cursor,
  open: (block: Cursor) => Cursor,
  split: (block: Cursor, add: Add) => void,
): Promise<readonly Message[]> {
  const messages: Message[] = [];
  const pending: { readonly address: number; readonly length: number }[] = [];
  const seen = new Set<number>();
  const add: Add = (type, flags, body) => {
    if (messages.length >= MAX_MESSAGES) throw body.broken('An object has more messages than are read.');
    if (type === MESSAGE.continuation) pending.push({ address: body.place(), length: body.length() });
    else if (type !== 0) messages.push({ type, shared: (flags & 2) !== 0, body });
  };
  split(first, add);
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (seen.has(next.address) || seen.size > MAX_CONTINUATIONS) {
      throw first.broken('An object header goes on in itself.', first.address);
    }
    seen.add(next.address);
    split(open(await readBlock(file, next.address, next.length)), add);
  }
  return messages;
}
