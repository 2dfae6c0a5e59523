/**
 * IDX: the format that MNIST came in. Two zero bytes, the element type, the number of sizes; the sizes as big-endian 32-bit
 * integers; the elements, big-endian, row-major.
 *
 * Format: the foot of http://yann.lecun.com/exdb/mnist/
 */
import type { DType } from '#base/dtype.ts';
import { bitsOf, countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import { swapBytes, typedArray } from './elements.ts';

const TYPES: ReadonlyMap<number, DType> = new Map([
  [0x08, 'u8'],
  [0x09, 'i8'],
  [0x0b, 'i16'],
  [0x0c, 'i32'],
  [0x0d, 'f32'],
  [0x0e, 'f64'],
]);
const MAX_RANK = 8;

export interface IdxHeader {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where the elements start, in bytes. */
  readonly dataAt: number;
  readonly elementBytes: number;
}

/** The longest header, in bytes. */
export const IDX_HEADER_BYTES = 4 + 4 * MAX_RANK;

/** Whether a file that starts with these bytes, and has that size, is of this format. */
export function isIdx(head: Uint8Array, sizeBytes: number): boolean {
  const rank = head[3] ?? 0;
  if (head.byteLength < 8 || head[0] !== 0 || head[1] !== 0 || !TYPES.has(head[2] ?? 0)) return false;
  if (rank < 1 || rank > MAX_RANK || head.byteLength < 4 + 4 * rank) return false;
  const header = headerOf(head);
  return header.dataAt + countOf(header.shape) * header.elementBytes === sizeBytes;
}

/** Reads the header from the first bytes of a file of that size; refuses a file that is cut short. */
export function readIdxHeader(name: string, head: Uint8Array, sizeBytes: number): IdxHeader {
  const refuse = (code: string, problem: string): PareError =>
    new PareError({ code, file: name, problem, hint: 'Get the file again.' });
  const rank = head[3] ?? 0;
  const known = head.byteLength >= 4 && head[0] === 0 && head[1] === 0 && TYPES.has(head[2] ?? 0);
  if (!known || rank < 1 || rank > MAX_RANK) throw refuse('idx/magic', 'This is not an IDX file.');
  if (head.byteLength < 4 + 4 * rank) throw refuse('idx/truncated', 'Its header is cut short.');
  const header = headerOf(head);
  const count = countOf(header.shape);
  if (!Number.isSafeInteger(count)) throw refuse('idx/shape', `Its shape [${header.shape.join(', ')}] is impossible.`);
  const needed = header.dataAt + count * header.elementBytes;
  if (needed > sizeBytes) {
    throw refuse('idx/truncated', `It should have ${needed} bytes for its shape, but has ${sizeBytes}.`);
  }
  return header;
}

function headerOf(head: Uint8Array): IdxHeader {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const dtype = TYPES.get(view.getUint8(2)) ?? 'u8';
  const rank = view.getUint8(3);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { dtype, shape, dataAt: 4 + 4 * rank, elementBytes: bitsOf(dtype) / 8 };
}

/** Elements of a shape, as they lie in the file: all of them, or some rows. */
export function readIdxElements(
  { dtype, elementBytes }: IdxHeader,
  shape: readonly number[],
  body: Uint8Array,
): NdArray {
  const own = new Uint8Array(body.subarray(0, countOf(shape) * elementBytes));
  swapBytes(own, elementBytes);
  return { dtype, shape, data: typedArray(dtype, own) };
}
