/** Types of values as TypeProto records. */
import type { DType } from '#base/dtype.ts';
import type { Shape } from '#ir/model.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { joinSmall } from './join.ts';
import { DIM, SHAPE, TENSOR_TYPE, TYPE, dataTypeOf } from './schema.ts';

/** Bytes of a TypeProto for a tensor. */
export function encodeType(dtype: DType | null, shape: Shape | null): Uint8Array {
  const tensor = new MessageDraft();
  if (dtype !== null) tensor.integer(TENSOR_TYPE.element, dataTypeOf(dtype));
  if (shape !== null) {
    const dims = new MessageDraft();
    for (const size of shape) {
      const dim = new MessageDraft();
      if (typeof size === 'number') dim.integer(DIM.value, size);
      else if (size !== null) dim.string(DIM.param, size);
      dims.message(SHAPE.dim, dim);
    }
    tensor.message(TENSOR_TYPE.shape, dims);
  }
  return joinSmall(new MessageDraft().message(TYPE.tensor, tensor));
}
