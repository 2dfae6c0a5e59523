/**
 * What "symmetric int4" means, by name. Tools differ (ranges -7..7 or -8..7, scale absmax / 7, 2 absmax / 15 or the signed
 * extreme / -8), and weights only agree with another tool's when the convention does.
 */
import type { DType } from '#base/dtype.ts';
import type { Bits } from '#kernels/kernels.ts';

export type Convention = 'narrow' | 'full' | 'nbits';

/** The levels of a grid and how a clip becomes a scale. */
export interface LevelScheme {
  readonly bits: Bits;
  readonly signed: boolean;
  readonly symmetric: boolean;
  /** Lowest and highest stored level. */
  readonly low: number;
  readonly high: number;
  /** Symmetric: scale = clip / divisor. Asymmetric: scale = (max - min) / divisor. */
  readonly divisor: number;
  /** Stored level of zero of a symmetric grid. */
  readonly middle: number;
  /** Symmetric: the scale takes its sign from the weight of largest magnitude, which gets the lowest level exactly. */
  readonly signedScale: boolean;
  /** Recorded in the file, such as `int4-symmetric-full-15`. */
  readonly name: string;
}

/** Sources: onnxruntime quant_utils.py (full), matmul_nbits_quantizer.py (nbits), TFLite quantization specification (narrow). */
export function schemeOf(bits: Bits, signed: boolean, symmetric: boolean, convention: Convention): LevelScheme {
  const half = 2 ** (bits - 1);
  const steps = 2 ** bits - 1;
  const middle = signed ? 0 : half;
  const lowest = signed ? -half : 0;
  const type = `${signed ? 'int' : 'uint'}${String(bits)}`;
  const base = { bits, signed, symmetric, low: lowest, high: lowest + steps, middle };
  if (!symmetric) return { ...base, divisor: steps, signedScale: false, name: `${type}-asymmetric` };
  const name = `${type}-symmetric`;
  switch (convention) {
    case 'narrow':
      return {
        ...base,
        low: lowest + 1,
        divisor: half - 1,
        signedScale: false,
        name: `${name}-narrow-${String(half - 1)}`,
      };
    case 'full':
      return { ...base, divisor: steps / 2, signedScale: false, name: `${name}-full-${String(steps)}` };
    case 'nbits':
      return { ...base, divisor: half, signedScale: true, name: `${name}-nbits` };
  }
}

/** What `auto` means: the convention that the runtime's own tool would use for this width and form. */
export function conventionFor(wish: Convention | 'auto', bits: Bits, form: 'dequantize' | 'nbits'): Convention {
  if (wish !== 'auto') return wish;
  if (bits >= 8) return 'narrow';
  return form === 'nbits' ? 'nbits' : 'full';
}

export function levelType(bits: Bits, signed: boolean): DType {
  switch (bits) {
    case 2:
      return signed ? 'i2' : 'u2';
    case 4:
      return signed ? 'i4' : 'u4';
    case 8:
      return signed ? 'i8' : 'u8';
    case 16:
      return signed ? 'i16' : 'u16';
  }
}
