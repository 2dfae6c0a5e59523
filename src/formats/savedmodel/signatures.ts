/** Signatures of a SavedModel: which there are, which one is read, and where it enters and leaves the graph. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Ends } from '#formats/tensorflow/flat.ts';
import { nameOf } from '#formats/tensorflow/graph-def/proto.ts';
import { ENTRY, META_GRAPH, SIGNATURE, TENSOR_INFO } from '#formats/tensorflow/graph-def/schema.ts';
import { shapeOfProto } from '#formats/tensorflow/graph-def/tensor.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { integerOf, messageOf, messagesOf } from '#wire/protobuf/message.ts';

const DEFAULT = 'serving_default';
/** Signatures that TensorFlow adds for itself. */
const OWN = new Set(['__saved_model_init_op', '__saved_model_train_op']);

export interface ChosenSignature {
  readonly name: string;
  readonly all: readonly string[];
  readonly ends: Ends;
}

/** undefined: the graph has no signature. */
export function chooseSignature(source: ByteSource, meta: Message, wanted?: string): ChosenSignature | undefined {
  const found = new Map<string, Message>();
  for (const entry of messagesOf(meta, META_GRAPH.signatures)) {
    const name = nameOf(source, entry, ENTRY.key);
    const value = messageOf(entry, ENTRY.value);
    if (value !== undefined && !OWN.has(name)) found.set(name, value);
  }
  const all = [...found.keys()].sort();
  if (wanted !== undefined && !found.has(wanted)) {
    throw new PareError({
      code: 'savedmodel/signature',
      file: source.name,
      problem: `It has no signature "${wanted}".`,
      hint: all.length === 0 ? 'It has none at all.' : `There are: ${all.join(', ')}.`,
    });
  }
  const usable = all.filter((name) => {
    const signature = found.get(name);
    return signature !== undefined && messagesOf(signature, SIGNATURE.outputs).length > 0;
  });
  const name = wanted ?? (found.has(DEFAULT) ? DEFAULT : usable[0]);
  const signature = name === undefined ? undefined : found.get(name);
  if (name === undefined || signature === undefined) return undefined;
  const inputs = infosOf(source, signature, SIGNATURE.inputs, name);
  const outputs = infosOf(source, signature, SIGNATURE.outputs, name);
  if (outputs.length === 0) {
    throw new PareError({
      code: 'savedmodel/signature-empty',
      file: source.name,
      place: `signature ${name}`,
      problem: 'The signature gives nothing back.',
      hint:
        usable.length > 0
          ? `Choose another: ${usable.join(', ')}.`
          : 'Save the model with a signature that has outputs.',
    });
  }
  return { name, all, ends: { inputs, outputs } };
}

/** In the order of their names, which is how TensorFlow orders them. */
function infosOf(source: ByteSource, signature: Message, number: number, place: string): Ends['inputs'] {
  const infos = messagesOf(signature, number).map((entry) => {
    const name = nameOf(source, entry, ENTRY.key);
    const info = messageOf(entry, ENTRY.value);
    const ref = info === undefined ? '' : nameOf(source, info, TENSOR_INFO.name);
    if (info === undefined || ref === '') {
      throw new PareError({
        code: 'savedmodel/signature-sparse',
        file: source.name,
        place: `signature ${place}, ${name}`,
        problem: 'It takes or gives a sparse or composite tensor, which is not read.',
        hint: 'Save the model with a signature of ordinary tensors.',
      });
    }
    const shape = messageOf(info, TENSOR_INFO.shape);
    return {
      name,
      ref,
      type: Number(integerOf(info, TENSOR_INFO.dtype) ?? 0),
      shape: shape === undefined ? null : shapeOfProto(shape),
    };
  });
  return infos.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
