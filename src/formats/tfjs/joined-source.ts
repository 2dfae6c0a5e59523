/** Files one after another as one source: shards of weights, which tensors may lie across. */
import type { ByteSource } from '#base/bytes.ts';
import { checkRange } from '#base/sources.ts';

/** A range of the joined files, in the one file that holds all of it where there is one. */
export interface Place {
  readonly source: ByteSource;
  readonly offset: number;
}

export class JoinedSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #parts: readonly ByteSource[];

  constructor(name: string, parts: readonly ByteSource[]) {
    this.name = name;
    this.#parts = parts;
    this.sizeBytes = parts.reduce((size, part) => size + part.sizeBytes, 0);
  }

  place(offset: number, length: number): Place {
    checkRange(this.name, this.sizeBytes, offset, length);
    let start = 0;
    for (const part of this.#parts) {
      if (offset >= start && offset + length <= start + part.sizeBytes) return { source: part, offset: offset - start };
      start += part.sizeBytes;
    }
    return { source: this, offset };
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.name, this.sizeBytes, offset, length);
    const all = new Uint8Array(length);
    let start = 0;
    for (const part of this.#parts) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + part.sizeBytes);
      if (from < to) all.set(await part.read(from - start, to - from), from - offset);
      start += part.sizeBytes;
    }
    return all;
  }
}
