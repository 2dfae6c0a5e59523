/** ONNX records written by hand, field by field, for files that no writer of ours would make. */
import { joinSmall } from '#formats/onnx/record/join.ts';
import { GRAPH, MODEL, NODE, OPSET, TENSOR, TENSOR_TYPE, TYPE, VALUE_INFO } from '#formats/onnx/record/schema.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';

export interface RawModel {
  readonly irVersion?: number;
  readonly opset?: number;
  readonly nodes?: readonly MessageDraft[];
  readonly initializers?: readonly MessageDraft[];
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  /** Adds fields to the graph and to the model. */
  readonly graph?: (graph: MessageDraft) => void;
  readonly model?: (model: MessageDraft) => void;
}

export function rawModel(spec: RawModel): Uint8Array {
  const graph = new MessageDraft();
  for (const node of spec.nodes ?? [rawNode('Relu', ['x'], ['y'])]) graph.message(GRAPH.node, node);
  graph.string(GRAPH.name, 'g');
  for (const tensor of spec.initializers ?? []) graph.message(GRAPH.initializer, tensor);
  for (const name of spec.inputs ?? ['x']) graph.message(GRAPH.input, rawValueInfo(name));
  for (const name of spec.outputs ?? ['y']) graph.message(GRAPH.output, rawValueInfo(name));
  spec.graph?.(graph);
  const model = new MessageDraft();
  model.integer(MODEL.irVersion, spec.irVersion ?? 8);
  model.message(MODEL.graph, graph);
  model.message(
    MODEL.opsetImport,
    new MessageDraft().string(OPSET.domain, '').integer(OPSET.version, spec.opset ?? 17),
  );
  spec.model?.(model);
  return joinSmall(model);
}

export function rawNode(op: string, inputs: readonly string[], outputs: readonly string[], name = ''): MessageDraft {
  const node = new MessageDraft();
  for (const input of inputs) node.string(NODE.input, input);
  for (const output of outputs) node.string(NODE.output, output);
  return node.string(NODE.name, name).string(NODE.op, op);
}

export function rawValueInfo(name: string): MessageDraft {
  const type = new MessageDraft().message(TYPE.tensor, new MessageDraft().integer(TENSOR_TYPE.element, 1));
  return new MessageDraft().string(VALUE_INFO.name, name).message(VALUE_INFO.type, type);
}

/** A TensorProto; `data` adds the field that holds the elements. */
export function rawTensor(
  name: string,
  dataType: number,
  dims: readonly (number | bigint)[],
  data: (tensor: MessageDraft) => void,
): MessageDraft {
  const tensor = new MessageDraft().integers(TENSOR.dims, dims).integer(TENSOR.dataType, dataType);
  tensor.string(TENSOR.name, name);
  data(tensor);
  return tensor;
}
