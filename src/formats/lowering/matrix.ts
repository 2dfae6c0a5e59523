/** Dense layers and batch normalization. */
import type { Workbench } from './workbench.ts';
import type { Lowering, Operand } from './lowering.ts';
import { firstOf, lastOf } from './spatial.ts';

export function dense(
  bench: Workbench,
  x: Operand,
  weights: Operand,
  bias: Operand | null,
  options: Parameters<Lowering['dense']>[3],
): Operand {
  const { name } = options;
  const output = options.output ?? name;
  const transposed = options.transposed === true;
  if (bench.shape(x)?.length === 2) {
    return bench.apply('Gemm', bias === null ? [x, weights] : [x, weights, bias], {
      name,
      outputs: [output],
      ...(transposed ? { attrs: { transB: 1 } } : {}),
    });
  }
  const matrix = transposed ? bench.transpose(weights, [1, 0]) : weights;
  if (bias === null) return bench.apply('MatMul', [x, matrix], { name, outputs: [output] });
  const product = bench.apply('MatMul', [x, matrix], { name, outputs: [`${output}_product`] });
  return bench.apply('Add', [product, bias], { name: `${name}_bias`, outputs: [output] });
}

export function normalizeBatch(
  bench: Workbench,
  x: Operand,
  affine: Parameters<Lowering['normalizeBatch']>[1],
  options: Parameters<Lowering['normalizeBatch']>[2],
): Operand {
  const flat = bench.rank(x) <= 2 ? { ...options, channelsFirst: true } : options;
  const inner = firstOf(bench, x, flat);
  const made = bench.apply('BatchNormalization', [inner, affine.scale, affine.shift, affine.mean, affine.variance], {
    name: options.name,
    outputs: [options.output ?? options.name],
    attrs: { epsilon: { float: options.epsilon } },
  });
  return lastOf(bench, made, flat);
}
