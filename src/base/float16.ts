/** Scalar conversions between float32 and the two 16-bit float formats: IEEE 754 binary16 and bfloat16. */

const floatCell = new Float32Array(1);
const bitCell = new Uint32Array(floatCell.buffer);

/** Bits of the binary16 nearest to the float32 value, ties to even; too large gives infinity, NaN stays NaN. */
export function encodeFloat16(value: number): number {
  floatCell[0] = value;
  const bits = bitCell[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 is half-way between the largest binary16 and the next power of two: from there on it is infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | subnormalHalf(magnitude);
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** Below 2^-14: the value in units of 2^-24, rounded to even. Exact in double arithmetic. */
function subnormalHalf(magnitude: number): number {
  bitCell[0] = magnitude;
  const units = (floatCell[0] ?? 0) * 2 ** 24;
  const floor = Math.floor(units);
  const rest = units - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export function decodeFloat16(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Bits of the bfloat16 nearest to the float32 value, ties to even. */
export function encodeBfloat16(value: number): number {
  floatCell[0] = value;
  const bits = bitCell[0] ?? 0;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function decodeBfloat16(bits: number): number {
  bitCell[0] = (bits & 0xffff) << 16;
  return floatCell[0] ?? 0;
}
