/** Gzip files: unpacked whole under a limit, since their bytes cannot be reached at random. */
import { Gunzip } from 'fflate';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';

const PIECE = 1024 * 1024;

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;
}

/** The unpacked bytes under the name without `.gz`; refuses as soon as there are more than `mostBytes`. */
export async function gunzip(source: ByteSource, mostBytes: number): Promise<ByteSource> {
  const refuse = (code: string, problem: string, hint: string): PareError =>
    new PareError({ code, file: source.name, problem, hint });
  const pieces: Uint8Array[] = [];
  let size = 0;
  const stream = new Gunzip((piece) => {
    size += piece.byteLength;
    if (size > mostBytes) {
      throw refuse('gzip/too-big', `It unpacks to more than ${mostBytes} bytes.`, 'Unpack it first.');
    }
    pieces.push(piece);
  });
  try {
    for (let at = 0; at < source.sizeBytes; at += PIECE) {
      const length = Math.min(PIECE, source.sizeBytes - at);
      stream.push(await source.read(at, length), at + length >= source.sizeBytes);
    }
  } catch (error) {
    if (error instanceof PareError) throw error;
    throw refuse('gzip/damaged', 'Its packed bytes are damaged or cut short.', 'Get the file again.');
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  await checkTail(source, size, refuse);
  return memorySource(source.name.replace(/\.gz$/i, ''), bytes);
}

/** The last four bytes hold the unpacked size: a file that is cut short ends otherwise. */
async function checkTail(
  source: ByteSource,
  size: number,
  refuse: (code: string, problem: string, hint: string) => PareError,
): Promise<void> {
  const tail = await source.read(source.sizeBytes - 4, 4);
  const declared = new DataView(tail.buffer, tail.byteOffset, 4).getUint32(0, true);
  if (declared !== size % 2 ** 32) {
    const problem = `It unpacks to ${size} bytes instead of the ${declared} that it declares.`;
    throw refuse('gzip/truncated', problem, 'The file is cut short or damaged: get it again.');
  }
}
