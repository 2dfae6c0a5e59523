/** Normalizations: by statistics of training, of the layer, of groups, of length, and of the data set. */
import { countOf } from '#base/dtype.ts';
import { isList } from '#formats/keras/config/json.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import { floatsOf, keptSizes } from '#formats/keras/lower/shapes.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerRows } from './row.ts';

/** TensorFlow's fused kernel, which Keras 2 uses on images, raises smaller epsilons to this. */
const LEAST_FUSED_EPSILON = 1.001e-5;

/** A list or a number, sorted and counted from the front. */
function axesOf(call: LayerCall, x: Operand): readonly number[] {
  const { settings } = call;
  const given = isList(settings.raw('axis')) ? settings.wholes('axis') : [settings.whole('axis', -1)];
  return given.map((axis) => call.axis(x, axis)).toSorted((a, b) => a - b);
}

function filled(call: LayerCall, name: string, count: number, value: number): Operand {
  return call.once(name, () => {
    const values = Array.from({ length: count }, () => value);
    return call.lowering.small(values, 'f32', call.part(name));
  });
}

function batchNormalization(call: LayerCall): Operand {
  const { settings, lowering, x } = call;
  const hasScale = settings.flag('scale', true);
  const hasShift = settings.flag('center', true);
  const names = [...(hasScale ? ['gamma'] : []), ...(hasShift ? ['beta'] : []), 'moving_mean', 'moving_variance'];
  const taken = call.weights.take(...names);
  const at = (name: string): Operand | undefined => taken[names.indexOf(name)];
  const mean = at('moving_mean')!;
  const count = call.size(mean, 0);
  const affine = {
    scale: at('gamma') ?? filled(call, 'gamma', count, 1),
    shift: at('beta') ?? filled(call, 'beta', count, 0),
    mean,
    variance: at('moving_variance')!,
  };
  const rank = lowering.rank(x);
  const axes = axesOf(call, x);
  const [axis = rank - 1] = axes;
  if (axes.length > 1) throw new Unsupported('it normalizes over several axes of channels at once.');
  const asked = settings.real('epsilon', 0.001);
  const fused = call.version < 3 && rank === 4 && settings.raw('fused') !== false;
  const epsilon = fused ? Math.max(asked, LEAST_FUSED_EPSILON) : asked;
  if (axis === rank - 1) return lowering.normalizeBatch(x, affine, { name: call.name, epsilon });
  if (axis === 1) return lowering.normalizeBatch(x, affine, { name: call.name, epsilon, channelsFirst: true });
  const order = Array.from({ length: rank }, (_, one) => one).filter((one) => one !== axis);
  const moved = lowering.transpose(x, [...order, axis]);
  const made = lowering.normalizeBatch(moved, affine, { name: call.name, epsilon });
  return lowering.transpose(made, inverse([...order, axis]));
}

function inverse(order: readonly number[]): readonly number[] {
  return order.map((_, axis) => order.indexOf(axis));
}

function layerNormalization(call: LayerCall): Operand {
  const { settings, lowering, x } = call;
  if (settings.flag('rms_scaling', false))
    throw new Unsupported('it scales by the variance without a mean (rms_scaling).');
  const hasScale = settings.flag('scale', true);
  const hasShift = settings.flag('center', true);
  const names = [...(hasScale ? ['gamma'] : []), ...(hasShift ? ['beta'] : [])];
  const taken = call.weights.take(...names);
  const rank = lowering.rank(x);
  const axes = axesOf(call, x);
  const sizes = axes.map((axis) => call.size(x, axis));
  const gamma = hasScale
    ? taken[0]!
    : call.once('gamma', () => {
        const ones = filled(call, 'ones', countOf(sizes), 1);
        return lowering.reshape(ones, sizes, { name: call.part('gamma') });
      });
  const beta = taken[names.indexOf('beta')];
  const inputs = beta === undefined ? [gamma] : [gamma, beta];
  const attrs = { axis: rank - axes.length, epsilon: { float: settings.real('epsilon', 0.001) } };
  const order = [...Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis)), ...axes];
  const moved = lowering.transpose(x, order);
  return lowering.transpose(call.own('LayerNormalization', [moved, ...inputs], attrs), inverse(order));
}

/** Groups of channels, each with all of space: an instance normalization of the groups. */
function groupNormalization(call: LayerCall): Operand {
  const { settings, lowering, x } = call;
  const rank = lowering.rank(x);
  const [axis = rank - 1] = axesOf(call, x);
  const channels = call.size(x, axis);
  const asked = settings.whole('groups', 32);
  const groups = asked === -1 ? channels : asked;
  if (groups < 1 || channels % groups !== 0) throw settings.wrong('groups', `a divisor of ${channels} channels`);
  const hasScale = settings.flag('scale', true);
  const hasShift = settings.flag('center', true);
  const taken = call.weights.take(...(hasScale ? ['gamma'] : []), ...(hasShift ? ['beta'] : []));
  // Batch, channels, the rest.
  const order = [
    0,
    axis,
    ...Array.from({ length: rank }, (_, one) => one)
      .slice(1)
      .filter((one) => one !== axis),
  ];
  const first = lowering.transpose(x, order);
  const grouped = lowering.reshape(first, keptSizes(call, first, [0, groups, -1], 'groups'), {
    name: call.part('groups'),
  });
  const inputs = [grouped, filled(call, 'ones', groups, 1), filled(call, 'zeros', groups, 0)];
  const epsilon = { float: settings.real('epsilon', 0.001) };
  const even = call.node('InstanceNormalization', inputs, 'even', { epsilon });
  const back = keptSizes(
    call,
    first,
    order.map((_, at) => at),
    'shape',
  );
  let made = lowering.reshape(even, back, { name: call.part('channels') });
  const wide = (weight: Operand): Operand =>
    lowering.reshape(weight, [channels, ...order.slice(2).map(() => 1)], { name: call.part('wide') });
  const [gamma, beta] = hasScale ? taken : [undefined, taken[0]];
  if (gamma !== undefined) made = call.node('Mul', [made, wide(gamma)], 'scaled');
  if (beta !== undefined) made = call.node('Add', [made, wide(beta)], 'shifted');
  return lowering.transpose(made, inverse(order));
}

function unitNormalization(call: LayerCall): Operand {
  // Keras 2 bounds the sum of squares from below, Keras 3 its root.
  return unitLength(call, call.x, axesOf(call, call.x), call.version >= 3 ? 1e-12 : 1e-6);
}

export function unitLength(
  call: LayerCall,
  x: Operand,
  axes: readonly number[],
  least: number,
  name?: string,
): Operand {
  const part = name === undefined ? '' : `${name}/`;
  const length = call.lowering.reduce('ReduceL2', x, axes, { name: call.part(`${part}length`), keepDims: true });
  const bounded = call.node('Max', [length, call.number(least)], `${part}bounded`);
  return name === undefined ? call.own('Div', [x, bounded]) : call.node('Div', [x, bounded], name);
}

function rootMeanSquare(call: LayerCall): Operand {
  const { lowering, x, settings } = call;
  const [scale] = call.weights.take('scale');
  const axes = axesOf(call, x);
  const rank = lowering.rank(x);
  const square = call.node('Mul', [x, x], 'square');
  const mean = lowering.reduce('ReduceMean', square, axes, { name: call.part('mean'), keepDims: true });
  const shifted = call.node('Add', [mean, call.number(settings.real('epsilon', 1e-6))], 'shifted');
  const even = call.node('Div', [x, call.node('Sqrt', [shifted], 'root')], 'even');
  const sizes = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? call.size(x, axis) : 1));
  return call.own('Mul', [even, lowering.reshape(scale!, sizes, { name: call.part('scale') })]);
}

/** By mean and variance that the layer was given, or learned from the data set. */
function normalization(call: LayerCall): Operand {
  const { settings, lowering, x } = call;
  const least = 1e-7;
  const given = settings.has('mean');
  let mean: Operand;
  let deviation: Operand;
  if (given) {
    const means = settings.array('mean');
    const variances = settings.array('variance');
    mean = shaped(call, x, lowering.small(means.values, 'f32', call.part('mean')));
    const roots = variances.values.map((one) => Math.max(Math.fround(Math.sqrt(one)), least));
    deviation = shaped(call, x, lowering.small(roots, 'f32', call.part('deviation')));
  } else {
    const [means, variances] = call.weights.take('mean', 'variance', 'count');
    const shape = call.sizes(variances!).map((size) => size ?? 1);
    const root = call.once('deviation', () =>
      lowering.derived(call.part('deviation'), 'f32', shape, [variances!], ([bytes = new Uint8Array(0)]) => {
        const roots = floatsOf(bytes).map((one) => Math.max(Math.sqrt(one), least));
        return new Uint8Array(roots.buffer);
      }),
    );
    mean = shaped(call, x, means!);
    deviation = shaped(call, x, root);
  }
  if (settings.flag('invert', false)) return call.own('Add', [call.node('Mul', [x, deviation], 'scaled'), mean]);
  return call.own('Div', [call.node('Sub', [x, mean], 'centered'), deviation]);
}

/** Statistics of the kept axes, so that they broadcast against the input. */
function shaped(call: LayerCall, x: Operand, statistics: Operand): Operand {
  const { settings, lowering } = call;
  const count = countOf(call.sizes(statistics).map((size) => size ?? 1));
  if (count === 1) return lowering.reshape(statistics, [], { name: call.part('statistics') });
  const kept = settings.raw('axis') === null ? [] : axesOf(call, x);
  const sizes = Array.from({ length: lowering.rank(x) }, (_, axis) => (kept.includes(axis) ? call.size(x, axis) : 1));
  if (countOf(sizes) !== count) throw settings.wrong('axis', `axes with ${count} elements in all`);
  return lowering.reshape(statistics, sizes, { name: call.part('statistics') });
}

export const NORMALIZATIONS: LayerRows = {
  BatchNormalization: { lower: batchNormalization, mask: 'keeps' },
  BatchNormalizationV1: { lower: batchNormalization, mask: 'keeps' },
  BatchNormalizationV2: { lower: batchNormalization, mask: 'keeps' },
  SyncBatchNormalization: { lower: batchNormalization, mask: 'keeps' },
  LayerNormalization: { lower: layerNormalization, mask: 'keeps' },
  GroupNormalization: { lower: groupNormalization, mask: 'keeps' },
  UnitNormalization: { lower: unitNormalization, mask: 'keeps' },
  RMSNormalization: { lower: rootMeanSquare },
  Normalization: { lower: normalization, mask: 'keeps' },
};
