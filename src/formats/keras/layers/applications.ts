/** Classes of their own that the models of keras.applications bring along. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerRows } from './row.ts';

/** ConvNeXt: a factor for each channel. */
function layerScale(call: LayerCall): Operand {
  const { settings, weights } = call;
  if (!settings.has('init_values') || !settings.has('projection_dim') || weights.count !== 1) {
    throw new Unsupported("it is a class of the model's own that only has the name of one of ConvNeXt.");
  }
  const [gamma] = weights.take('gamma');
  return call.own('Mul', [call.x, gamma!]);
}

/** InceptionResNetV2: one input plus a part of the other. */
function scaledSum(call: LayerCall): Operand {
  const [x, residual] = call.inputs;
  if (x === undefined || residual === undefined) throw call.settings.wrong('scale', 'for two inputs');
  const scaled = call.node(
    'Mul',
    [call.real(residual, 'residual'), call.number(call.settings.real('scale'))],
    'scaled',
  );
  return call.own('Add', [call.real(x, 'input'), scaled]);
}

/** Leaves samples out in training alone. */
const DROP: LayerRows[string] = { lower: (call) => call.x };

export const APPLICATIONS: LayerRows = {
  LayerScale: { lower: layerScale },
  StochasticDepth: DROP,
  FixedDropout: DROP,
  CustomScaleLayer: { lower: scaledSum },
  'Custom>CustomScaleLayer': { lower: scaledSum },
};
