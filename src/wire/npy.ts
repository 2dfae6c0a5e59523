/**
 * NumPy arrays: `.npy` read and written, `.npz` (a zip of them) likewise. Fortran order and big-endian numbers are turned
 * into row-major little-endian ones; Python objects and records are refused.
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import type { NdArray } from '#base/nd-array.ts';
import type { ByteSource, OutputFile } from '#base/bytes.ts';
import { isRange } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bitsOf, countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { swapBytes, typedArray } from './elements.ts';
import { writeZip } from './write-zip.ts';
import { readZip } from './zip.ts';

/** NumPy's kind letter and width in bytes, both ways. */
const DESCRIPTIONS: readonly (readonly [string, DType])[] = [
  ['f8', 'f64'],
  ['f4', 'f32'],
  ['f2', 'f16'],
  ['i8', 'i64'],
  ['i4', 'i32'],
  ['i2', 'i16'],
  ['i1', 'i8'],
  ['u8', 'u64'],
  ['u4', 'u32'],
  ['u2', 'u16'],
  ['u1', 'u8'],
  ['b1', 'bool'],
];

/** Types that NumPy has no name for are written as unsigned integers of their width, one element each. */
const MAGIC = '\u0093NUMPY';
const MAX_HEADER_BYTES = 1024 * 1024;

/** What stands in front of an array's elements. */
export interface NpyHeader {
  /** NumPy's own description of an element, such as `<f4`. */
  readonly description: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Column-major: rows do not lie together. */
  readonly fortran: boolean;
  /** Where the elements start, in bytes. */
  readonly dataAt: number;
  /** Bytes of one element as stored. */
  readonly elementBytes: number;
}

/** Reads one array. `name` is used in refusals. */
export function readNpy(name: string, bytes: Uint8Array): NdArray {
  const header = readNpyHeader(name, bytes);
  const array = readNpyElements(name, header, header.shape, bytes.subarray(header.dataAt));
  return header.fortran && header.shape.length > 1 ? rowMajor(array) : array;
}

/** Reads the header alone, from the first bytes of a file. */
export function readNpyHeader(name: string, bytes: Uint8Array): NpyHeader {
  const refuse = refusing(name);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== MAGIC || bytes.byteLength < 12) throw refuse('npy/magic', 'This is not a NumPy array.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = (bytes[6] ?? 0) >= 2;
  const headerAt = wide ? 12 : 10;
  const headerLength = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (headerLength > MAX_HEADER_BYTES || headerAt + headerLength > bytes.byteLength) {
    throw refuse('npy/truncated', 'Its header is cut short.');
  }
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerAt, headerAt + headerLength));
  const description = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (description === undefined || fortran === undefined || sizes === undefined) {
    throw refuse('npy/header', 'It holds records or its header is damaged; plain arrays are read.');
  }
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map((size) => Number(size.replace(/L$/, '')));
  const count = countOf(shape);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !Number.isSafeInteger(count)) {
    throw refuse('npy/shape', `Its shape (${sizes}) is impossible.`);
  }
  const { dtype, elementBytes } = elementOf(description, refuse);
  return { description, dtype, shape, fortran: fortran === 'True', dataAt: headerAt + headerLength, elementBytes };
}

/** Elements of a shape, as they lie in the file: all of them, or some rows. */
export function readNpyElements(
  name: string,
  { description, dtype, elementBytes }: NpyHeader,
  shape: readonly number[],
  body: Uint8Array,
): NdArray {
  const refuse = refusing(name);
  const count = countOf(shape);
  const bigEndian = description.startsWith('>');
  if (dtype === 'string') return readTexts(description.slice(1), shape, count, body, bigEndian, refuse);
  if (body.byteLength < count * elementBytes) {
    throw refuse('npy/truncated', `It should hold ${count * elementBytes} bytes of data, but has ${body.byteLength}.`);
  }
  // A copy of its own: aligned for the typed array, and free of the file's buffer.
  const own = new Uint8Array(body.subarray(0, count * elementBytes));
  if (bigEndian) swapBytes(own, elementBytes);
  return { dtype, shape, data: typedArray(dtype, own) };
}

type Refuse = (code: string, problem: string, hint?: string) => PareError;

function refusing(file: string): Refuse {
  return (code, problem, hint = 'Save it again with numpy.save.') => new PareError({ code, file, problem, hint });
}

function elementOf(description: string, refuse: Refuse): { readonly dtype: DType; readonly elementBytes: number } {
  const order = description[0] ?? '';
  const kind = description.slice(1);
  if (/^[US]\d+$/.test(kind)) {
    return { dtype: 'string', elementBytes: Number(kind.slice(1)) * (kind.startsWith('U') ? 4 : 1) };
  }
  const dtype = DESCRIPTIONS.find(([letter]) => letter === kind)?.[1];
  if (dtype !== undefined && ['<', '>', '|', '='].includes(order)) return { dtype, elementBytes: bitsOf(dtype) / 8 };
  const problem = `Its elements are of NumPy type "${description}", which is not read.`;
  throw refuse('npy/dtype', problem, 'Save it as float32, float64, integers, bool or text.');
}

function readTexts(
  kind: string,
  shape: readonly number[],
  count: number,
  body: Uint8Array,
  bigEndian: boolean,
  refuse: Refuse,
): NdArray {
  const length = Number(kind.slice(1));
  const width = kind.startsWith('U') ? 4 * length : length;
  if (body.byteLength < count * width) throw refuse('npy/truncated', 'Its texts are cut short.');
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const decoder = new TextDecoder();
  const data = Array.from({ length: count }, (_, index) => {
    if (width === length) return decoder.decode(body.subarray(index * width, (index + 1) * width)).replace(/\0+$/, '');
    let text = '';
    for (let at = 0; at < length; at++) {
      const code = view.getUint32(index * width + 4 * at, !bigEndian);
      if (code > 0x10ffff) throw refuse('npy/text', 'A text holds an impossible character.');
      if (code !== 0) text += String.fromCodePoint(code);
    }
    return text;
  });
  return { dtype: 'string', shape, data };
}

/** The same elements in row-major order, from column-major ones. */
function rowMajor(array: NdArray): NdArray {
  const { dtype, shape, data } = array;
  const count = countOf(shape);
  const places = new Float64Array(count);
  // Column-major strides: the first axis runs fastest.
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  const index = shape.map(() => 0);
  for (let at = 0; at < count; at++) {
    places[at] = index.reduce((place, i, axis) => place + i * (strides[axis] ?? 0), 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (shape[axis] ?? 0) ? next : 0;
      if (next < (shape[axis] ?? 0)) break;
    }
  }
  if (!ArrayBuffer.isView(data)) return { dtype, shape, data: Array.from(places, (place) => data[place] ?? '') };
  const width = data.BYTES_PER_ELEMENT;
  const from = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const to = new Uint8Array(from.byteLength);
  places.forEach((place, at) => to.set(from.subarray(place * width, (place + 1) * width), at * width));
  return { dtype, shape, data: typedArray(dtype, to) };
}

/** The bytes of an `.npy` file, version 1.0, row-major little endian. */
export function writeNpy(array: NdArray): Uint8Array {
  const { dtype, shape } = array;
  const { description, body } = bodyOf(array);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const head = `{'descr': '${description}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padding = (64 - ((10 + head.length + 1) % 64)) % 64;
  const header = `${head}${' '.repeat(padding)}\n`;
  const bytes = new Uint8Array(10 + header.length + body.byteLength);
  for (let at = 0; at < 6; at++) bytes[at] = MAGIC.charCodeAt(at);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(body, 10 + header.length);
  if (body.byteLength === 0 && countOf(shape) > 0 && dtype !== 'string') throw new Error('an array without its data');
  return bytes;
}

function bodyOf({ dtype, data }: NdArray): { readonly description: string; readonly body: Uint8Array } {
  if (ArrayBuffer.isView(data)) {
    const known = DESCRIPTIONS.find(([, name]) => name === dtype)?.[0] ?? `u${data.BYTES_PER_ELEMENT}`;
    const order = data.BYTES_PER_ELEMENT === 1 ? '|' : '<';
    return { description: order + known, body: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
  const texts = data.map((text) => Array.from(text, (letter) => letter.codePointAt(0) ?? 0));
  const length = Math.max(1, ...texts.map((codes) => codes.length));
  const body = new Uint8Array(texts.length * length * 4);
  const view = new DataView(body.buffer);
  texts.forEach((codes, index) => codes.forEach((code, at) => view.setUint32((index * length + at) * 4, code, true)));
  return { description: `<U${length}`, body };
}

/** All arrays of an `.npz` file by name, without the `.npy` ending. */
export async function readNpz(source: ByteSource): Promise<ReadonlyMap<string, NdArray>> {
  const arrays = new Map<string, NdArray>();
  for (const member of await readZip(source)) {
    if (!member.path.endsWith('.npy')) continue;
    const part = await member.open();
    arrays.set(member.path.slice(0, -4), readNpy(member.path, await part.read(0, part.sizeBytes)));
  }
  if (arrays.size > 0) return arrays;
  throw refusing(source.name)('npz/empty', 'It holds no arrays.', 'Save it with numpy.savez(file, name=array).');
}

/** An `.npz` archive of stored arrays. */
export async function writeNpz(path: string, arrays: ReadonlyMap<string, NdArray>): Promise<OutputFile> {
  const files: OutputFile[] = [];
  for (const [name, array] of arrays) {
    const bytes = writeNpy(array);
    files.push({ path: `${name}.npy`, chunks: [bytes], sizeBytes: bytes.byteLength });
  }
  const zip = await writeZip(path, files);
  if (zip.chunks.some(isRange)) throw new Error('arrays are written from memory');
  return zip;
}
