/** Meaning of the half-precision conversions: the scalar ones of `base/float16.ts`, weight by weight. */
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '#base/float16.ts';

export async function toFloat16(x: Float32Array): Promise<Uint16Array> {
  return Uint16Array.from(x, encodeFloat16);
}

export async function fromFloat16(x: Uint16Array): Promise<Float32Array> {
  return Float32Array.from(x, decodeFloat16);
}

export async function toBfloat16(x: Float32Array): Promise<Uint16Array> {
  return Uint16Array.from(x, encodeBfloat16);
}

export async function fromBfloat16(x: Uint16Array): Promise<Float32Array> {
  return Float32Array.from(x, decodeBfloat16);
}
