/** Between our arrays and onnxruntime's tensors: names of element types, and the typed array that holds each. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import type { Tensor } from 'onnxruntime-web/wasm';
import { countOf } from '#base/dtype.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';

/** onnxruntime's names. Its int4 and uint4 are packed two to a byte, first element in the low bits. */
const DTYPE_OF: Readonly<Record<Tensor.Type, DType>> = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  int8: 'i8',
  uint8: 'u8',
  int16: 'i16',
  uint16: 'u16',
  int32: 'i32',
  uint32: 'u32',
  int64: 'i64',
  uint64: 'u64',
  int4: 'i4',
  uint4: 'u4',
  bool: 'bool',
  string: 'string',
};

const TYPE_OF: ReadonlyMap<DType, Tensor.Type> = new Map(
  Object.entries(DTYPE_OF).map(([type, dtype]) => [dtype, type as Tensor.Type]),
);

/** The constructor of either package; they share one definition. */
export type TensorConstructor = new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]) => Tensor;

export function dtypeOf(type: Tensor.Type): DType {
  return DTYPE_OF[type];
}

/** Whether onnxruntime's JavaScript interface can pass values of this type in and out. */
export function isPassable(dtype: DType): boolean {
  return TYPE_OF.has(dtype);
}

/** An onnxruntime tensor over the same memory. Throws a `PareError` for element types that its interface lacks. */
export function toTensor(constructor: TensorConstructor, name: string, array: NdArray): Tensor {
  const type = TYPE_OF.get(array.dtype);
  if (type === undefined) {
    throw new PareError({
      code: 'runtime/dtype',
      place: `input ${name}`,
      problem: `values of type ${array.dtype} cannot be passed to onnxruntime from JavaScript.`,
    });
  }
  const stored =
    array.dtype === 'i4' || array.dtype === 'u4' ? Math.ceil(countOf(array.shape) / 2) : countOf(array.shape);
  if (array.data.length !== stored) {
    throw new PareError({
      code: 'runtime/length',
      place: `input ${name}`,
      problem: `the shape [${array.shape.join(', ')}] needs ${stored} values, but there are ${array.data.length}.`,
    });
  }
  const data = array.dtype === 'bool' ? bytesOf(array.data) : array.data;
  return new constructor(type, data as Tensor.DataType, array.shape);
}

function bytesOf(data: NdData): Uint8Array {
  return data instanceof Uint8Array ? data : Uint8Array.from(data as Int8Array, (value) => (value === 0 ? 0 : 1));
}

/** The values of an output. float16 comes as its bits, whatever typed array the engine of the day uses for it. */
export function fromTensor(tensor: Tensor): NdArray {
  const dtype = dtypeOf(tensor.type);
  const data: Tensor.DataType = tensor.data;
  const shape = [...tensor.dims];
  if (dtype === 'f16' && !(data instanceof Uint16Array) && ArrayBuffer.isView(data)) {
    return { dtype, shape, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) };
  }
  return { dtype, shape, data: data as NdData };
}
