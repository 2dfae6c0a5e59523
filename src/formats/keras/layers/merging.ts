/** Layers of several inputs: sums, products, extremes, concatenation, dot products. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { mergedMask } from '#formats/keras/lower/masks.ts';
import { sizesFor } from '#formats/keras/lower/shapes.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { unitLength } from './normalization.ts';
import type { LayerRow, LayerRows } from './row.ts';

/** Inputs of one rank: smaller ones get axes after the batch, as Keras merges. */
function aligned(call: LayerCall): readonly Operand[] {
  const { lowering } = call;
  const types = call.inputs.map((one) => lowering.dtype(one));
  const mixed = types.some((type) => type !== types[0]);
  const inputs = mixed ? call.inputs.map((one, at) => call.real(one, `input_${at}`)) : call.inputs;
  const ranks = inputs.map((one) => lowering.rank(one));
  const full = Math.max(...ranks);
  return inputs.map((one, at) => {
    const missing = full - (ranks[at] ?? full);
    if (missing === 0 || ranks[at] === 0) return one;
    const axes = Array.from({ length: missing }, (_, axis) => axis + 1);
    return call.node('Unsqueeze', [one, lowering.small(axes)], `input_${at}_wide`);
  });
}

/** The inputs one after the other through one operator. */
function chain(call: LayerCall, op: string, ends: boolean): Operand {
  const inputs = aligned(call);
  if (inputs.length === 0) throw call.settings.wrong('name', 'of a layer that is called on inputs');
  return inputs.reduce((all, one, at) => {
    const isLast = ends && at === inputs.length - 1;
    return isLast ? call.own(op, [all, one]) : call.node(op, [all, one], `${op.toLowerCase()}_${at}`);
  });
}

function merging(lower: (call: LayerCall) => Operand): LayerRow {
  return { lower, mask: mergedMask };
}

function average(call: LayerCall): Operand {
  const sum = chain(call, 'Add', false);
  return call.own('Mul', [sum, call.number(1 / call.inputs.length)]);
}

function concatenate(call: LayerCall): Operand {
  const { lowering } = call;
  const types = call.inputs.map((one) => lowering.dtype(one));
  const mixed = types.some((type) => type !== types[0]);
  const inputs = mixed ? call.inputs.map((one, at) => call.real(one, `input_${at}`)) : call.inputs;
  const [first] = inputs;
  if (first === undefined) throw call.settings.wrong('name', 'of a layer that is called on inputs');
  return call.own('Concat', inputs, { axis: call.axis(first, call.settings.whole('axis', -1)) });
}

/** Masks are joined along time; along other axes, a step counts if it counts in all. */
function concatenatedMask(call: LayerCall): Operand | undefined {
  const masks = call.inputs.map((input) => call.parts.masks.get(input));
  if (masks.every((mask) => mask === undefined)) return undefined;
  const [first] = call.inputs;
  const axis = first === undefined ? -1 : call.axis(first, call.settings.whole('axis', -1));
  const known = masks.filter((mask) => mask !== undefined);
  if (axis === 1 && known.length === masks.length) return call.node('Concat', known, 'mask', { axis: 1 });
  if (axis === 1) return undefined;
  return known.reduce((all, mask, at) => call.node(call.version >= 3 ? 'Or' : 'And', [all, mask], `mask_${at}`));
}

/** The product along one axis of each, for every sample of the batch. */
function dot(call: LayerCall): Operand {
  const { settings, lowering } = call;
  const [a, b] = call.inputs;
  if (a === undefined || b === undefined) throw settings.wrong('axes', 'for two inputs');
  const given = settings.wholes('axes', 2);
  const [axisA, axisB] = [call.axis(a, given[0] ?? 0), call.axis(b, given[1] ?? 0)];
  if (axisA === 0 || axisB === 0) throw new Unsupported('it multiplies along the batch.');
  const normalize = settings.flag('normalize', false);
  const least = call.version >= 3 ? 1e-12 : 1e-6;
  const even = (x: Operand, axis: number, name: string): Operand =>
    normalize ? unitLength(call, x, [axis], least, name) : call.real(x, name);
  const left = matrix(call, even(a, axisA, 'left'), axisA, 'left');
  const right = matrix(call, even(b, axisB, 'right'), axisB, 'right');
  // [batch, kept, summed] times [batch, summed, kept].
  const product = lowering.apply('MatMul', [left.operand, lowering.transpose(right.operand, [0, 2, 1])], {
    name: call.name,
    outputs: [left.kept.length === 1 && right.kept.length === 1 ? call.name : call.part('product')],
  });
  if (left.kept.length === 1 && right.kept.length === 1) return product;
  if (left.kept.length === 0 && right.kept.length === 0) {
    return lowering.reshape(product, [sizeOrOpen(call, a), 1], { name: call.part('flat'), output: call.name });
  }
  const sizes = [sizeOrOpen(call, a), ...left.kept, ...right.kept];
  return lowering.reshape(product, sizes, { name: call.part('shape'), output: call.name });
}

function sizeOrOpen(call: LayerCall, x: Operand): number {
  return call.sizes(x)[0] ?? -1;
}

/** [batch, kept, summed], and the sizes of the kept axes (open where there is just one). */
function matrix(
  call: LayerCall,
  x: Operand,
  axis: number,
  name: string,
): { readonly operand: Operand; readonly kept: readonly number[] } {
  const { lowering } = call;
  const rank = lowering.rank(x);
  const others = Array.from({ length: rank }, (_, one) => one).filter((one) => one !== 0 && one !== axis);
  const moved = lowering.transpose(x, [0, ...others, axis]);
  if (others.length === 0)
    return { operand: call.node('Unsqueeze', [moved, lowering.small([1])], `${name}_wide`), kept: [] };
  if (others.length === 1) return { operand: moved, kept: [call.sizes(x)[others[0] ?? 1] ?? -1] };
  const kept = others.map((one) => call.size(x, one));
  const targets = [{ axis: 0 }, kept.reduce((a, b) => a * b, 1), { axis: rank - 1 }];
  return {
    operand: lowering.reshape(moved, sizesFor(call, moved, targets, `${name}_sizes`), {
      name: call.part(`${name}_flat`),
    }),
    kept,
  };
}

const ADD = merging((call) => chain(call, 'Add', true));
const SUBTRACT = merging((call) => chain(call, 'Sub', true));
const MULTIPLY = merging((call) => chain(call, 'Mul', true));
const AVERAGE = merging(average);
const MAXIMUM = merging((call) => call.own('Max', aligned(call)));
const MINIMUM = merging((call) => call.own('Min', aligned(call)));

export const MERGING: LayerRows = {
  Add: ADD,
  Subtract: SUBTRACT,
  Multiply: MULTIPLY,
  Average: AVERAGE,
  Maximum: MAXIMUM,
  Minimum: MINIMUM,
  Concatenate: { lower: concatenate, mask: concatenatedMask },
  Dot: { lower: dot },
};
