/** Brings operands to one type: shapes are 64-bit here where TensorFlow has 32 bits, and runtimes count in 32 or 64 bits only. */
import type { DType } from '#base/dtype.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

/** Integers that onnxruntime's arithmetic does not take, and those that hold them all. */
const WIDER: Readonly<Partial<Record<DType, DType>>> = { u8: 'i32', i8: 'i32', u16: 'i32', i16: 'i32', u32: 'i64' };

/** Operands of one type: 64-bit as soon as one is. */
export function paired(call: TfCall, operands: readonly Operand[]): readonly Operand[] {
  const types = new Set(operands.map((operand) => call.lowering.dtype(operand)));
  if (!types.has('i64') || !types.has('i32')) return operands;
  return operands.map((operand, at) => call.cast(operand, 'i64', `long_${at}`));
}

/** Calculates with operands that are wide enough, and brings the result back to their type. */
export function widely(
  call: TfCall,
  operands: readonly Operand[],
  calculate: (wide: readonly Operand[]) => Operand,
  options: { readonly back: boolean },
): Operand {
  const same = paired(call, operands);
  const [first] = same;
  const dtype = first === undefined ? null : call.lowering.dtype(first);
  const wider = dtype === null ? undefined : WIDER[dtype];
  if (dtype === null || wider === undefined) return calculate(same);
  const wide = calculate(same.map((operand, at) => call.cast(operand, wider, `wide_${at}`)));
  return options.back ? call.cast(wide, dtype, 'narrow') : wide;
}

export function isInteger(dtype: DType | null): boolean {
  return dtype !== null && /^[iu]\d/u.test(dtype);
}

/** Whether every element is a known positive number or a named size: shape arithmetic, which is never negative. */
export function isSizes(call: TfCall, operand: Operand): boolean {
  const elements = call.lowering.elements(operand);
  return elements !== undefined && elements.every((one) => typeof one === 'string' || (one !== null && one > 0));
}

/** Sizes of a constant: weights under another shape are the same weights, and no operator is needed. */
export function constantSizes(call: TfCall, operand: Operand): readonly number[] | undefined {
  const known = call.lowering.constantOf(operand);
  if (known === undefined || known.tensor.dtype === 'string') return undefined;
  const sizes = call.lowering.shape(operand)?.filter((size) => typeof size === 'number');
  return sizes?.length === known.tensor.shape.length ? sizes : undefined;
}

/** All sizes of a shape, where all are numbers. */
export function staticShape(call: TfCall, at: number): readonly number[] {
  const sizes = call.sizes(at);
  const known = sizes.filter((size) => typeof size === 'number');
  if (known.length !== sizes.length) throw new Inexpressible(`The shape of input ${at} is not fixed.`);
  return known;
}

/** Zeros or another number in the shape of a list of sizes. */
export function filled(call: TfCall, suffix: string, sizes: Operand, value: Operand): Operand {
  return call.step(suffix, 'Expand', [value, sizes]);
}
