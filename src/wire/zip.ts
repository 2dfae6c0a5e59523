/**
 * Zip archives: members are found through the central directory; stored ones are handed out as parts of the archive
 * without unpacking, deflated ones are unpacked under limits. 64-bit archives included; encrypted ones refused.
 *
 * PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
 */
import { Inflate } from 'fflate';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource, subSource } from '#base/sources.ts';
import { crc32 } from './crc32.ts';

export interface ZipMember {
  /** Path inside the archive, checked not to lead out of it. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly packedBytes: number;
  /** Stored without compression, so that it can be read in place. */
  readonly stored: boolean;
  /** The member as a source; unpacks deflated ones, checking size and checksum. */
  open(): Promise<ByteSource>;
}

/** Largest deflated member that is unpacked, as it then lies in memory. */
const MAX_UNPACKED_BYTES = 2 ** 31;
/** Deflate cannot shrink more than about 1032 times; real weights shrink far less. */
const MAX_RATIO = 200;
/** The ratio counts from this size on: small texts may be very regular. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;
const MAX_MEMBERS = 100_000;
/** End record, its longest comment, and the 64-bit locator. */
const TAIL_BYTES = 22 + 65_535 + 20;
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;

export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6));
}

/** Lists the files of an archive; folders are left out. */
export async function readZip(source: ByteSource): Promise<readonly ZipMember[]> {
  const { offset, length, count } = await findDirectory(source);
  if (count > MAX_MEMBERS || length > MAX_DIRECTORY_BYTES) {
    throw broken(source, 'zip/too-many', offset, `It lists ${count} files, which is more than are read.`);
  }
  const bytes = await source.read(offset, length);
  const view = viewOf(bytes);
  const members: ZipMember[] = [];
  let at = 0;
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > length || view.getUint32(at, true) !== 0x02014b50) {
      throw broken(source, 'zip/directory', offset + at, 'Its list of files is damaged.');
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const commentLength = view.getUint16(at + 32, true);
    const end = at + 46 + nameLength + extraLength + commentLength;
    if (end > length) throw broken(source, 'zip/directory', offset + at, 'Its list of files is damaged.');
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const sizes = readSizes(view, at, at + 46 + nameLength, extraLength);
    if (!path.endsWith('/')) {
      const record = {
        flags: view.getUint16(at + 8, true),
        method: view.getUint16(at + 10, true),
        crc: view.getUint32(at + 16, true),
        ...sizes,
      };
      members.push(member(source, checkPath(source, path), record));
      total += sizes.sizeBytes;
      checkBomb(source, path, sizes.sizeBytes, sizes.packedBytes);
    }
    at = end;
  }
  checkBomb(source, 'all files together', total, source.sizeBytes);
  return members;
}

interface MemberRecord {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly sizeBytes: number;
  readonly packedBytes: number;
  readonly headerAt: number;
}

function member(source: ByteSource, path: string, record: MemberRecord): ZipMember {
  const { flags, method, crc, sizeBytes, packedBytes, headerAt } = record;
  const place = `file ${path}`;
  return {
    path,
    sizeBytes,
    packedBytes,
    stored: method === 0,
    async open() {
      if ((flags & 1) !== 0) throw refuse(source, 'zip/encrypted', place, 'It is encrypted.', 'Unpack it first.');
      const header = viewOf(await source.read(headerAt, 30));
      if (header.getUint32(0, true) !== 0x04034b50)
        throw broken(source, 'zip/header', headerAt, 'A file header is damaged.');
      const dataAt = headerAt + 30 + header.getUint16(26, true) + header.getUint16(28, true);
      const part = subSource(source, dataAt, packedBytes, path);
      if (method === 0) {
        if (packedBytes !== sizeBytes) throw broken(source, 'zip/size', headerAt, `The sizes of ${path} disagree.`);
        return part;
      }
      if (method !== 8) {
        const problem = `It is packed with method ${method}, and only stored and deflated files are read.`;
        throw refuse(source, 'zip/method', place, problem, 'Unpack it first.');
      }
      if (sizeBytes > MAX_UNPACKED_BYTES) {
        throw refuse(source, 'zip/too-big', place, `Unpacked it is ${sizeBytes} bytes.`, 'Unpack it first.');
      }
      const bytes = await inflate(source, part, sizeBytes, place);
      if (crc32(bytes) !== crc)
        throw refuse(source, 'zip/checksum', place, 'Its checksum is wrong.', 'Get the file again.');
      return memorySource(path, bytes);
    },
  };
}

/** Unpacks piece by piece and stops as soon as there is more than was declared. */
async function inflate(source: ByteSource, part: ByteSource, sizeBytes: number, place: string): Promise<Uint8Array> {
  const damaged = (problem: string): PareError => refuse(source, 'zip/deflate', place, problem, 'Get the file again.');
  const pieces: Uint8Array[] = [];
  let size = 0;
  const stream = new Inflate((piece) => {
    size += piece.byteLength;
    if (size > sizeBytes) throw damaged(`It unpacks to more than the ${sizeBytes} bytes that it declares.`);
    pieces.push(piece);
  });
  const step = 1024 * 1024;
  try {
    for (let at = 0; at < part.sizeBytes || at === 0; at += step) {
      const length = Math.min(step, part.sizeBytes - at);
      stream.push(await part.read(at, length), at + length >= part.sizeBytes);
    }
  } catch (error) {
    if (error instanceof PareError) throw error;
    throw damaged('Its packed bytes are damaged.');
  }
  if (size !== sizeBytes) throw damaged(`It unpacks to ${size} bytes instead of the ${sizeBytes} that it declares.`);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; length: number; count: number }> {
  const tailAt = Math.max(0, source.sizeBytes - TAIL_BYTES);
  const tail = await source.read(tailAt, source.sizeBytes - tailAt);
  const view = viewOf(tail);
  let end = tail.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw broken(source, 'zip/truncated', source.sizeBytes, 'The end of the archive is missing.');
  let count = view.getUint16(end + 10, true);
  let length = view.getUint32(end + 12, true);
  let offset = view.getUint32(end + 16, true);
  const wide = end >= 20 && view.getUint32(end - 20, true) === 0x07064b50;
  if (wide && (count === 0xffff || length === 0xffffffff || offset === 0xffffffff)) {
    const recordAt = Number(view.getBigUint64(end - 12, true));
    const record = viewOf(await source.read(recordAt, 56));
    count = Number(record.getBigUint64(32, true));
    length = Number(record.getBigUint64(40, true));
    offset = Number(record.getBigUint64(48, true));
  }
  if (offset + length > source.sizeBytes) {
    throw broken(source, 'zip/directory', tailAt + end, 'Its list of files should lie beyond the end of the file.');
  }
  return { offset, length, count };
}

/** Sizes and place of a member, from the 64-bit extra field where the 32-bit ones are full. */
function readSizes(
  view: DataView,
  at: number,
  extraAt: number,
  extraLength: number,
): Pick<MemberRecord, 'sizeBytes' | 'packedBytes' | 'headerAt'> {
  let packedBytes = view.getUint32(at + 20, true);
  let sizeBytes = view.getUint32(at + 24, true);
  let headerAt = view.getUint32(at + 42, true);
  for (let field = extraAt; field + 4 <= extraAt + extraLength; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    const end = Math.min(field + 4 + view.getUint16(field + 2, true), extraAt + extraLength);
    let next = field + 4;
    const wide = (now: number): number => {
      if (now !== 0xffffffff || next + 8 > end) return now;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    };
    sizeBytes = wide(sizeBytes);
    packedBytes = wide(packedBytes);
    headerAt = wide(headerAt);
  }
  return { packedBytes, sizeBytes, headerAt };
}

function checkPath(source: ByteSource, path: string): string {
  const climbs = path.split(/[/\\]/).includes('..') || /^([/\\]|[A-Za-z]:)/.test(path) || path.includes('\0');
  if (!climbs) return path;
  const problem = `It holds a file named "${path}", which leads out of the archive.`;
  throw refuse(source, 'zip/path', `file ${path}`, problem, 'Do not trust this archive.');
}

function checkBomb(source: ByteSource, path: string, sizeBytes: number, packedBytes: number): void {
  if (sizeBytes < RATIO_FROM_BYTES || sizeBytes <= packedBytes * MAX_RATIO) return;
  const problem = `It would unpack from ${packedBytes} to ${sizeBytes} bytes, which no model does.`;
  throw refuse(source, 'zip/bomb', path, problem, 'Do not trust this archive; unpack it elsewhere if you must.');
}

function broken(source: ByteSource, code: string, at: number, problem: string): PareError {
  return refuse(source, code, `byte ${at}`, problem, 'The archive is cut short or damaged: get it again.');
}

function refuse(source: ByteSource, code: string, place: string, problem: string, hint: string): PareError {
  return new PareError({ code, file: source.name, place, problem, hint });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
