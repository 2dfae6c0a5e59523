/** Slots of the tables of a .tflite file, and the numbers of its element types. Source: tensorflow/compiler/mlir/lite/schema/schema.fbs. */
import type { DType } from '#base/dtype.ts';

export const IDENTIFIER = 'TFL3';

export const MODEL = {
  version: 0,
  operatorCodes: 1,
  subgraphs: 2,
  description: 3,
  buffers: 4,
  metadata: 6,
  signatures: 7,
} as const;

export const OPERATOR_CODE = { oldCode: 0, custom: 1, version: 2, code: 3 } as const;

export const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 } as const;

export const TENSOR = {
  shape: 0,
  type: 1,
  buffer: 2,
  name: 3,
  quantization: 4,
  isVariable: 5,
  sparsity: 6,
  shapeSignature: 7,
} as const;

export const BUFFER = { data: 0, offset: 1, size: 2 } as const;

export const OPERATOR = {
  code: 0,
  inputs: 1,
  outputs: 2,
  options: 4,
  customOptions: 5,
  intermediates: 8,
  options2: 12,
} as const;

export const QUANTIZATION = { scale: 2, zeroPoint: 3, detailsType: 4, details: 5, axis: 6 } as const;

/** Kinds of `details`. */
export const BLOCKWISE = 2;
export const BLOCKWISE_SCALES = { scales: 0, zeroPoints: 1, blockSize: 2 } as const;

export const SPARSITY = { traversal: 0, blockMap: 1, dimensions: 2 } as const;
export const SPARSE_DIMENSION = {
  format: 0,
  size: 1,
  segmentsType: 2,
  segments: 3,
  indicesType: 4,
  indices: 5,
} as const;

export const SIGNATURE = { inputs: 0, outputs: 1, key: 2, subgraph: 4 } as const;
export const TENSOR_MAP = { name: 0, tensor: 1 } as const;
export const METADATA = { name: 0, buffer: 1 } as const;

/** Element types by number. Strings, resources and variants have no elements that a model of numbers could hold. */
const TYPES: readonly (DType | 'resource' | 'variant')[] = [
  'f32',
  'f16',
  'i32',
  'u8',
  'i64',
  'string',
  'bool',
  'i16',
  'c64',
  'i8',
  'f64',
  'c128',
  'u64',
  'resource',
  'variant',
  'u32',
  'u16',
  'i4',
  'bf16',
  'i2',
  'u4',
  'f8e4m3fn',
  'f8e5m2',
];

export type ElementType = DType | 'resource' | 'variant';

export function elementType(number: number): ElementType | undefined {
  return TYPES[number];
}
