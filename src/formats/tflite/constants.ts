/** Constants of a .tflite file as tickets into it. Few bytes are read ahead: those of small tensors, which shape arithmetic needs. */
import { bytesFor, countOf, isFloat, type DType } from '#base/dtype.ts';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { densify } from './densify.ts';
import type { TfliteSubgraph, TfliteTensor } from './record/file.ts';

const MOST_INTEGERS = 65_536;
const MOST_FLOATS = 4096;
/** Of half precision: what is known is folded into reals of twice the size, which weights should not be. */
const MOST_HALVES = 512;
/** All that is read ahead of one file. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The constant that a tensor is, or is widened or laid out from. */
export interface ConstantSource {
  readonly record: TfliteTensor;
  readonly ticket: Tensor;
}

function mostOf(type: DType): number {
  if (type === 'f16' || type === 'bf16') return MOST_HALVES;
  return isFloat(type) ? MOST_FLOATS : MOST_INTEGERS;
}

export class Constants {
  readonly #source: ByteSource;
  readonly #store: WeightStore;
  readonly #bytes = new Map<TfliteTensor, Uint8Array>();

  constructor(source: ByteSource, store: WeightStore) {
    this.#source = source;
    this.#store = store;
  }

  /** Reads the bytes of small constants; called before anything is asked. */
  async readAhead(graphs: readonly TfliteSubgraph[]): Promise<void> {
    let spent = 0;
    const places = new Map<number, Uint8Array>();
    for (const tensor of graphs.flatMap(({ tensors }) => tensors)) {
      const { buffer, type, shape } = tensor;
      if (buffer === undefined || type === 'string' || type === 'resource' || type === 'variant') continue;
      const count = countOf(shape);
      if (count > mostOf(type) || tensor.sparsity !== undefined) continue;
      const length = bytesFor(type, count);
      if (length > buffer.length || spent + length > MOST_BYTES) continue;
      const known = places.get(buffer.offset);
      if (known?.byteLength !== length) spent += length;
      // A copy of its own: the page it lies in is not to be kept.
      const bytes = known?.byteLength === length ? known : (await this.#source.read(buffer.offset, length)).slice();
      places.set(buffer.offset, bytes);
      this.#bytes.set(tensor, bytes);
    }
  }

  bytes(tensor: TfliteTensor): Uint8Array | undefined {
    return this.#bytes.get(tensor);
  }

  /** The tensor's elements where they lie. */
  link(tensor: TfliteTensor): Tensor {
    const { buffer, shape, sparsity, name } = tensor;
    const type = tensor.type as DType;
    const count = countOf(shape);
    const length = bytesFor(type, count);
    if (buffer === undefined || !Number.isSafeInteger(count)) throw this.#refuse(name, shape, 0, length);
    const source = this.#source;
    if (sparsity !== undefined) {
      const decode = densify(sparsity, shape, type, name);
      return this.#store.link(type, shape, { source, offset: buffer.offset, length: buffer.length, decode });
    }
    if (buffer.length < length) throw this.#refuse(name, shape, buffer.length, length);
    return this.#store.link(type, shape, { source, offset: buffer.offset, length });
  }

  #refuse(name: string, shape: readonly number[], stored: number, length: number): PareError {
    return new PareError({
      code: 'tflite/constant',
      file: this.#source.name,
      place: `tensor "${name}"`,
      problem: `A constant of the shape [${shape.join(', ')}] takes ${length} bytes, but ${stored} are stored.`,
      hint: 'The file is damaged: get it again.',
    });
  }
}
