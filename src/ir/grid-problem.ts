/** What is wrong with the grid that a value is rounded to, if anything. */
import { bitsOf, isFloat, kindOf } from '#base/dtype.ts';
import type { Quantization, Tensor, Value } from './model.ts';

/** One sentence, or undefined for a value without a grid or with a sound one. */
export function problemOfGrid(value: Value): string | undefined {
  const { name, constant, quantization } = value;
  if (quantization === undefined) return undefined;
  if (constant !== undefined) return problemOfConstant(name, constant, quantization);
  const { levels, scale, zeroPoint, axis, block } = quantization;
  if (levels === undefined) return `"${name}" is computed and has scales, but no type of levels to be rounded to.`;
  if (!isLevel(levels)) return `"${name}" is to be rounded to ${levels}, which is not an integer of at most 16 bits.`;
  if (axis !== undefined || block !== undefined || scale.shape.length > 0) {
    return `"${name}" is computed: it takes one scale for the tensor, not one per channel or block.`;
  }
  if (!isFloat(scale.dtype)) return `The scale of "${name}" is ${scale.dtype}, not a float.`;
  if (value.dtype !== null && value.dtype !== scale.dtype) {
    return `"${name}" is ${value.dtype} and its scale ${scale.dtype}; they must be of one type.`;
  }
  return problemOfZeroPoint(name, levels, quantization, zeroPoint);
}

function isLevel(dtype: NonNullable<Quantization['levels']>): boolean {
  const kind = kindOf(dtype);
  return (kind === 'signed' || kind === 'unsigned') && bitsOf(dtype) <= 16;
}

function problemOfConstant(name: string, constant: Tensor, quantization: Quantization): string | undefined {
  const { levels, scale, zeroPoint } = quantization;
  if (levels !== undefined) return `"${name}" is a constant: its own type says its levels, and none are to be given.`;
  if (!isFloat(scale.dtype)) return `The scale of "${name}" is ${scale.dtype}, not a float.`;
  return problemOfZeroPoint(name, constant.dtype, quantization, zeroPoint);
}

function problemOfZeroPoint(
  name: string,
  levels: NonNullable<Quantization['levels']>,
  { scale }: Quantization,
  zeroPoint: Tensor | undefined,
): string | undefined {
  if (zeroPoint === undefined) return undefined;
  if (zeroPoint.dtype !== levels) return `The zero point of "${name}" is ${zeroPoint.dtype} and its levels ${levels}.`;
  if (zeroPoint.shape.join() === scale.shape.join()) return undefined;
  return `The zero point of "${name}" has the shape [${zeroPoint.shape.join(', ')}] and its scale [${scale.shape.join(', ')}].`;
}
