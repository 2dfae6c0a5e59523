/** Element types as Keras and ONNX name them. */
import type { DType } from '#base/dtype.ts';
import type { Json } from '#formats/keras/archive.ts';
import { classOf, fieldOf, isObject } from '#formats/keras/config/json.ts';

const NAMES: Readonly<Record<string, DType>> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint64: 'u64',
  uint32: 'u32',
  uint16: 'u16',
  uint8: 'u8',
  bool: 'bool',
  string: 'string',
};

/** What a dtype or a policy of Keras is called: `float32`, `mixed_float16`. */
export function dtypeName(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value.replace(/^<dtype: '(.*)'>$/, '$1');
  const policy = classOf(value);
  if (policy === undefined || !isObject(policy.config)) return undefined;
  const name = fieldOf(policy.config, 'name');
  return typeof name === 'string' ? name : undefined;
}

/** Type of a tensor of the model: every float is computed in float32. */
export function tensorDtype(value: Json | undefined): DType | undefined {
  const name = dtypeName(value);
  if (name === undefined || !Object.hasOwn(NAMES, name)) return undefined;
  const dtype = NAMES[name];
  return dtype === 'f16' || dtype === 'bf16' || dtype === 'f64' ? 'f32' : dtype;
}

/** Whether a layer was quantized by Keras 3 itself (`model.quantize('int8')`). */
export function isQuantized(value: Json | undefined): boolean {
  return (
    classOf(value)?.name.startsWith('Quantized') === true || /^(u?int|float8)\d*_from_/.test(dtypeName(value) ?? '')
  );
}
