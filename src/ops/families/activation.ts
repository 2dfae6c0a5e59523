/** Activations: elementwise functions with a shape of their own. */
import { evaluateUnary, mapReals, type UnaryName } from '#ops/evaluate/elementwise.ts';
import { erf } from '#ops/evaluate/erf.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

function activation(name: string, rule?: (call: Call) => (x: number) => number, domain?: string): Operator {
  return {
    name,
    ...(domain === undefined ? {} : { domain }),
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    ...(rule === undefined
      ? {}
      : {
          evaluate: (call: Call) => {
            const x = call.dense(0);
            return x === undefined ? undefined : [mapReals(x, rule(call))];
          },
        }),
  };
}

function plain(name: UnaryName): Operator {
  return {
    name,
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    evaluate: (call) => {
      const x = call.dense(0);
      return x === undefined ? undefined : [evaluateUnary(name, x)];
    },
  };
}

/** Gelu with the exact error function or the tanh form of Hendrycks and Gimpel, section 2. */
export function gelu(approximate: boolean): (x: number) => number {
  if (!approximate) return (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));
  const factor = Math.sqrt(2 / Math.PI);
  return (x) => 0.5 * x * (1 + Math.tanh(factor * (x + 0.044715 * x ** 3)));
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_GAMMA = 1.0507009873554805;

export const activationOperators: readonly Operator[] = [
  plain('Relu'),
  plain('Sigmoid'),
  plain('Tanh'),
  plain('Softplus'),
  plain('Softsign'),
  activation('LeakyRelu', (call) => {
    const alpha = call.float('alpha', Math.fround(0.01));
    return (x) => (x < 0 ? alpha * x : x);
  }),
  activation('Elu', (call) => {
    const alpha = call.float('alpha', 1);
    return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
  }),
  activation('Celu', (call) => {
    const alpha = call.float('alpha', 1);
    return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  activation('Selu', (call) => {
    const alpha = call.float('alpha', Math.fround(SELU_ALPHA));
    const gamma = call.float('gamma', Math.fround(SELU_GAMMA));
    return (x) => (x <= 0 ? gamma * alpha * Math.expm1(x) : gamma * x);
  }),
  activation('HardSigmoid', (call) => {
    const alpha = call.float('alpha', Math.fround(0.2));
    const beta = call.float('beta', 0.5);
    return (x) => Math.max(0, Math.min(1, alpha * x + beta));
  }),
  activation('HardSwish', () => (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  activation('Mish', () => (x) => x * Math.tanh(Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0))),
  activation('ThresholdedRelu', (call) => {
    const alpha = call.float('alpha', 1);
    return (x) => (x > alpha ? x : 0);
  }),
  activation('Shrink', (call) => {
    const lambd = call.float('lambd', 0.5);
    const bias = call.float('bias', 0);
    return (x) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0);
  }),
  activation('Gelu', (call) => gelu(call.string('approximate', 'none') === 'tanh')),
  activation('Swish', (call) => {
    const alpha = call.float('alpha', 1);
    return (x) => x / (1 + Math.exp(-alpha * x));
  }),
  activation('Softmax'),
  activation('LogSoftmax'),
  activation('Hardmax'),
  activation('Gelu', () => gelu(false), 'com.microsoft'),
  activation('QuickGelu', undefined, 'com.microsoft'),
];
