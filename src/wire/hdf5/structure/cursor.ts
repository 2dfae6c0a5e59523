/** Reads numbers and texts off one block of an HDF5 file; a block that ends too early is refused with its place. */
import { PareError } from '#base/failure.ts';

/** Where a block came from, and how wide addresses and lengths are in this file. */
export interface Widths {
  readonly name: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export class Cursor {
  /** Position in the block. */
  at = 0;
  readonly bytes: Uint8Array;
  /** Address of the block's first byte. */
  readonly address: number;
  readonly file: Widths;
  readonly #view: DataView;

  constructor(file: Widths, bytes: Uint8Array, address: number) {
    this.file = file;
    this.bytes = bytes;
    this.address = address;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  /** Address of the next byte. */
  get here(): number {
    return this.address + this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  /** An unsigned number of 1 to 8 bytes; one that is too large to be a size or place is refused. */
  uint(width: number): number {
    const from = this.#step(width);
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = value * 256 + this.#view.getUint8(from + index);
    if (Number.isSafeInteger(value)) return value;
    throw this.broken(`A size or place of ${value} bytes is written here, which no file has.`);
  }

  /** A length or count in the width that the file chose for them. */
  length(): number {
    return this.uint(this.file.lengthBytes);
  }

  /** An address; null where nothing was stored. */
  maybePlace(): number | null {
    const width = this.file.offsetBytes;
    const from = this.at;
    let unset = this.left >= width;
    for (let index = 0; index < width && unset; index++) unset = this.bytes[from + index] === 0xff;
    if (!unset) return this.uint(width);
    this.skip(width);
    return null;
  }

  /** An address that has to be there. */
  place(): number {
    const address = this.maybePlace();
    if (address === null) throw this.broken('A place is missing here.');
    return address;
  }

  take(length: number): Uint8Array {
    const from = this.#step(length);
    return this.bytes.subarray(from, from + length);
  }

  /** The next bytes as a block of their own. */
  part(length: number): Cursor {
    const address = this.here;
    return new Cursor(this.file, this.take(length), address);
  }

  skip(length: number): void {
    this.#step(length);
  }

  /** Moves on to the next multiple of `step` counted from `from`. */
  align(step: number, from: number): void {
    this.skip((step - ((this.at - from) % step)) % step);
  }

  /** A text of a known length, without what follows its first NUL. */
  text(length: number): string {
    return textOf(this.take(length));
  }

  /** A text up to its NUL, which is passed over. */
  terminated(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw this.broken('A name has no end.');
    const text = this.text(end - this.at);
    this.skip(1);
    return text;
  }

  /** Refuses unless the block goes on with these four letters. */
  expect(letters: string): void {
    const found = String.fromCharCode(...this.take(4));
    if (found !== letters) throw this.broken(`A block named ${letters} should start here.`, this.here - 4);
  }

  broken(problem: string, address: number = this.here): PareError {
    return damaged(this.file.name, address, problem);
  }

  #step(length: number): number {
    const from = this.at;
    if (!(length >= 0 && from + length <= this.bytes.byteLength)) {
      throw this.broken(`${length} bytes should follow, but the block they belong to ends.`);
    }
    this.at = from + length;
    return from;
  }
}

const decoder = new TextDecoder();

/** UTF-8 up to the first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export function damaged(file: string, address: number, problem: string): PareError {
  const hint = 'The file is cut short or damaged: get it again.';
  return new PareError({ code: 'hdf5/damaged', file, place: `byte ${address}`, problem, hint });
}

export function unsupported(file: string, address: number, problem: string, hint: string): PareError {
  return new PareError({ code: 'hdf5/unsupported', file, place: `byte ${address}`, problem, hint });
}
