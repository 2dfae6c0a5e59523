/**
 * Space moved into the batch and back, which is how TensorFlow long spelled dilated convolutions.
 *
 * Given:  y = BatchToSpaceND<[2, 2], crops>(Conv2D<VALID>(SpaceToBatchND<[2, 2], pads>(x), f))
 * Result: y = Conv<dilations=[2, 2], pads = pads - crops>(x, f)
 */
import type { Operand } from '#formats/lowering/lowering.ts';
import { TfCall, type Row } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import type { TfRef } from '#formats/tensorflow/graph.ts';
import { convolutionOf, convolve, type Convolution } from './convolution.ts';
import { lineOf } from './squeeze.ts';

/** [batch, spaces..., rest...] to [batch * blocks, spaces / block..., rest...]. */
function spaceToBatch(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const block = call.numbers(1);
  const pads = call.numbers(2);
  const rank = call.rank(0);
  const spaces = block.length;
  if (rank <= spaces || pads.length !== 2 * spaces) throw call.broken(`moves ${spaces} axes of ${rank}`);
  const zeros = Array.from({ length: rank - spaces - 1 }, () => 0);
  const before = block.map((_, at) => pads[2 * at] ?? 0);
  const after = block.map((_, at) => pads[2 * at + 1] ?? 0);
  const padded = call.step('padded', 'Pad', [
    call.input(0),
    lowering.small([0, ...before, ...zeros, 0, ...after, ...zeros]),
  ]);
  const sizes = sizesOf(call, padded, 'space');
  const apart: Operand[] = [sizes[0]!];
  for (const [at, size] of block.entries()) {
    apart.push(call.step(`cells_${at}`, 'Div', [sizes[at + 1]!, lowering.small([size])]), lowering.small([size]));
  }
  apart.push(...sizes.slice(spaces + 1));
  const split = lowering.reshape(padded, joinedSizes(call, apart, 'apart'), { name: `${call.name}/apart` });
  const order = [
    ...block.map((_, at) => 2 + 2 * at),
    0,
    ...block.map((_, at) => 1 + 2 * at),
    ...zeros.map((_, at) => 1 + 2 * spaces + at),
  ];
  const moved = lowering.transpose(split, order);
  const whole = [
    call.step('batches', 'Mul', [sizes[0]!, lowering.small([product(block)])]),
    ...block.map((_, at) => apart[1 + 2 * at]!),
    ...sizes.slice(spaces + 1),
  ];
  return [lowering.reshape(moved, joinedSizes(call, whole, 'whole'), { name: call.name })];
}

function batchToSpace(call: TfCall): readonly Held[] {
  const dilated = asDilation(call);
  if (dilated !== undefined) return dilated;
  const { lowering } = call;
  const block = call.numbers(1);
  const crops = call.numbers(2);
  const spaces = block.length;
  const x = call.input(0);
  const sizes = sizesOf(call, x, 'batch');
  if (sizes.length <= spaces || crops.length !== 2 * spaces)
    throw call.broken(`moves ${spaces} axes of ${sizes.length}`);
  const batch = call.step('batches', 'Div', [sizes[0]!, lowering.small([product(block)])]);
  const apart = [...block.map((size) => lowering.small([size])), batch, ...sizes.slice(1)];
  const split = lowering.reshape(x, joinedSizes(call, apart, 'apart'), { name: `${call.name}/apart` });
  const order = [
    spaces,
    ...block.flatMap((_, at) => [spaces + 1 + at, at]),
    ...sizes.slice(spaces + 1).map((_, at) => 2 * spaces + 1 + at),
  ];
  const whole = [
    batch,
    ...block.map((size, at) => call.step(`space_${at}`, 'Mul', [sizes[at + 1]!, lowering.small([size])])),
    ...sizes.slice(spaces + 1),
  ];
  const full = lowering.reshape(lowering.transpose(split, order), joinedSizes(call, whole, 'whole'), {
    name: `${call.name}/uncropped`,
  });
  const cut = block.flatMap((_, at) => (crops[2 * at] || crops[2 * at + 1] ? [at] : []));
  if (cut.length === 0) return [full];
  const ends = cut.map((at) => (crops[2 * at + 1] ? -(crops[2 * at + 1] ?? 0) : 2 ** 31 - 1));
  return [
    call.emit('Slice', [
      full,
      lowering.small(cut.map((at) => crops[2 * at] ?? 0)),
      lowering.small(ends),
      lowering.small(cut.map((at) => at + 1)),
    ]),
  ];
}

function product(list: readonly number[]): number {
  return list.reduce((all, one) => all * one, 1);
}

/** Each size as a list of one: known ones as constants, so that a plain graph has plain reshapes. */
function sizesOf(call: TfCall, x: Operand, name: string): readonly Operand[] {
  const { lowering } = call;
  const shape = lowering.shape(x);
  if (shape === null) throw new Inexpressible('The rank of its input is not known.');
  const all = call.step(`${name}_shape`, 'Shape', [x]);
  return shape.map((size, at) =>
    typeof size === 'number'
      ? lowering.small([size])
      : call.step(`${name}_size_${at}`, 'Gather', [all, lowering.small([at])], { axis: 0 }),
  );
}

function joinedSizes(call: TfCall, parts: readonly Operand[], name: string): Operand {
  return call.step(`${name}_sizes`, 'Concat', parts, { axis: 0 });
}

/** The convolution between the two moves, with what it skips written as dilations. */
function asDilation(call: TfCall): readonly Held[] | undefined {
  const ref = call.node.inputs[0];
  const found = ref === undefined ? undefined : innerConvolution(call, ref);
  if (found === undefined) return undefined;
  const { what, name, move } = found;
  const outer = new TfCall(
    move,
    call.scope,
    move.inputs.map((one) => call.scope.settle(one)),
  );
  const [block, pads] = [outer.numbers(1), outer.numbers(2)];
  const crops = call.numbers(2);
  const plain = what.padding === 'VALID' && [...what.strides, ...what.dilations].every((one) => one === 1);
  if (!plain || block.join() !== call.numbers(1).join() || block.length !== what.strides.length) return undefined;
  if (what.layout.channelsFirst) return undefined;
  const before = block.map((_, at) => (pads[2 * at] ?? 0) - (crops[2 * at] ?? 0));
  const after = block.map((_, at) => (pads[2 * at + 1] ?? 0) - (crops[2 * at + 1] ?? 0));
  if ([...before, ...after].some((pad) => pad < 0)) return undefined;
  const dilated: Convolution = { ...what, x: outer.input(0), dilations: block, padding: [...before, ...after] };
  return [{ kind: 'pending', emit: (bias, output) => convolve(call, dilated, bias, name, output) }];
}

interface Inner {
  readonly what: Convolution;
  readonly name: string;
  /** The SpaceToBatchND before. */
  readonly move: TfCall['node'];
}

function innerConvolution(call: TfCall, ref: TfRef): Inner | undefined {
  const { scope } = call;
  const made = scope.producer(ref);
  if (made === undefined || scope.uses(ref) !== 1) return undefined;
  const { node } = made;
  const inputs = node.inputs.map((one) => scope.settle(one));
  const inner = new TfCall(node, scope, inputs);
  if (node.op === 'Squeeze') {
    const line = lineOf(inner);
    const move = line === undefined ? undefined : scope.producer(line.source);
    return line === undefined || move?.node.op !== 'SpaceToBatchND'
      ? undefined
      : { what: line.what, name: node.name, move: move.node };
  }
  if (node.op !== 'Conv2D' && node.op !== 'DepthwiseConv2dNative' && node.op !== 'Conv3D') return undefined;
  const from = node.inputs[0];
  const move = from === undefined ? undefined : scope.producer(from);
  if (move?.node.op !== 'SpaceToBatchND') return undefined;
  return { what: convolutionOf(inner, node.op === 'DepthwiseConv2dNative'), name: node.name, move: move.node };
}

export const batchRows: readonly (readonly [string, Row])[] = [
  ['SpaceToBatchND', spaceToBatch],
  ['BatchToSpaceND', batchToSpace],
];
