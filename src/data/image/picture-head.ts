/**
 * What the first bytes of a picture tell before it is decoded: its kind and its size. So that a picture that would unpack to more
 * than memory has is refused on page and command line alike, and one that is cut short is too, which decoders judge differently.
 */
import { PareError } from '#base/failure.ts';
import { MOST_PIXELS, MOST_SIDE } from '#data/limits.ts';

export interface PictureHead {
  readonly kind: 'PNG' | 'JPEG' | 'WebP';
  /** null: the size lies further on than these bytes. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** Four inks instead of three colours: what they look like depends on a profile. */
  readonly inks: boolean;
}

/** null: neither PNG, JPEG nor WebP. */
export function readPictureHead(bytes: Uint8Array): PictureHead | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength >= 8 && view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a) {
    const size = bytes.byteLength < 24 ? null : { width: view.getUint32(16), height: view.getUint32(20) };
    return { kind: 'PNG', size, inks: false };
  }
  if (bytes.byteLength >= 12 && view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57454250) {
    return { kind: 'WebP', size: webpSize(view), inks: false };
  }
  if (bytes.byteLength >= 3 && view.getUint16(0) === 0xffd8 && bytes[2] === 0xff) return jpegHead(view);
  return null;
}

function webpSize(view: DataView): PictureHead['size'] {
  if (view.byteLength < 30) return null;
  switch (view.getUint32(12)) {
    case 0x56503820:
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 0x5650384c: {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 0x56503858: {
      const three = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536;
      return { width: three(24) + 1, height: three(27) + 1 };
    }
    default:
      return null;
  }
}

/** Segments are walked up to the one that starts the frame. */
function jpegHead(view: DataView): PictureHead {
  let at = 2;
  while (at + 4 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (at + 10 > view.byteLength) break;
      const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
      return { kind: 'JPEG', size, inks: view.getUint8(at + 9) === 4 };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return { kind: 'JPEG', size: null, inks: false };
}

/** Throws where the bytes are no picture that is read, or one that takes too much memory. `whole`: these are all bytes. */
export function checkPicture(name: string, bytes: Uint8Array, whole: boolean): void {
  const refuse = (code: string, problem: string, hint: string): PareError =>
    new PareError({ code, file: name, problem, hint });
  if (bytes.byteLength === 0) throw refuse('picture/empty', 'The file is empty.', 'Get it again, or take it out.');
  const head = readPictureHead(bytes);
  if (head === null) {
    throw refuse('picture/kind', 'This is no PNG, JPEG or WebP picture.', 'Convert it, or take it out.');
  }
  if (head.inks) {
    throw refuse('picture/inks', 'Its colours are inks (CMYK), which networks do not see.', 'Convert it to RGB.');
  }
  const { size } = head;
  if (size !== null && (size.width < 1 || size.height < 1)) {
    throw refuse('picture/damaged', 'Its size is not given.', 'Get it again, or take it out.');
  }
  if (size !== null && (Math.max(size.width, size.height) > MOST_SIDE || size.width * size.height > MOST_PIXELS)) {
    const problem = `It is ${size.width} x ${size.height} pixels; up to ${MOST_SIDE} a side and ${MOST_PIXELS / 1e6} million in all are read.`;
    throw refuse('picture/too-big', problem, 'Make it smaller, or take it out.');
  }
  if (!whole) return;
  if (size === null) throw refuse('picture/damaged', 'It ends before its size.', 'Get it again, or take it out.');
  if (!isComplete(head.kind, bytes)) {
    throw refuse('picture/truncated', 'It is cut short: its last bytes are missing.', 'Get it again, or take it out.');
  }
}

/** Bytes behind a JPEG's end mark: cameras and editors append some. */
const TRAILER_BYTES = 64 * 1024;

function isComplete(kind: PictureHead['kind'], bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === 'WebP') return view.getUint32(4, true) + 8 <= bytes.byteLength + 1;
  const [first, second] = kind === 'JPEG' ? [0xff, 0xd9] : [0x49, 0x45];
  const from = kind === 'JPEG' ? Math.max(0, bytes.byteLength - TRAILER_BYTES) : 8;
  for (let at = bytes.byteLength - 2; at >= from; at--) {
    if (bytes[at] !== first || bytes[at + 1] !== second) continue;
    if (kind === 'JPEG' || (at + 4 <= bytes.byteLength && view.getUint32(at) === 0x49454e44)) return true;
  }
  return false;
}
