/** Layers that are an activation: Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax, ThresholdedReLU. */
import { isList } from '#formats/keras/config/json.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { activate, rectify, type ActivationCall } from './activations.ts';
import type { LayerRows } from './row.ts';

function asActivation(call: LayerCall): ActivationCall {
  return { call, x: call.x, name: call.name, output: call.name, option: (_, otherwise) => otherwise };
}

function optional(call: LayerCall, name: string): number | undefined {
  return call.settings.has(name) ? call.settings.real(name) : undefined;
}

function relu(call: LayerCall): Operand {
  const { settings } = call;
  // The names of Keras 2 before 2.4 and of Keras 3 differ.
  const slope = settings.real(settings.either('negative_slope', 'alpha'), 0);
  return rectify(asActivation(call), slope, optional(call, 'max_value'), settings.real('threshold', 0));
}

function leakyRelu(call: LayerCall): Operand {
  const { settings } = call;
  return rectify(asActivation(call), settings.real(settings.either('negative_slope', 'alpha'), 0.3), undefined, 0);
}

function prelu(call: LayerCall): Operand {
  const [alpha] = call.weights.take('alpha');
  return call.own('PRelu', [call.x, alpha!]);
}

/** Over several axes at once: exponentials over their sum. */
function softmax(call: LayerCall): Operand {
  const { settings, lowering } = call;
  const mask = call.mask() ?? call.inputs[1];
  const input = mask === undefined ? call.x : maskedScores(call, call.x, mask);
  const axis = settings.raw('axis');
  if (!isList(axis)) return call.own('Softmax', [input], { axis: settings.whole('axis', -1) });
  const axes = settings.wholes('axis').map((one) => call.axis(input, one));
  if (axes.length === 1) return call.own('Softmax', [input], { axis: axes[0] ?? -1 });
  const top = lowering.reduce('ReduceMax', input, axes, { name: call.part('max'), keepDims: true });
  const powers = call.node('Exp', [call.node('Sub', [input, top], 'shifted')], 'exp');
  const sum = lowering.reduce('ReduceSum', powers, axes, { name: call.part('sum'), keepDims: true });
  return call.own('Div', [powers, sum]);
}

/** Scores far below all others where the mask says no. */
function maskedScores(call: LayerCall, scores: Operand, mask: Operand): Operand {
  if (call.lowering.rank(mask) !== call.lowering.rank(scores)) {
    throw new Unsupported('it takes a mask with fewer axes than its input.');
  }
  return call.node('Where', [call.cast(mask, 'bool', 'mask'), scores, call.number(-1e9)], 'masked');
}

function thresholdedRelu(call: LayerCall): Operand {
  const theta = call.settings.real('theta', 1);
  const above = call.node('Greater', [call.x, call.number(theta)], 'above');
  return call.own('Where', [above, call.x, call.number(0)]);
}

function elu(call: LayerCall): Operand {
  return call.own('Elu', [call.x], { alpha: { float: call.settings.real('alpha', 1) } });
}

export const ACTIVATION_LAYERS: LayerRows = {
  Activation: { lower: (call) => activate(call, call.x), mask: 'keeps' },
  ReLU: { lower: relu, mask: 'keeps' },
  LeakyReLU: { lower: leakyRelu, mask: 'keeps' },
  PReLU: { lower: prelu, mask: 'keeps' },
  ELU: { lower: elu, mask: 'keeps' },
  Softmax: { lower: softmax, mask: 'keeps' },
  ThresholdedReLU: { lower: thresholdedRelu, mask: 'keeps' },
};
