/** Cuts: slices with every mask of TensorFlow, pads, reversals, rolls. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { FAR, reversedAlong } from './reversal.ts';
import { strided } from './strided.ts';

/** From `begin` as many as `size` says; -1: all that follow. */
function slice(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const x = call.input(0);
  const begin = call.elements(1);
  const size = call.elements(2);
  const count = begin?.length ?? size?.length ?? call.rank(0);
  const axes = lowering.small(Array.from({ length: count }, (_, at) => at));
  const known = begin?.every((one) => typeof one === 'number') && size?.every((one) => typeof one === 'number');
  if (known === true) {
    const starts = begin as readonly number[];
    const ends = starts.map((start, at) => (size?.[at] === -1 ? FAR : start + Number(size?.[at])));
    const kept = starts.flatMap((start, at) => (start === 0 && ends[at] === FAR ? [] : [at]));
    if (kept.length === 0) return [x];
    const pick = (list: readonly number[]): Operand => lowering.small(kept.map((at) => list[at] ?? 0));
    return [call.emit('Slice', [x, pick(starts), pick(ends), lowering.small(kept)])];
  }
  const starts = call.long(1);
  const sum = call.step('end', 'Add', [starts, call.long(2)]);
  const all = call.step('all', 'Less', [call.long(2), lowering.small(0)]);
  const ends = call.step('ends', 'Where', [all, lowering.small(FAR), sum]);
  return [call.emit('Slice', [x, starts, ends, axes])];
}

function reverseV2(call: TfCall): readonly Operand[] {
  const axes = call.numbers(1).map((axis) => call.axis(axis, call.rank(0)));
  return axes.length === 0 ? [call.input(0)] : [reversedAlong(call, null, call.input(0), axes)];
}

/** A flag for each axis. */
function reverseV1(call: TfCall): readonly Operand[] {
  const axes = call.numbers(1).flatMap((flag, axis) => (flag === 0 ? [] : [axis]));
  return axes.length === 0 ? [call.input(0)] : [reversedAlong(call, null, call.input(0), axes)];
}

function reverseSequence(call: TfCall): readonly Operand[] {
  const [batch, time] = [call.int('batch_dim', 0), call.int('seq_dim', 0)];
  if (!((batch === 0 && time === 1) || (batch === 1 && time === 0))) {
    throw new Inexpressible('It reverses along an axis that ONNX does not reverse sequences along.');
  }
  return [call.emit('ReverseSequence', [call.input(0), call.long(1)], { batch_axis: batch, time_axis: time })];
}

/** Elements that leave at one end come back at the other. */
function roll(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const shifts = call.numbers(1);
  const axes = call.numbers(2).map((axis) => call.axis(axis, call.rank(0)));
  let x = call.input(0);
  for (const [at, axis] of axes.entries()) {
    const size = lowering.shape(x)?.[axis];
    const given = shifts[at] ?? 0;
    const shift = typeof size === 'number' && size > 0 ? ((given % size) + size) % size : given;
    if (shift === 0) continue;
    const part = (name: string, from: number, to: number): Operand =>
      call.step(`${name}_${at}`, 'Slice', [x, lowering.small([from]), lowering.small([to]), lowering.small([axis])]);
    if (typeof size !== 'number') throw new Inexpressible('It rolls along an axis whose size is not known.');
    const name = at === axes.length - 1 ? call.name : `${call.name}/rolled_${at}`;
    x = lowering.apply('Concat', [part('tail', -shift, FAR), part('head', 0, -shift)], { name, attrs: { axis } });
  }
  return [x];
}

/** [axes, 2] of TensorFlow in the order of ONNX: all before, then all after. */
function padsOf(call: TfCall): Operand {
  const { lowering } = call;
  const known = call.known(1);
  if (known !== undefined) {
    return lowering.small([...known.filter((_, at) => at % 2 === 0), ...known.filter((_, at) => at % 2 === 1)]);
  }
  const turned = call.step('pads', 'Transpose', [call.long(1)], { perm: [1, 0] });
  return lowering.reshape(turned, [-1], { name: `${call.name}/flat_pads` });
}

function pad(call: TfCall): readonly Operand[] {
  const known = call.known(1);
  if (known?.every((size) => size === 0) === true) return [call.input(0)];
  const value = call.count > 2 ? call.input(2) : null;
  const inputs = value === null ? [call.input(0), padsOf(call)] : [call.input(0), padsOf(call), value];
  return [call.emit('Pad', inputs, { mode: 'constant' })];
}

/** `REFLECT` leaves the edge out, which ONNX calls reflect; `SYMMETRIC` repeats it, which is put together from slices. */
function mirrorPad(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  if (call.text('mode', 'REFLECT') === 'REFLECT') {
    return [call.emit('Pad', [call.input(0), padsOf(call)], { mode: 'reflect' })];
  }
  const pads = call.numbers(1);
  let x = call.input(0);
  const rank = call.rank(0);
  const last = Array.from({ length: rank }, (_, at) => at).findLast((at) => pads[2 * at] || pads[2 * at + 1]);
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = [pads[2 * axis] ?? 0, pads[2 * axis + 1] ?? 0];
    if (before === 0 && after === 0) continue;
    const mirrored = (name: string, from: number, to: number): Operand =>
      call.step(`${name}_${axis}`, 'Slice', [
        x,
        lowering.small([from]),
        lowering.small([to]),
        lowering.small([axis]),
        lowering.small([-1]),
      ]);
    const parts = [
      ...(before > 0 ? [mirrored('before', before - 1, -FAR)] : []),
      x,
      ...(after > 0 ? [mirrored('after', -1, -after - 1)] : []),
    ];
    const name = axis === last ? call.name : `${call.name}/axis_${axis}`;
    x = lowering.apply('Concat', parts, { name, attrs: { axis } });
  }
  return [x];
}

export const sliceRows: readonly (readonly [string, Row])[] = [
  ['Slice', slice],
  ['StridedSlice', strided as (call: TfCall) => readonly Held[]],
  ['ReverseV2', reverseV2],
  ['Reverse', reverseV1],
  ['ReverseSequence', reverseSequence],
  ['Roll', roll],
  ['Pad', pad],
  ['PadV2', pad],
  ['MirrorPad', mirrorPad],
];
