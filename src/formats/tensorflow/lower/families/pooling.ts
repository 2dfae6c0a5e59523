/** Pooling and normalization over channels. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { layoutOf, paddingOf, spatial } from './layout.ts';

function pool(kind: 'max' | 'average', rank: number, settings: 'attributes' | 'inputs'): Row {
  return (call) => {
    const layout = layoutOf(call, rank);
    const window = settings === 'inputs' ? call.numbers(1) : call.ints('ksize');
    const strides = settings === 'inputs' ? call.numbers(2) : call.ints('strides');
    const outside = (list: readonly number[]): boolean =>
      list.length !== rank || (list[0] ?? 1) !== 1 || (layout.channelsFirst ? list[1] : list.at(-1)) !== 1;
    if (outside(window) || outside(strides)) {
      throw new Inexpressible('It pools over the batch or the channels, which ONNX does not.');
    }
    return [
      call.lowering.pool(call.input(0), {
        name: call.name,
        kind,
        window: spatial(window, layout),
        strides: spatial(strides, layout),
        padding: paddingOf(call, layout),
        channelsFirst: layout.channelsFirst,
      }),
    ];
  };
}

/** The positions of the maxima are left out: nothing but training reads them. */
function poolWithPositions(call: TfCall): readonly Operand[] {
  if (call.scope.uses({ node: call.name, output: 1 }) > 0) {
    throw new Inexpressible('It gives positions of maxima, which count differently in ONNX.');
  }
  const [pooled] = pool('max', 4, 'attributes')(call);
  return [pooled as Operand];
}

/**
 * At inference: mean and variance are given. In training mode they are those of the batch at hand, which is what models keep
 * that were exported in that mode.
 */
function normalize(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const [x, scale, shift] = [call.input(0), call.input(1), call.input(2)];
  const rank = call.rank(0);
  const { channelsFirst } = layoutOf(call, rank);
  const epsilon = call.float('epsilon', 1e-4);
  if (!call.flag('is_training', true)) {
    const [mean, variance] = [call.input(3), call.input(4)];
    const y = lowering.normalizeBatch(x, { scale, shift, mean, variance }, { name: call.name, epsilon, channelsFirst });
    return [y, mean, variance, mean, variance, mean];
  }
  const channel = channelsFirst ? 1 : rank - 1;
  const axes = Array.from({ length: rank }, (_, at) => at).filter((at) => at !== channel);
  const mean = lowering.reduce('ReduceMean', x, axes, { name: `${call.name}/mean`, keepDims: true });
  const centred = call.step('centred', 'Sub', [x, mean]);
  const square = call.step('square', 'Mul', [centred, centred]);
  const variance = lowering.reduce('ReduceMean', square, axes, { name: `${call.name}/variance`, keepDims: true });
  const more = call.step('more', 'Add', [variance, call.like(x, epsilon)]);
  const unit = call.step('unit', 'Div', [centred, call.step('deviation', 'Sqrt', [more])]);
  const sizes = Array.from({ length: rank }, (_, at) => (at === channel ? -1 : 1));
  const column = (operand: Operand, name: string): Operand =>
    channelsFirst ? lowering.reshape(operand, sizes, { name: `${call.name}/${name}` }) : operand;
  const scaled = call.step('scaled', 'Mul', [unit, column(scale, 'scale')]);
  const flat = (operand: Operand, name: string): Operand =>
    lowering.reshape(operand, [-1], { name: `${call.name}/${name}` });
  return [
    call.emit('Add', [scaled, column(shift, 'shift')]),
    flat(mean, 'batch_mean'),
    flat(variance, 'batch_variance'),
  ];
}

/** Normalization across neighbouring channels; ONNX divides alpha by the size of the window. */
function acrossChannels(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const radius = call.int('depth_radius', 5);
  const size = 2 * radius + 1;
  const turned = lowering.transpose(call.input(0), [0, 3, 1, 2]);
  const result = call.emit('LRN', [turned], {
    size,
    alpha: { float: call.float('alpha', 1) * size },
    beta: { float: call.float('beta', 0.5) },
    bias: { float: call.float('bias', 1) },
  });
  return [lowering.transpose(result, [0, 2, 3, 1])];
}

export const poolingRows: readonly (readonly [string, Row])[] = [
  ['MaxPool', pool('max', 4, 'attributes')],
  ['MaxPoolV2', pool('max', 4, 'inputs')],
  ['MaxPool3D', pool('max', 5, 'attributes')],
  ['AvgPool', pool('average', 4, 'attributes')],
  ['AvgPool3D', pool('average', 5, 'attributes')],
  ['MaxPoolWithArgmax', poolWithPositions],
  ['FusedBatchNorm', normalize],
  ['FusedBatchNormV2', normalize],
  ['FusedBatchNormV3', normalize],
  ['LRN', acrossChannels],
];
