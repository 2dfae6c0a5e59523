/** EinsumDense: a matrix product where its equation is one, else Einsum. */
import { countOf } from '#base/dtype.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { sizesFor, type Target } from '#formats/keras/lower/shapes.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { activate, nameBefore } from './activations.ts';

export function einsumDense(call: LayerCall): Operand {
  const { settings, lowering, x } = call;
  const equation = settings.text('equation').replaceAll(' ', '');
  const hasBias = settings.has('bias_axes');
  const [kernel, bias] = call.weights.take('kernel', ...(hasBias ? ['bias'] : []));
  const parts = /^([a-zA-Z.]+),([a-zA-Z.]+)->([a-zA-Z.]+)$/.exec(equation);
  if (parts === null) throw settings.wrong('equation', 'an equation of two inputs and a result');
  const [, input = '', weight = '', output = ''] = parts;
  const rank = lowering.rank(x);
  const free = spelled(input, rank, weight + output);
  const product = asProduct(input.replace('...', free), weight.replace('...', ''), output.replace('...', free));
  const before = nameBefore(call);
  if (product === undefined) {
    const made = lowering.apply('Einsum', [x, kernel!], {
      name: call.name,
      outputs: [bias === undefined ? before : call.part('product')],
      attrs: { equation: equation.replaceAll('...', free) },
    });
    return activate(call, bias === undefined ? made : biased(call, made, bias, before));
  }
  return activate(call, projected(call, x, kernel!, bias ?? null, product, before));
}

function biased(call: LayerCall, x: Operand, bias: Operand, output: string): Operand {
  return call.lowering.apply('Add', [x, bias], { name: call.part('bias'), outputs: [output] });
}

/** Letters for the axes that `...` stands for. */
function spelled(input: string, rank: number, taken: string): string {
  const missing = rank - input.replace('...', '').length;
  const letters = [...'ZYXWVUTSRQPONMLKJIHGFEDCBA'].filter((one) => !taken.includes(one) && !input.includes(one));
  return input.includes('...') ? letters.slice(0, Math.max(missing, 0)).join('') : '';
}

interface Product {
  /** How many axes of the input are summed, and of the result are new: the last ones of each. */
  readonly summed: number;
  readonly made: number;
}

/** Whether the equation is (kept, summed), (summed, made) -> (kept, made). */
function asProduct(input: string, weight: string, output: string): Product | undefined {
  const kept = [...input].filter((letter) => output.includes(letter)).join('');
  const summed = input.slice(kept.length);
  const made = output.slice(kept.length);
  const fits = input === kept + summed && output === kept + made && weight === summed + made;
  return fits && summed !== '' ? { summed: summed.length, made: made.length } : undefined;
}

/** A dense layer over the last `summed` axes that gives `made` axes. */
export function projected(
  call: LayerCall,
  x: Operand,
  kernel: Operand,
  bias: Operand | null,
  { summed, made }: Product,
  output: string,
  name = call.name,
): Operand {
  const { lowering } = call;
  const rank = lowering.rank(x);
  const sizes = call.sizes(kernel).map((size) => size ?? 1);
  const [inside, outside] = [sizes.slice(0, summed), sizes.slice(summed)];
  const kept: readonly Target[] = Array.from({ length: rank - summed }, (_, axis) => ({ axis }));
  const joined = (operand: Operand, to: readonly Target[], part: string): Operand =>
    lowering.reshape(operand, sizesFor(call, operand, to, part), { name: `${name}/${part}` });
  const flat = summed === 1 ? x : joined(x, [...kept, countOf(inside)], 'joined');
  const matrix = lowering.reshape(kernel, [countOf(inside), countOf(outside)], { name: `${name}/kernel` });
  const whole = bias !== null && countOf(call.sizes(bias).map((size) => size ?? 1)) === countOf(outside);
  const row = whole ? lowering.reshape(bias, [countOf(outside)], { name: `${name}/bias` }) : null;
  const done = made === 1 && (bias === null || whole);
  const product = lowering.dense(flat, matrix, row, { name, output: done ? output : `${output}/product` });
  const split = made === 1 ? product : joined(product, [...kept, ...outside], 'split');
  if (bias === null || whole) return split;
  return lowering.apply('Add', [split, bias], { name: `${name}/bias`, outputs: [output] });
}
