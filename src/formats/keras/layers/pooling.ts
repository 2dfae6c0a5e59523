/** Pooling over windows and over everything. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { isChannelsFirst } from './convolution.ts';
import type { LayerRow, LayerRows } from './row.ts';

function pooling(kind: 'max' | 'average', axes: number): LayerRow {
  return {
    lower: (call) => {
      const { settings } = call;
      // Old versions call the size of one axis pool_length.
      const window = settings.sizes(settings.either('pool_size', 'pool_length'), axes);
      const strides = settings.sizes(settings.either('strides', 'stride'), axes, window);
      const padding = settings.text('padding', 'valid').toLowerCase() === 'same' ? 'SAME' : 'VALID';
      const channelsFirst = isChannelsFirst(call);
      return call.lowering.pool(call.x, { name: call.name, kind, window, strides, padding, channelsFirst });
    },
  };
}

function globally(op: 'ReduceMax' | 'ReduceMean', axes: number): LayerRow {
  return {
    lower: (call) => {
      const first = isChannelsFirst(call) ? 2 : 1;
      const spatial = Array.from({ length: axes }, (_, axis) => first + axis);
      const keepDims = call.settings.flag('keepdims', false);
      const mask = axes === 1 && op === 'ReduceMean' ? call.mask() : undefined;
      if (mask !== undefined) return maskedMean(call, mask, first, keepDims);
      return call.lowering.reduce(op, call.x, spatial, { name: call.name, keepDims });
    },
  };
}

/** The mean of the steps that count. */
function maskedMean(call: LayerCall, mask: Operand, axis: number, keepDims: boolean): Operand {
  const { lowering } = call;
  const weight = call.cast(mask, 'f32', 'mask_float');
  const wide = call.node('Unsqueeze', [weight, lowering.small([axis === 1 ? 2 : 1])], 'mask');
  const kept = call.node('Mul', [call.x, wide], 'masked');
  const sum = lowering.reduce('ReduceSum', kept, [axis], { name: call.part('sum'), keepDims });
  const count = lowering.reduce('ReduceSum', wide, [axis], { name: call.part('count'), keepDims });
  return call.own('Div', [sum, count]);
}

export const POOLING: LayerRows = {
  MaxPooling1D: pooling('max', 1),
  MaxPooling2D: pooling('max', 2),
  MaxPooling3D: pooling('max', 3),
  MaxPool1D: pooling('max', 1),
  MaxPool2D: pooling('max', 2),
  MaxPool3D: pooling('max', 3),
  AveragePooling1D: pooling('average', 1),
  AveragePooling2D: pooling('average', 2),
  AveragePooling3D: pooling('average', 3),
  AvgPool1D: pooling('average', 1),
  AvgPool2D: pooling('average', 2),
  AvgPool3D: pooling('average', 3),
  GlobalAveragePooling1D: globally('ReduceMean', 1),
  GlobalAveragePooling2D: globally('ReduceMean', 2),
  GlobalAveragePooling3D: globally('ReduceMean', 3),
  GlobalAvgPool1D: globally('ReduceMean', 1),
  GlobalAvgPool2D: globally('ReduceMean', 2),
  GlobalAvgPool3D: globally('ReduceMean', 3),
  GlobalMaxPooling1D: globally('ReduceMax', 1),
  GlobalMaxPooling2D: globally('ReduceMax', 2),
  GlobalMaxPooling3D: globally('ReduceMax', 3),
  GlobalMaxPool1D: globally('ReduceMax', 1),
  GlobalMaxPool2D: globally('ReduceMax', 2),
  GlobalMaxPool3D: globally('ReduceMax', 3),
};
