/** Activations by the names that Keras gives them, in layers of their own and as the setting `activation`. */
import type { Json } from '#formats/keras/archive.ts';
import { classOf } from '#formats/keras/config/json.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { AttrInput, Operand } from '#formats/lowering/lowering.ts';

/** An activation being lowered: its last operator takes `output` as its name. */
export interface ActivationCall {
  readonly call: LayerCall;
  readonly x: Operand;
  /** Name of the last operator and its result. */
  readonly name: string;
  readonly output: string;
  /** Parameters that the name alone does not say. */
  readonly option: (name: string, otherwise: number) => number;
}

type Attributes = Readonly<Record<string, AttrInput>>;
export type Activation = (a: ActivationCall) => Operand;

function last(a: ActivationCall, op: string, inputs: readonly Operand[], attrs: Attributes = {}): Operand {
  return a.call.lowering.apply(op, inputs, { name: a.name, outputs: [a.output], attrs });
}

function step(
  a: ActivationCall,
  op: string,
  inputs: readonly Operand[],
  part: string,
  attrs: Attributes = {},
): Operand {
  return a.call.lowering.apply(op, inputs, { name: `${a.name}/${part}`, attrs });
}

/** One operator of ONNX. */
function one(op: string, attrs: Attributes = {}): Activation {
  return (a) => last(a, op, [a.x], attrs);
}

function clipped(low: number, high: number): Activation {
  return (a) => last(a, 'Clip', [a.x, a.call.number(low), a.call.number(high)]);
}

/** x where `x op bound`, else nothing. */
function gated(a: ActivationCall, op: string, bound: number, value: Operand, otherwise: Operand): Operand {
  const holds = step(a, op, [a.x, a.call.number(bound)], 'holds');
  return last(a, 'Where', [holds, value, otherwise]);
}

function swish(a: ActivationCall): Operand {
  return last(a, 'Mul', [a.x, step(a, 'Sigmoid', [a.x], 'sigmoid')]);
}

export function gelu(a: ActivationCall, approximate: boolean): Operand {
  const { call, x } = a;
  const half = step(a, 'Mul', [x, call.number(0.5)], 'half');
  if (!approximate) {
    const erf = step(a, 'Erf', [step(a, 'Mul', [x, call.number(Math.SQRT1_2)], 'scaled')], 'erf');
    return last(a, 'Mul', [half, step(a, 'Add', [erf, call.number(1)], 'shifted')]);
  }
  const cube = step(a, 'Mul', [step(a, 'Mul', [x, x], 'square'), x], 'cube');
  const inside = step(a, 'Add', [x, step(a, 'Mul', [cube, call.number(0.044715)], 'bent')], 'inside');
  const tanh = step(a, 'Tanh', [step(a, 'Mul', [inside, call.number(Math.sqrt(2 / Math.PI))], 'scaled')], 'tanh');
  return last(a, 'Mul', [half, step(a, 'Add', [tanh, call.number(1)], 'shifted')]);
}

function hardSigmoid(a: ActivationCall): Operand {
  const alpha = a.call.version >= 3 ? 1 / 6 : 0.2;
  return last(a, 'HardSigmoid', [a.x], { alpha: { float: alpha }, beta: { float: 0.5 } });
}

function hardSwish(a: ActivationCall): Operand {
  const gate = step(a, 'HardSigmoid', [a.x], 'gate', { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
  return last(a, 'Mul', [a.x, gate]);
}

function softShrink(a: ActivationCall): Operand {
  const bound = a.option('threshold', 0.5);
  return last(a, 'Shrink', [a.x], { lambd: { float: bound }, bias: { float: bound } });
}

function sparsePlus(a: ActivationCall): Operand {
  const { call, x } = a;
  const raised = step(a, 'Add', [x, call.number(1)], 'raised');
  const bent = step(a, 'Mul', [step(a, 'Mul', [raised, raised], 'square'), call.number(0.25)], 'quarter');
  const large = step(a, 'Where', [step(a, 'Less', [x, call.number(1)], 'small'), bent, x], 'large');
  return gated(a, 'LessOrEqual', -1, call.number(0), large);
}

function squareplus(a: ActivationCall): Operand {
  const { call, x } = a;
  const sum = step(a, 'Add', [step(a, 'Mul', [x, x], 'square'), call.number(a.option('b', 4))], 'sum');
  const added = step(a, 'Add', [x, step(a, 'Sqrt', [sum], 'root')], 'added');
  return last(a, 'Mul', [added, call.number(0.5)]);
}

function glu(a: ActivationCall): Operand {
  const axis = a.option('axis', -1);
  const names = [`${a.name}/value`, `${a.name}/gate`];
  const [value, gate] = a.call.lowering.node('Split', [a.x], {
    name: `${a.name}/split`,
    outputs: names,
    attrs: { axis },
  });
  return last(a, 'Mul', [value!, step(a, 'Sigmoid', [gate!], 'sigmoid')]);
}

/** x below the threshold times the slope, x above it up to the largest value. */
export function rectify(a: ActivationCall, slope: number, largest: number | undefined, threshold: number): Operand {
  const { call, x } = a;
  if (slope === 0 && threshold === 0) {
    if (largest === undefined) return last(a, 'Relu', [x]);
    return last(a, 'Clip', [x, call.number(0), call.number(largest)]);
  }
  if (threshold === 0) {
    if (largest === undefined) return last(a, 'LeakyRelu', [x], { alpha: { float: slope } });
    const bent = step(a, 'LeakyRelu', [x], 'leaky', { alpha: { float: slope } });
    return last(a, 'Min', [bent, call.number(largest)]);
  }
  const below =
    slope === 0
      ? call.number(0)
      : step(a, 'Mul', [step(a, 'Sub', [x, call.number(threshold)], 'shifted'), call.number(slope)], 'below');
  const above = largest === undefined ? x : step(a, 'Min', [x, call.number(largest)], 'capped');
  return gated(a, 'GreaterOrEqual', threshold, above, below);
}

export const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: one('Relu'),
  relu6: clipped(0, 6),
  sigmoid: one('Sigmoid'),
  tanh: one('Tanh'),
  softmax: (a) => last(a, 'Softmax', [a.x], { axis: a.option('axis', -1) }),
  log_softmax: (a) => last(a, 'LogSoftmax', [a.x], { axis: a.option('axis', -1) }),
  softplus: one('Softplus'),
  softsign: one('Softsign'),
  exponential: one('Exp'),
  elu: (a) => last(a, 'Elu', [a.x], { alpha: { float: a.option('alpha', 1) } }),
  selu: one('Selu', { alpha: { float: 1.6732632423543772 }, gamma: { float: 1.0507009873554805 } }),
  celu: (a) => last(a, 'Celu', [a.x], { alpha: { float: a.option('alpha', 1) } }),
  swish,
  silu: swish,
  gelu: (a) => gelu(a, false),
  mish: (a) => last(a, 'Mul', [a.x, step(a, 'Tanh', [step(a, 'Softplus', [a.x], 'softplus')], 'tanh')]),
  leaky_relu: (a) => last(a, 'LeakyRelu', [a.x], { alpha: { float: a.option('negative_slope', 0.2) } }),
  hard_sigmoid: hardSigmoid,
  hard_swish: hardSwish,
  hard_silu: hardSwish,
  hard_tanh: clipped(-1, 1),
  tanh_shrink: (a) => last(a, 'Sub', [a.x, step(a, 'Tanh', [a.x], 'tanh')]),
  soft_shrink: softShrink,
  hard_shrink: (a) => last(a, 'Shrink', [a.x], { lambd: { float: a.option('threshold', 0.5) } }),
  log_sigmoid: (a) => {
    const softplus = step(a, 'Softplus', [step(a, 'Neg', [a.x], 'negative')], 'softplus');
    return last(a, 'Neg', [softplus]);
  },
  sparse_sigmoid: (a) => last(a, 'HardSigmoid', [a.x], { alpha: { float: 0.5 }, beta: { float: 0.5 } }),
  sparse_plus: sparsePlus,
  squareplus,
  glu,
};

/** Whether a setting asks for no activation. */
export function isLinear(setting: Json | undefined): boolean {
  return setting === undefined || setting === null || nameOf(setting) === 'linear';
}

/** `relu`, `{ class_name: 'function', config: 'relu6' }`; undefined where it is a layer or something else. */
export function nameOf(setting: Json | undefined): string | undefined {
  if (typeof setting === 'string') return setting;
  const made = classOf(setting);
  return made?.name === 'function' && typeof made.config === 'string' ? made.config : undefined;
}

/** The name for the result of the operator before an activation. */
export function nameBefore(call: LayerCall, setting = 'activation'): string {
  return isLinear(call.settings.raw(setting)) ? call.name : call.part('linear');
}

/** Applies the activation that a setting names. The result takes the layer's name. */
export function activate(call: LayerCall, x: Operand, setting = 'activation'): Operand {
  const given = call.settings.raw(setting);
  if (isLinear(given)) return x;
  const name = nameOf(given);
  if (name !== undefined) return activateBy(call, x, name, call.part(name), call.name);
  const layer = classOf(given);
  if (layer === undefined) throw unknown(undefined);
  const [made] = call.parts.inner({
    name: call.part('activation'),
    className: layer.name,
    config: layer.config,
    weights: call.weights.under((head) => head === 'activation'),
    inputs: [x],
    key: setting,
  });
  return made ?? x;
}

export function activateBy(
  call: LayerCall,
  x: Operand,
  activation: string,
  name: string,
  output = name,
  options: Readonly<Record<string, number>> = {},
): Operand {
  const rule = Object.hasOwn(ACTIVATIONS, activation) ? ACTIVATIONS[activation] : undefined;
  if (activation === 'linear') return x;
  if (rule === undefined) throw unknown(activation);
  const option = (wanted: string, otherwise: number): number => options[wanted] ?? otherwise;
  return rule({ call, x, name, output, option });
}

function unknown(name: string | undefined): Unsupported {
  const what = name === undefined ? 'its activation is a function' : `its activation "${name}" is not one`;
  return new Unsupported(
    `${what} that is known here.`,
    'Use an activation of Keras, or export the model as a SavedModel or TFLite file and open that.',
  );
}
