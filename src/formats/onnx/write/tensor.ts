/** Tensors as TensorProto records: weights by reference, in the model's file or in a file beside it. */
import type { Chunk } from '#base/bytes.ts';
import { isRange } from '#base/bytes.ts';
import type { Tensor } from '#ir/model.ts';
import { unpackStrings } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { ENTRY, TENSOR, dataTypeOf } from '#formats/onnx/record/schema.ts';

/** Big tensors start on page borders, so that a runtime can map them: https://onnx.ai/onnx/repo-docs/ExternalData.html */
const PAGE = 4096;
const BIG = 64 * 1024;
/** Small ones start where any element type may. */
const ELEMENT = 16;

/** The data file beside the model while it is being composed. */
export class ExternalFile {
  readonly location: string;
  readonly chunks: Chunk[] = [];
  sizeBytes = 0;

  constructor(location: string) {
    this.location = location;
  }

  /** Appends the chunks and returns where they lie. */
  append(chunks: readonly Chunk[], length: number): { readonly offset: number; readonly length: number } {
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

/** Whether every piece still lies in a file other than the model's own. */
export function liesOutside(store: WeightStore, tensor: Tensor, modelFile: string): boolean {
  const chunks = store.chunks(tensor);
  return chunks.length > 0 && chunks.every((chunk) => isRange(chunk) && chunk.source.name !== modelFile);
}
