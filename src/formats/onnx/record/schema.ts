/** Field numbers of the ONNX messages that are read and written, and which of their fields are messages (onnx.proto, IR 13). */
import { codeOfDtype, dtypeOfCode } from '#ops/dtype-code.ts';
import { schema } from '#wire/protobuf/message.ts';
import type { DType } from '#base/dtype.ts';

export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  domain: 4,
  modelVersion: 5,
  doc: 6,
  graph: 7,
  opsetImport: 8,
  metadata: 14,
  trainingInfo: 20,
  functions: 25,
  configuration: 26,
} as const;

export const OPSET = { domain: 1, version: 2 } as const;
/** StringStringEntryProto: metadata and external data. */
export const ENTRY = { key: 1, value: 2 } as const;

export const GRAPH = {
  node: 1,
  name: 2,
  initializer: 5,
  doc: 10,
  input: 11,
  output: 12,
  valueInfo: 13,
  quantizationAnnotation: 14,
  sparseInitializer: 15,
  metadata: 16,
} as const;

export const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5, doc: 6, domain: 7 } as const;

export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  type: 20,
  reference: 21,
} as const;

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

export const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  doc: 12,
  externalData: 13,
  dataLocation: 14,
} as const;

export const SPARSE = { values: 1, indices: 2, dims: 3 } as const;
export const VALUE_INFO = { name: 1, type: 2, doc: 3 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { element: 1, shape: 2 } as const;
export const SHAPE = { dim: 1 } as const;
export const DIM = { value: 1, param: 2 } as const;

const ENTRY_SCHEMA = schema('StringStringEntryProto');
const DIM_SCHEMA = schema('TensorShapeProto.Dimension');
const SHAPE_SCHEMA = schema('TensorShapeProto', { [SHAPE.dim]: DIM_SCHEMA });
const TENSOR_TYPE_SCHEMA = schema('TypeProto.Tensor', { [TENSOR_TYPE.shape]: SHAPE_SCHEMA });
export const TYPE_SCHEMA = schema('TypeProto', { [TYPE.tensor]: TENSOR_TYPE_SCHEMA });
export const VALUE_INFO_SCHEMA = schema('ValueInfoProto', { [VALUE_INFO.type]: TYPE_SCHEMA });
export const TENSOR_SCHEMA = schema('TensorProto', { [TENSOR.externalData]: ENTRY_SCHEMA });
export const SPARSE_SCHEMA = schema('SparseTensorProto', {
  [SPARSE.values]: TENSOR_SCHEMA,
  [SPARSE.indices]: TENSOR_SCHEMA,
});
export const ATTRIBUTE_SCHEMA = schema('AttributeProto', { [ATTRIBUTE.tensor]: TENSOR_SCHEMA });
export const NODE_SCHEMA = schema('NodeProto', { [NODE.attribute]: ATTRIBUTE_SCHEMA });
export const GRAPH_SCHEMA = schema('GraphProto', {
  [GRAPH.node]: NODE_SCHEMA,
  [GRAPH.initializer]: TENSOR_SCHEMA,
  [GRAPH.input]: VALUE_INFO_SCHEMA,
  [GRAPH.output]: VALUE_INFO_SCHEMA,
  [GRAPH.valueInfo]: VALUE_INFO_SCHEMA,
  [GRAPH.sparseInitializer]: SPARSE_SCHEMA,
});
ATTRIBUTE_SCHEMA.messages.set(ATTRIBUTE.graph, GRAPH_SCHEMA);
ATTRIBUTE_SCHEMA.messages.set(ATTRIBUTE.graphs, GRAPH_SCHEMA);
export const MODEL_SCHEMA = schema('ModelProto', {
  [MODEL.graph]: GRAPH_SCHEMA,
  [MODEL.opsetImport]: schema('OperatorSetIdProto'),
  [MODEL.metadata]: ENTRY_SCHEMA,
});

/** The element type of a TensorProto.DataType number, or `undefined` when it is none that is known. */
export function dtypeOf(dataType: number | bigint | undefined): DType | undefined {
  return typeof dataType === 'number' ? (dtypeOfCode(dataType) ?? undefined) : undefined;
}

export function dataTypeOf(dtype: DType): number {
  return codeOfDtype(dtype);
}
