/** Elements as values: what attributes hold, and datasets of texts. */
import { decodeBfloat16, decodeFloat16 } from '#base/float16.ts';
import { Cursor } from '#wire/hdf5/structure/cursor.ts';
import type { Hdf5Bytes } from '#wire/hdf5/structure/file.ts';
import { MAX_TEXT_BYTES, MAX_VALUES } from '#wire/hdf5/structure/limits.ts';
import { type Dataspace, elementsOf } from './dataspace.ts';
import type { Datatype } from './datatype.ts';

export type Hdf5Scalar = number | bigint | boolean | string;

export interface Hdf5Value {
  /** No sizes for a single value; null where there is none at all. */
  readonly shape: readonly number[] | null;
  readonly values: readonly Hdf5Scalar[];
}

export type HeapText = (address: number, index: number) => Promise<Uint8Array>;

/** Null where the elements are of a kind that has no value here. */
export async function readValue(
  file: Hdf5Bytes,
  heap: HeapText,
  type: Datatype,
  space: Dataspace,
  bytes: Uint8Array,
): Promise<Hdf5Value | null> {
  const inner = type.kind === 'array' ? type.element : type;
  if (inner.kind === 'other' || inner.kind === 'array' || inner.sizeBytes === 0) return null;
  const shape = type.kind === 'array' && space !== null ? [...space, ...type.shape] : space;
  const count = elementsOf(shape);
  const body = new Cursor(file, bytes, 0);
  if (count > MAX_VALUES) throw body.broken(`${count} values are more than are read as a list.`);
  const values: Hdf5Scalar[] = [];
  let textBytes = 0;
  for (let index = 0; index < count; index++) {
    if (inner.kind === 'number') {
      values.push(numberOf(body.take(inner.sizeBytes), inner));
      continue;
    }
    const text = inner.kind === 'text' ? body.take(inner.sizeBytes) : await heapText(body, heap);
    textBytes += text.byteLength;
    if (textBytes > MAX_TEXT_BYTES) throw body.broken('A list of texts is longer than is read.');
    values.push(decodeText(text, inner.kind === 'text' && inner.spaces));
  }
  return { shape, values };
}

async function heapText(body: Cursor, heap: HeapText): Promise<Uint8Array> {
  const length = body.u32();
  const address = body.maybePlace();
  const index = body.u32();
  if (length === 0 || address === null || address === 0) return new Uint8Array(0);
  const object = await heap(address, index);
  if (object.byteLength < length) throw body.broken(`A text of ${length} bytes has only ${object.byteLength}.`);
  return object.subarray(0, length);
}

const decoder = new TextDecoder();

/** Without the NULs at its end, or the spaces where they fill it up. */
function decodeText(bytes: Uint8Array, spaces: boolean): string {
  let end = bytes.byteLength;
  const filler = spaces ? 0x20 : 0;
  while (end > 0 && bytes[end - 1] === filler) end -= 1;
  return decoder.decode(bytes.subarray(0, end));
}

function numberOf(stored: Uint8Array, type: Extract<Datatype, { kind: 'number' }>): Hdf5Scalar {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const little = !type.bigEndian;
  switch (type.dtype) {
    case 'bool':
      return view.getUint8(0) !== 0;
    case 'i8':
      return view.getInt8(0);
    case 'u8':
      return view.getUint8(0);
    case 'i16':
      return view.getInt16(0, little);
    case 'u16':
      return view.getUint16(0, little);
    case 'i32':
      return view.getInt32(0, little);
    case 'u32':
      return view.getUint32(0, little);
    case 'i64':
      return view.getBigInt64(0, little);
    case 'u64':
      return view.getBigUint64(0, little);
    case 'f16':
      return decodeFloat16(view.getUint16(0, little));
    case 'bf16':
      return decodeBfloat16(view.getUint16(0, little));
    case 'f32':
      return view.getFloat32(0, little);
    default:
      return view.getFloat64(0, little);
  }
}
