/** Activations by name, as recurrent and fused operators name them (ONNX specification, RNN). */
import { PareError } from '#base/failure.ts';

type Activation = (x: number) => number;

const ACTIVATIONS: Readonly<Record<string, (alpha: number | undefined, beta: number | undefined) => Activation>> = {
  '': () => (x) => x,
  relu: () => (x) => Math.max(x, 0),
  tanh: () => Math.tanh,
  sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      alpha * x + beta,
  leakyrelu:
    (alpha = 0.01) =>
    (x) =>
      x < 0 ? alpha * x : x,
  thresholdedrelu:
    (alpha = 1) =>
    (x) =>
      x > alpha ? x : 0,
  scaledtanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      alpha * Math.tanh(beta * x),
  hardsigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      Math.max(0, Math.min(1, alpha * x + beta)),
  elu:
    (alpha = 1) =>
    (x) =>
      x < 0 ? alpha * Math.expm1(x) : x,
  softsign: () => (x) => x / (1 + Math.abs(x)),
  softplus: () => (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
  hardswish: () => (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
  clip:
    (low = -Infinity, high = Infinity) =>
    (x) =>
      Math.min(Math.max(x, low), high),
};

/** Names are those of ONNX in any case; parameters are alpha and beta. */
export function activationOf(name: string, [alpha, beta]: readonly (number | undefined)[] = []): Activation {
  const make = ACTIVATIONS[name.toLowerCase()];
  if (make !== undefined) return make(alpha, beta);
  throw new PareError({ code: 'interpreter/activation', problem: `The activation ${name} is not computed here.` });
}
