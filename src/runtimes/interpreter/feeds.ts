/** Between arrays of runtimes, whose narrow types are packed, and tensors with one lane for each element. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import { PareError } from '#base/failure.ts';
import { shapeText } from '#base/nd-array.ts';
import { bitsOf } from '#base/dtype.ts';
import { decode, encode, type Dense } from '#ops/dense.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';

/** A copy of what was fed, after a check against what the model declares; `anyShape` where it declares no rank. */
export function denseOfFeed(slot: SlotInfo, anyShape: boolean, array: NdArray | undefined): Dense {
  const place = `input ${slot.name}`;
  if (array === undefined) {
    throw new PareError({
      code: 'runtime/input-missing',
      place,
      problem: 'no value was given for it.',
      hint: 'Give a value for every input of the model.',
    });
  }
  if (array.dtype !== slot.dtype) {
    throw new PareError({
      code: 'runtime/input-type',
      place,
      problem: `it takes ${slot.dtype}, but ${array.dtype} was given.`,
      hint: 'Give inputs of the element type that the model declares.',
    });
  }
  const fits =
    anyShape ||
    (array.shape.length === slot.shape.length &&
      slot.shape.every((size, axis) => typeof size !== 'number' || size === array.shape[axis]));
  if (!fits) {
    throw new PareError({
      code: 'runtime/input-shape',
      place,
      problem: `it takes the shape ${shapeText(slot.shape)}, but ${shapeText(array.shape)} was given.`,
      hint: 'Give inputs of the shape that the model declares.',
    });
  }
  const { data } = array;
  const dense = ArrayBuffer.isView(data)
    ? decode(array.dtype, array.shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    : undefined;
  if (dense !== undefined) return dense;
  throw new PareError({
    code: 'interpreter/dtype',
    place,
    problem: `values of type ${array.dtype} are not computed here.`,
  });
}

/** As runtimes hand arrays over: 16-bit floats as their bits, integers below a byte packed. */
export function arrayOfDense(dense: Dense): NdArray {
  const { dtype, shape, data } = dense;
  return {
    dtype,
    shape,
    data: dtype === 'f16' || dtype === 'bf16' ? bits16(dense) : bitsOf(dtype) < 8 ? encode(dense) : data,
  };
}

function bits16(dense: Dense): NdData {
  const bytes = encode(dense);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, dense.data.length);
}
