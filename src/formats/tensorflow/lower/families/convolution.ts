/** Convolutions, their transposes and the fused forms that grappler and the TF.js converter make of them. */
import type { Operand, Padding } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held, TfPending } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { alongChannels } from './bias.ts';
import { layoutOf, paddingOf, spatial, type Layout } from './layout.ts';
import { activate, type Emit } from './unary.ts';

/** All that a convolution needs, so that a pattern around it may change some of it. */
export interface Convolution {
  readonly x: Operand;
  readonly filter: Operand;
  readonly depthwise: boolean;
  readonly layout: Layout;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

export function convolutionOf(call: TfCall, depthwise: boolean): Convolution {
  const filter = call.input(1);
  const layout = layoutOf(call, call.rank(1));
  return {
    x: call.input(0),
    filter,
    depthwise,
    layout,
    strides: spatial(call.ints('strides'), layout),
    dilations: spatial(call.ints('dilations'), layout),
    padding: paddingOf(call, layout),
  };
}

/** Sizes of a filter, which must be known. */
function filterSizes(call: TfCall, filter: Operand): readonly number[] {
  const sizes = call.lowering.shape(filter)?.filter((size) => typeof size === 'number') ?? [];
  if (sizes.length < 3 || sizes.length !== call.lowering.shape(filter)?.length) {
    throw new Inexpressible('The size of its filter is not known.');
  }
  return sizes;
}

/** Filters lie as spatial..., in / groups, out; depthwise ones as spatial..., in, multiplier. */
export function convolve(call: TfCall, what: Convolution, bias: Operand | null, name: string, output: string): Operand {
  const { lowering } = call;
  const { filter, layout } = what;
  const sizes = filterSizes(call, filter);
  const spatialAxes = sizes.slice(0, -2).map((_, at) => at);
  const [inner, outer] = [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1];
  const rank = sizes.length;
  const options = {
    name,
    output,
    strides: what.strides,
    dilations: what.dilations,
    padding: what.padding,
    channelsFirst: layout.channelsFirst,
  };
  if (what.depthwise) {
    const byChannel = lowering.transpose(filter, [rank - 2, rank - 1, ...spatialAxes]);
    const weights =
      outer === 1
        ? byChannel
        : lowering.reshape(byChannel, [inner * outer, 1, ...sizes.slice(0, -2)], { name: `${name}/filter` });
    return lowering.convolve(what.x, weights, bias, { ...options, groups: inner });
  }
  const weights = lowering.transpose(filter, [rank - 1, rank - 2, ...spatialAxes]);
  const channels = lowering.shape(what.x)?.at(layout.channelsFirst ? 1 : -1);
  const groups = typeof channels === 'number' ? channels / inner : 1;
  if (!Number.isInteger(groups) || groups < 1 || outer % groups !== 0) {
    throw call.broken(`has a filter for ${inner} channels and an input of ${channels}`);
  }
  return lowering.convolve(what.x, weights, bias, { ...options, groups });
}

/** Waits for a bias. */
function waiting(call: TfCall, what: Convolution): readonly Held[] {
  const pending: TfPending = {
    kind: 'pending',
    emit: (bias, output) => convolve(call, what, bias, call.name, output),
  };
  // Whatever cannot be said is to be found here, not where the bias comes.
  filterSizes(call, what.filter);
  return [pending];
}

function plain(depthwise: boolean): Row {
  return (call) => waiting(call, convolutionOf(call, depthwise));
}

/** The operators that follow in `fused_ops`, each with the inputs it takes. */
export function fused(
  call: TfCall,
  arguments_: number,
  product: (bias: Operand | null, output: string) => Operand,
  options: { readonly channelsFirst: boolean; readonly rank: number },
): Operand {
  const ops = call.texts('fused_ops');
  let at = arguments_;
  let next = 0;
  let bias: Operand | null = null;
  if (ops[0] === 'BiasAdd') {
    bias = call.input(at++);
    next = 1;
  }
  const vector = bias === null || call.lowering.shape(bias)?.length === 1;
  const last = (place: number): string => (place >= ops.length ? call.name : `${call.name}/${place}`);
  let value = product(vector ? bias : null, last(next));
  if (!vector && bias !== null) value = call.step('bias', 'Add', [value, bias]);
  for (; next < ops.length; next++) {
    const op = ops[next] ?? '';
    const name = last(next + 1);
    const emit: Emit = (onnx, inputs, attrs = {}) =>
      call.lowering.apply(onnx, inputs, { name: `${call.name}/${op}`, outputs: [name], attrs });
    if (op === 'FusedBatchNorm') {
      value = call.lowering.normalizeBatch(
        value,
        {
          scale: call.input(at),
          shift: call.input(at + 1),
          mean: call.input(at + 2),
          variance: call.input(at + 3),
        },
        {
          name: `${call.name}/BatchNorm`,
          output: name,
          epsilon: call.float('epsilon', 1e-4),
          channelsFirst: options.channelsFirst,
        },
      );
      at += 4;
    } else if (op === 'Prelu') {
      value = emit('PRelu', [value, call.input(at++)]);
    } else if (op === 'BiasAdd' || op === 'Add') {
      value = emit('Add', [value, alongChannels(call, call.input(at++), options.rank, options.channelsFirst)]);
    } else if (FUSED.has(op)) {
      value = activate(call, op, value, emit);
    } else {
      throw new Inexpressible(`It is fused with ${op}, which Pare does not know.`);
    }
  }
  return value;
}

const FUSED = new Set(['Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Sigmoid', 'Tanh']);

function fusedConvolution(depthwise: boolean): Row {
  return (call) => {
    const what = convolutionOf(call, depthwise);
    const { channelsFirst, rank } = what.layout;
    return [
      fused(call, 2, (bias, output) => convolve(call, what, bias, `${call.name}/Conv`, output), {
        channelsFirst,
        rank,
      }),
    ];
  };
}

/** Gradient of a convolution to its input, which is what a transposed convolution is. Filter: spatial..., out, in. */
function transposed(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const filter = call.input(1);
  const layout = layoutOf(call, call.rank(1));
  const sizes = filterSizes(call, filter);
  const rank = sizes.length;
  const weights = lowering.transpose(filter, [rank - 1, rank - 2, ...sizes.slice(0, -2).map((_, at) => at)]);
  const given = lowering.elements(call.input(0));
  const result =
    given === undefined ? [] : layout.channelsFirst ? given.slice(-(rank - 2)) : given.slice(-(rank - 1), -1);
  const known = result.filter((size) => typeof size === 'number');
  const strides = spatial(call.ints('strides'), layout);
  const x = call.input(2);
  const padding = paddingOf(call, layout);
  const outputSizes = known.length === rank - 2 ? known : undefined;
  return [
    {
      kind: 'pending',
      emit: (bias, output) =>
        lowering.convolveTransposed(x, weights, bias, {
          name: call.name,
          output,
          strides,
          dilations: spatial(call.ints('dilations'), layout),
          padding,
          channelsFirst: layout.channelsFirst,
          ...(outputSizes === undefined ? {} : { outputSizes }),
        }),
    },
  ];
}

export const convolutionRows: readonly (readonly [string, Row])[] = [
  ['Conv2D', plain(false)],
  ['Conv3D', plain(false)],
  ['DepthwiseConv2dNative', plain(true)],
  ['Conv2DBackpropInput', transposed],
  ['Conv3DBackpropInputV2', transposed],
  ['_FusedConv2D', fusedConvolution(false)],
  ['FusedConv2D', fusedConvolution(false)],
  ['_FusedDepthwiseConv2dNative', fusedConvolution(true)],
  ['FusedDepthwiseConv2dNative', fusedConvolution(true)],
];
