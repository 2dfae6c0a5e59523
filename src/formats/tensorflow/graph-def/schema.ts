/** Field numbers of TensorFlow's messages that are read, and which of their fields are messages themselves. */
import { schema } from '#wire/protobuf/message.ts';

export const SAVED_MODEL = { version: 1, metaGraphs: 2 } as const;
export const META_GRAPH = { info: 1, graph: 2, saver: 3, collections: 4, signatures: 5, objectGraph: 7 } as const;
export const META_INFO = { tags: 4, version: 5 } as const;
export const SAVER = { filename: 1, save: 2, restore: 3 } as const;
export const SIGNATURE = { inputs: 1, outputs: 2, method: 3 } as const;
/** `sparse` and `composite` are tensors of other makings. */
export const TENSOR_INFO = { name: 1, dtype: 2, shape: 3, sparse: 4, composite: 5 } as const;
export const ENTRY = { key: 1, value: 2 } as const;

export const GRAPH = { node: 1, library: 2, version: 3, versions: 4 } as const;
export const NODE = { name: 1, op: 2, input: 3, device: 4, attr: 5 } as const;
export const LIBRARY = { function: 1, gradient: 2 } as const;
export const FUNCTION = { signature: 1, node: 3, results: 4, attr: 5, argumentAttrs: 7 } as const;
export const OP_DEF = { name: 1, inputs: 2, outputs: 3 } as const;
export const ARGUMENT = { name: 1, type: 3, typeAttr: 4, numberAttr: 5, typeListAttr: 6 } as const;
export const ARGUMENT_ATTRS = { attr: 1 } as const;

export const ATTR = {
  list: 1,
  string: 2,
  int: 3,
  float: 4,
  bool: 5,
  type: 6,
  shape: 7,
  tensor: 8,
  placeholder: 9,
  function: 10,
} as const;
export const LIST = { string: 2, int: 3, float: 4, bool: 5, type: 6, shape: 7, tensor: 8, function: 9 } as const;
export const NAME_ATTRS = { name: 1, attr: 2 } as const;
export const SHAPE = { dim: 2, unknownRank: 3 } as const;
export const DIM = { size: 1, name: 2 } as const;
export const TENSOR = {
  dtype: 1,
  shape: 2,
  content: 4,
  float: 5,
  double: 6,
  int: 7,
  string: 8,
  complex: 9,
  int64: 10,
  bool: 11,
  doubleComplex: 12,
  half: 13,
  uint32: 16,
  uint64: 17,
} as const;

const SHAPE_SCHEMA = schema('TensorShapeProto', { [SHAPE.dim]: schema('Dim') });
export const TENSOR_SCHEMA = schema('TensorProto', { [TENSOR.shape]: SHAPE_SCHEMA });
const NAME_ATTRS_SCHEMA = schema('NameAttrList');
const LIST_SCHEMA = schema('ListValue', {
  [LIST.shape]: SHAPE_SCHEMA,
  [LIST.tensor]: TENSOR_SCHEMA,
  [LIST.function]: NAME_ATTRS_SCHEMA,
});
const ATTR_SCHEMA = schema('AttrValue', {
  [ATTR.list]: LIST_SCHEMA,
  [ATTR.shape]: SHAPE_SCHEMA,
  [ATTR.tensor]: TENSOR_SCHEMA,
  [ATTR.function]: NAME_ATTRS_SCHEMA,
});
const ATTR_ENTRY_SCHEMA = schema('AttrEntry', { [ENTRY.value]: ATTR_SCHEMA });
NAME_ATTRS_SCHEMA.messages.set(NAME_ATTRS.attr, ATTR_ENTRY_SCHEMA);

export const NODE_SCHEMA = schema('NodeDef', { [NODE.attr]: ATTR_ENTRY_SCHEMA });
const OP_DEF_SCHEMA = schema('OpDef', { [OP_DEF.inputs]: schema('ArgDef'), [OP_DEF.outputs]: schema('ArgDef') });
/** Nodes stay as they are: of the thousands of functions that Keras saves, a model calls a few. */
const FUNCTION_SCHEMA = schema('FunctionDef', {
  [FUNCTION.signature]: OP_DEF_SCHEMA,
  [FUNCTION.results]: schema('ResultEntry'),
  [FUNCTION.attr]: ATTR_ENTRY_SCHEMA,
  [FUNCTION.argumentAttrs]: schema('ArgAttrEntry', {
    [ENTRY.value]: schema('ArgAttrs', { [ARGUMENT_ATTRS.attr]: ATTR_ENTRY_SCHEMA }),
  }),
});
export const GRAPH_SCHEMA = schema('GraphDef', {
  [GRAPH.node]: NODE_SCHEMA,
  [GRAPH.library]: schema('FunctionDefLibrary', { [LIBRARY.function]: FUNCTION_SCHEMA }),
});

const TENSOR_INFO_SCHEMA = schema('TensorInfo', {
  [TENSOR_INFO.shape]: SHAPE_SCHEMA,
});
const TENSOR_INFO_ENTRY = schema('TensorInfoEntry', { [ENTRY.value]: TENSOR_INFO_SCHEMA });
const SIGNATURE_SCHEMA = schema('SignatureDef', {
  [SIGNATURE.inputs]: TENSOR_INFO_ENTRY,
  [SIGNATURE.outputs]: TENSOR_INFO_ENTRY,
});
const META_GRAPH_SCHEMA = schema('MetaGraphDef', {
  [META_GRAPH.info]: schema('MetaInfoDef'),
  [META_GRAPH.graph]: GRAPH_SCHEMA,
  [META_GRAPH.saver]: schema('SaverDef'),
  [META_GRAPH.signatures]: schema('SignatureEntry', { [ENTRY.value]: SIGNATURE_SCHEMA }),
});
export const SAVED_MODEL_SCHEMA = schema('SavedModel', { [SAVED_MODEL.metaGraphs]: META_GRAPH_SCHEMA });
