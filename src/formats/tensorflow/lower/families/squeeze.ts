/**
 * Squeeze. Convolutions over one axis are spelled ExpandDims, Conv2D, Squeeze by TensorFlow; they are convolutions over one axis
 * again here, waiting for their bias.
 *
 * Given:  s = Squeeze<dims=[-3]>(Conv2D(ExpandDims<-3>(x), f[1, k, in, out]))
 * Result: s = Conv(x, f[k, in, out])
 */
import type { Operand } from '#formats/lowering/lowering.ts';
import { TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import type { TfRef } from '#formats/tensorflow/graph.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { constantSizes } from './operands.ts';
import { convolutionOf, convolve, type Convolution } from './convolution.ts';

export function squeeze(call: TfCall): readonly Held[] {
  const listed = listedAxes(call);
  const line = lineOf(call);
  if (line !== undefined) {
    return [{ kind: 'pending', emit: (bias, output) => convolve(call, line.what, bias, call.name, output) }];
  }
  const rank = call.rank(0);
  const axes = listed.length > 0 ? listed.map((axis) => call.axis(axis, rank)) : ones(call);
  if (axes.length === 0) return [call.input(0)];
  const sizes = constantSizes(call, call.input(0));
  if (sizes !== undefined && axes.every((axis) => sizes[axis] === 1)) {
    const left = sizes.filter((_, axis) => !axes.includes(axis));
    return [call.lowering.reshape(call.input(0), left, { name: call.name })];
  }
  return [call.emit('Squeeze', [call.input(0), call.lowering.small(axes.toSorted((a, b) => a - b))])];
}

/** Without a list, every axis of size 1 goes; which those are must be known. */
function ones(call: TfCall): readonly number[] {
  const sizes = call.sizes(0);
  if (sizes.some((size) => size === null)) {
    throw new Inexpressible('It drops all axes of size 1, and some sizes are not known.');
  }
  return sizes.flatMap((size, axis) => (size === 1 ? [axis] : []));
}

function listedAxes(call: TfCall): readonly number[] {
  return call.ints(call.attr('squeeze_dims') === undefined ? 'axis' : 'squeeze_dims');
}

/** A convolution over one axis that ends in this Squeeze, and where its input comes from. */
export function lineOf(call: TfCall): { readonly what: Convolution; readonly source: TfRef } | undefined {
  const axes = listedAxes(call);
  const ref = call.node.inputs[0];
  const made = ref === undefined ? undefined : call.scope.producer(ref);
  if (made === undefined || made.node.op !== 'Conv2D' || axes.length !== 1) return undefined;
  if (call.scope.uses({ node: made.node.name, output: 0 }) !== 1) return undefined;
  const [from, filterRef] = made.node.inputs;
  const lifted = from === undefined ? undefined : call.scope.producer(from);
  if (lifted?.node.op !== 'ExpandDims' || filterRef === undefined) return undefined;
  const [inner, axisRef] = lifted.node.inputs;
  if (inner === undefined) return undefined;
  const x = call.scope.settle(inner);
  const axis = axisRef === undefined ? undefined : call.scope.settle(axisRef);
  if (axis === undefined || 'kind' in x || 'kind' in axis) return undefined;
  const conv = new TfCall(
    made.node,
    call.scope,
    made.node.inputs.map((one) => call.scope.settle(one)),
  );
  const what = convolutionOf(conv, false);
  const at = what.layout.channelsFirst ? 2 : 1;
  const placed = call.lowering.numbers(axis)?.[0];
  const sizes = call.lowering.shape(what.filter);
  const same = (one: number | undefined): boolean => one === at || one === at - 4;
  if (what.layout.rank !== 4 || !same(placed) || !same(axes[0]) || sizes?.[0] !== 1 || what.strides[0] !== 1) {
    return undefined;
  }
  const list = typeof what.padding === 'string' ? what.padding : undefined;
  if (list === undefined) return undefined;
  const numbers = sizes.filter((size) => typeof size === 'number');
  const filter: Operand = call.lowering.reshape(what.filter, numbers.slice(1), { name: `${made.node.name}/filter` });
  return {
    what: {
      ...what,
      x,
      filter,
      layout: { ...what.layout, rank: 3 },
      strides: what.strides.slice(1),
      dilations: what.dilations.slice(1),
    },
    source: inner,
  };
}
