/** Tensors as TensorProto records: weights by reference, in the model's file or in a file beside it. */
import type { Chunk } from '#base/bytes.ts';
import { isRange } from '#base/bytes.ts';
import { baseName } from '#formats/onnx/record/paths.ts';
import type { ModelSource, Tensor } from '#ir/model.ts';
import { unpackStrings } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { ENTRY, TENSOR, dataTypeOf } from '#formats/onnx/record/schema.ts';

/** Big tensors start on page borders, so that a runtime can map them: https://onnx.ai/onnx/repo-docs/ExternalData.html */
const PAGE = 4096;
const BIG = 64 * 1024;
/** Small ones start where any element type may. */
const ELEMENT = 16;

interface Place {
  readonly offset: number;
  readonly length: number;
}

/** The data file beside the model while it is being composed. */
export class ExternalFile {
  readonly location: string;
  readonly chunks: Chunk[] = [];
  sizeBytes = 0;
  readonly #places = new Map<string, Place>();
  readonly #owners = new Map<object, number>();

  constructor(location: string) {
    this.location = location;
  }

  /** Appends the chunks and returns where they lie; the same piece again is stored once, as tied weights are. */
  append(chunks: readonly Chunk[], length: number): Place {
    const [only, more] = chunks;
    const key = only === undefined || more !== undefined ? undefined : this.#keyOf(only);
    const known = key === undefined ? undefined : this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.#append(chunks, length);
    if (key !== undefined) this.#places.set(key, place);
    return place;
  }

  #keyOf(chunk: Chunk): string {
    const owner: object = isRange(chunk) ? chunk.source : chunk;
    const number = this.#owners.get(owner) ?? this.#owners.size;
    this.#owners.set(owner, number);
    return isRange(chunk) ? `${number}:${chunk.offset}:${chunk.length}` : `${number}`;
  }

  #append(chunks: readonly Chunk[], length: number): Place {
    const align = length >= BIG ? PAGE : ELEMENT;
    const gap = (align - (this.sizeBytes % align)) % align;
    if (gap > 0) this.chunks.push(new Uint8Array(gap));
    const offset = this.sizeBytes + gap;
    this.chunks.push(...chunks);
    this.sizeBytes = offset + length;
    return { offset, length };
  }
}

export interface TensorParts {
  readonly name: string;
  readonly tensor: Tensor;
  readonly doc?: string | undefined;
  /** Unknown fields, verbatim. */
  readonly extra?: Uint8Array | undefined;
}

/** A TensorProto. With `file`, the data goes there and the record names its place. */
export async function draftTensor(store: WeightStore, parts: TensorParts, file?: ExternalFile): Promise<MessageDraft> {
  const { name, tensor, doc, extra } = parts;
  const draft = new MessageDraft();
  draft.integers(TENSOR.dims, tensor.shape);
  draft.integer(TENSOR.dataType, dataTypeOf(tensor.dtype));
  if (tensor.dtype === 'string') {
    for (const text of unpackStrings(await store.read(tensor))) draft.bytes(TENSOR.stringData, text);
  }
  if (name !== '') draft.string(TENSOR.name, name);
  const external = file !== undefined && tensor.dtype !== 'string';
  if (!external && tensor.dtype !== 'string') draft.chunks(TENSOR.rawData, store.chunks(tensor));
  if (doc !== undefined) draft.string(TENSOR.doc, doc);
  if (external) {
    const { offset, length } = file.append(store.chunks(tensor), store.sizeBytes(tensor));
    const entries = { location: file.location, offset: String(offset), length: String(length) };
    for (const [key, value] of Object.entries(entries)) {
      draft.message(TENSOR.externalData, new MessageDraft().string(ENTRY.key, key).string(ENTRY.value, value));
    }
    draft.integer(TENSOR.dataLocation, 1);
  }
  if (extra !== undefined) draft.verbatim(extra);
  return draft;
}

/** Where a tensor lies that was never changed and is not in the model's own file; relative to the model. */
export function locationOutside(store: WeightStore, tensor: Tensor, source: ModelSource): string | undefined {
  const [chunk, more] = store.chunks(tensor);
  if (chunk === undefined || more !== undefined || !isRange(chunk) || chunk.length === 0) return undefined;
  const { name } = chunk.source;
  if (name === source.file) return undefined;
  // A file that was given on its own has lost the folder that the model names.
  if (source.externalData !== undefined && baseName(name) === baseName(source.externalData)) return source.externalData;
  const folder = source.file.slice(0, source.file.lastIndexOf('/') + 1);
  return name.startsWith(folder) ? name.slice(folder.length) : baseName(name);
}
