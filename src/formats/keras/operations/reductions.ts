/** Reductions, products, orders and places of the largest. */
import { unitLength } from '#formats/keras/layers/normalization.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Operation, OperationCall, Operations } from './operation-call.ts';

function axesOf(o: OperationCall, x: Operand): readonly number[] {
  const axes = o.wholes(1, 'axis', 'axes', 'reduction_indices');
  if (axes === undefined) return Array.from({ length: o.lowering.rank(x) }, (_, axis) => axis);
  return axes.map((axis) => o.call.axis(x, axis));
}

function keepsDims(o: OperationCall): boolean {
  return o.flag(2, ['keepdims', 'keep_dims'], false);
}

function reduction(op: string): Operation {
  return (o) => {
    const x = op === 'ReduceMean' || op.includes('Log') ? o.real32(o.x) : o.x;
    return o.lowering.reduce(op, x, axesOf(o, x), { name: o.call.name, keepDims: keepsDims(o) });
  };
}

/** Of truth values: the largest or smallest of ones and zeros. */
function truth(op: 'ReduceMax' | 'ReduceMin'): Operation {
  return (o) => {
    const { call } = o;
    const x = call.cast(call.cast(o.x, 'bool', 'x_bool'), 'f32', 'x_float');
    const made = o.lowering.reduce(op, x, axesOf(o, x), { name: call.part('found'), keepDims: keepsDims(o) });
    return o.own('Cast', [made], { to: 9 });
  };
}

function variance(o: OperationCall, ends: boolean): Operand {
  const x = o.real32(o.x);
  const axes = axesOf(o, x);
  const mean = o.lowering.reduce('ReduceMean', x, axes, { name: o.call.part('mean'), keepDims: true });
  const centered = o.node('Sub', [x, mean], 'centered');
  const square = o.node('Mul', [centered, centered], 'square');
  const name = ends ? o.call.name : o.call.part('variance');
  return o.lowering.reduce('ReduceMean', square, axes, { name, keepDims: keepsDims(o) });
}

function place(op: 'ArgMax' | 'ArgMin'): Operation {
  return (o) => {
    const x = o.x;
    const axis = o.wholes(1, 'axis', 'dimension')?.[0] ?? (o.isKeras ? undefined : 0);
    if (axis === undefined) throw new Unsupported('it looks for a place among all elements at once.');
    const keepdims = o.flag(-1, ['keepdims'], false) ? 1 : 0;
    const found = o.node(op, [x], 'place', { axis: o.call.axis(x, axis), keepdims });
    const wanted = o.dtype(2, 'output_type', o.isKeras ? 'i32' : 'i64');
    return wanted === 'i64' ? found : o.own('Cast', [found], { to: 6 });
  };
}

function matmul(o: OperationCall): Operand {
  const [a, b] = o.pair();
  const turned = (x: Operand, names: readonly string[]): Operand => {
    if (!o.flag(-1, names, false)) return x;
    const rank = o.lowering.rank(x);
    const order = Array.from({ length: rank }, (_, axis) => axis);
    return o.lowering.transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
  };
  return o.own('MatMul', [
    turned(a, ['transpose_a', 'adj_x', 'adjoint_a']),
    turned(b, ['transpose_b', 'adj_y', 'adjoint_b']),
  ]);
}

function einsum(o: OperationCall): Operand {
  const equation = o.isKeras ? o.text(-1, 'subscripts') : o.text(0, 'equation');
  const operands = o.call.inputs;
  if (operands.length === 0) {
    throw new Unsupported(
      'Keras 2 does not save the tensors of tf.einsum.',
      'Replace tf.einsum by an EinsumDense, Dot or matmul, or export the model as a SavedModel.',
    );
  }
  return o.own(
    'Einsum',
    operands.map((one, at) => o.call.real(one, `input_${at}`)),
    { equation: equation.replaceAll(' ', '') },
  );
}

function cumsum(o: OperationCall): Operand {
  const axis = o.whole(1, 'axis', o.isKeras ? undefined : 0);
  const exclusive = o.flag(-1, ['exclusive'], false) ? 1 : 0;
  const reverse = o.flag(-1, ['reverse'], false) ? 1 : 0;
  return o.own('CumSum', [o.x, o.lowering.small(o.call.axis(o.x, axis))], { exclusive, reverse });
}

function topK(o: OperationCall): readonly Operand[] {
  const [values, places] = o.lowering.node('TopK', [o.x, o.lowering.small([o.whole(1, 'k', 1)])], {
    name: o.call.name,
    outputs: [o.call.name, o.call.part('places')],
    attrs: { axis: -1 },
  });
  return [values!, o.node('Cast', [places!], 'indices', { to: 6 })];
}

function l2Normalize(o: OperationCall): Operand {
  const epsilon = o.raw(2, 'epsilon');
  const least = Math.sqrt(typeof epsilon === 'number' ? epsilon : 1e-12);
  return unitLength(o.call, o.real32(o.x), axesOf(o, o.x), least);
}

function normalize(o: OperationCall): Operand {
  if (!o.isKeras) throw new Unsupported('it gives the norm along with the result.');
  const order = o.raw(-1, 'order');
  if (order !== undefined && order !== 2) throw new Unsupported(`it normalizes by another norm than the Euclidean.`);
  const epsilon = o.raw(-1, 'epsilon');
  const axes = (o.wholes(-1, 'axis') ?? [-1]).map((axis) => o.call.axis(o.x, axis));
  return unitLength(o.call, o.real32(o.x), axes, typeof epsilon === 'number' ? epsilon : 1e-7);
}

function norm(o: OperationCall): Operand {
  const order = o.raw(-1, 'ord');
  if (order !== undefined && order !== null && order !== 'euclidean' && order !== 2)
    throw new Unsupported('it takes another norm than the Euclidean.');
  const axes = o.wholes(-1, 'axis')?.map((axis) => o.call.axis(o.x, axis)) ?? axesOf(o, o.x);
  return o.lowering.reduce('ReduceL2', o.real32(o.x), axes, {
    name: o.call.name,
    keepDims: o.flag(-1, ['keepdims'], false),
  });
}

const MEAN = reduction('ReduceMean');
const SUM = reduction('ReduceSum');
const MAX = reduction('ReduceMax');
const MIN = reduction('ReduceMin');
const PROD = reduction('ReduceProd');
const STD: Operation = (o) => o.own('Sqrt', [variance(o, false)]);
const VAR: Operation = (o) => variance(o, true);

export const REDUCTIONS: Operations = {
  mean: MEAN,
  reduce_mean: MEAN,
  sum: SUM,
  reduce_sum: SUM,
  max: MAX,
  amax: MAX,
  reduce_max: MAX,
  min: MIN,
  amin: MIN,
  reduce_min: MIN,
  prod: PROD,
  reduce_prod: PROD,
  logsumexp: reduction('ReduceLogSumExp'),
  reduce_logsumexp: reduction('ReduceLogSumExp'),
  reduce_euclidean_norm: reduction('ReduceL2'),
  any: truth('ReduceMax'),
  reduce_any: truth('ReduceMax'),
  all: truth('ReduceMin'),
  reduce_all: truth('ReduceMin'),
  std: STD,
  reduce_std: STD,
  var: VAR,
  reduce_variance: VAR,
  argmax: place('ArgMax'),
  argmin: place('ArgMin'),
  arg_max: place('ArgMax'),
  arg_min: place('ArgMin'),
  matmul,
  mat_mul: matmul,
  batch_mat_mul: matmul,
  batch_mat_mul_v2: matmul,
  einsum,
  cumsum,
  top_k: topK,
  l2_normalize: l2Normalize,
  normalize,
  norm,
};
