/** Dense layers and batch normalization. */
import { countOf } from '#base/dtype.ts';
import type { Workbench } from '#formats/lowering/workbench.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
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
    const [input, matrix] = asItLies(bench, x, weights, transposed, name) ?? [x, weights];
    return bench.apply('Gemm', bias === null ? [input, matrix] : [input, matrix, bias], {
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

/**
 * A dense layer behind a flattened image: instead of bringing the image into the source's order, it is flattened as it lies and the
 * weights are put in that order, which costs nothing when the model runs.
 */
function asItLies(
  bench: Workbench,
  x: Operand,
  weights: Operand,
  transposed: boolean,
  name: string,
): readonly [Operand, Operand] | undefined {
  const image = x.view === undefined ? bench.flattenedFrom(x.id) : undefined;
  const shape = image === undefined ? undefined : bench.shape(image);
  const matrix = bench.shape(weights);
  if (image?.view === undefined || shape == null || matrix?.length !== 2 || !bench.isConstant(weights.id))
    return undefined;
  const inner = shape.slice(1) as readonly number[];
  const [rows, columns] = matrix as readonly number[];
  const length = countOf(inner);
  if ((transposed ? columns : rows) !== length) return undefined;
  const full = transposed ? [rows!, ...inner] : [...inner, columns!];
  // Axis i of the image, its batch left out, lies at place order[i]; so it does in the weights.
  const order = image.view.slice(1).map((place) => place - 1);
  const view = transposed ? [0, ...order.map((place) => place + 1)] : [...order, inner.length];
  const split = bench.relabeled(bench.materialize(weights), full);
  if (split === undefined) return undefined;
  const moved = bench.relabeled(bench.materialize({ id: split }, view), matrix as readonly number[]);
  if (moved === undefined) return undefined;
  const sizes = bench.small([typeof shape[0] === 'number' ? shape[0] : -1, length]);
  const [flat] = bench.emit('Reshape', [image.id, sizes.id], { name: `${name}_flat` });
  bench.copyGrid(x.id, flat!);
  return [{ id: flat! }, { id: moved }];
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
