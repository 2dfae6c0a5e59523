/**
 * Meaning of the half-precision conversions. binary16: 1 sign, 5 exponent, 10 mantissa bits (IEEE 754-2019, 3.6).
 * bfloat16: the upper half of a float32. Both round to nearest, ties to even; NaN stays a quiet NaN.
 */
import { roundHalfEven } from '#kernels/arithmetic.ts';

const float = new Float32Array(1);
const bitsOfFloat = new Uint32Array(float.buffer);

export async function toFloat16(x: Float32Array): Promise<Uint16Array> {
  return Uint16Array.from(x, float16Bits);
}

export async function fromFloat16(x: Uint16Array): Promise<Float32Array> {
  return Float32Array.from(x, float16Value);
}

export async function toBfloat16(x: Float32Array): Promise<Uint16Array> {
  return Uint16Array.from(x, bfloat16Bits);
}

export async function fromBfloat16(x: Uint16Array): Promise<Float32Array> {
  return Float32Array.from(x, bfloat16Value);
}

/** binary16 bits of a number; 65520 and above round to infinity. */
export function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Subnormal results are multiples of 2^-24; rounding up to 1024 of them carries into the smallest normal number.
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const shift = magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  // A mantissa that rounds up to 2048 carries into the exponent by plain addition.
  return sign | (((shift + 14) << 10) + roundHalfEven(magnitude * 2 ** (10 - shift)));
}

/** The number that binary16 bits stand for. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** bfloat16 bits of a number that was rounded to float32 first. */
export function bfloat16Bits(value: number): number {
  float[0] = value;
  const bits = bitsOfFloat[0]!;
  if (Number.isNaN(value)) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  const odd = (bits >>> 16) & 1;
  return (bits + 0x7fff + odd) >>> 16;
}

/** The number that bfloat16 bits stand for. */
export function bfloat16Value(bits: number): number {
  bitsOfFloat[0] = bits << 16;
  return float[0]!;
}
