/**
 * Reshape, and what exporters spell with it.
 *
 * Given:  m = Mean<axes [1, 2]>(x[n, h, w, c]); y = Reshape(m, [n, 1, 1, c])
 * Result: y = ReduceMean<axes [1, 2], keepdims>(x)
 *
 * Given:  a = Reshape(x[n, t, c], [-1, c]); m = MatMul(a, w[c, k]); y = Reshape(m, [n, t, k])
 * Result: y = MatMul(x, w), waiting for its bias
 */
import { isFloat } from '#base/dtype.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand, type Held } from '#formats/tensorflow/lower/held.ts';
import type { TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import type { Dim, Shape } from '#ir/model.ts';
import { reduceAxes } from './reduce.ts';

export function reshape(call: TfCall): readonly Held[] {
  return (
    keptAxes(call) ??
    product(call) ?? [call.lowering.reshape(call.input(0), call.known(1) ?? call.long(1), { name: call.name })]
  );
}

/** The node that feeds this one, of one of these operators, with what it reads. */
function feeder(call: TfCall, ref: TfRef | undefined, ...ops: readonly string[]): TfCall | undefined {
  const made = ref === undefined ? undefined : call.scope.producer(ref);
  if (made === undefined || made.output !== 0 || !ops.includes(made.node.op)) return undefined;
  return new TfCall(
    made.node,
    call.scope,
    made.node.inputs.map((one) => call.scope.settle(one)),
  );
}

/** Whether a list of sizes asks for this shape: equal numbers or names, one of them perhaps left open. */
function asksFor(list: readonly Dim[] | undefined, shape: Shape): boolean {
  if (list === undefined || list.length !== shape.length) return false;
  if (list.filter((size) => size === -1).length > 1) return false;
  return list.every((size, axis) => size !== null && (size === -1 || size === shape[axis]));
}

function tensor(call: TfCall, at: number): Operand | undefined {
  const ref = call.node.inputs[at];
  const held = ref === undefined ? undefined : call.scope.settle(ref);
  return held !== undefined && isOperand(held) ? held : undefined;
}

/** A mean is cheap: that it is also read without its axes, if only for its shape, does not matter. */
function keptAxes(call: TfCall): readonly Held[] | undefined {
  const reduction = feeder(call, call.node.inputs[0], 'Mean', 'Max', 'Sum', 'Min');
  const x = reduction === undefined ? undefined : tensor(reduction, 0);
  if (reduction === undefined || x === undefined || reduction.flag('keep_dims')) return undefined;
  const { lowering } = call;
  const [shape, dtype] = [lowering.shape(x), lowering.dtype(x)];
  if (shape === null || dtype === null || !isFloat(dtype) || reduction.known(1) === undefined) return undefined;
  const axes = reduceAxes(reduction);
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  if (axes.length === 0 || !asksFor(call.elements(1), kept)) return undefined;
  return [lowering.reduce(`Reduce${reduction.node.op}`, x, axes, { name: call.name, keepDims: true })];
}

function product(call: TfCall): readonly Held[] | undefined {
  const matMul = feeder(call, call.node.inputs[0], 'MatMul');
  if (matMul === undefined || turns(matMul.node)) return undefined;
  // Who reads the flat product as well would have it calculated twice.
  if (call.scope.uses({ node: matMul.name, output: 0 }) !== 1) return undefined;
  const flat = feeder(matMul, matMul.node.inputs[0], 'Reshape');
  const x = flat === undefined ? undefined : tensor(flat, 0);
  const weights = tensor(matMul, 1);
  if (flat === undefined || x === undefined || weights === undefined) return undefined;
  const { lowering } = call;
  const [shape, matrix] = [lowering.shape(x), lowering.constantOf(weights)?.tensor.shape];
  if (shape === null || shape.length < 3 || matrix?.length !== 2 || shape.at(-1) !== matrix[0]) return undefined;
  const rows = matMul.shape(0);
  if (rows?.length !== 2 || rows[1] !== matrix[0]) return undefined;
  if (!asksFor(call.elements(1), [...shape.slice(0, -1), matrix[1] ?? 0])) return undefined;
  const name = matMul.name;
  return [{ kind: 'pending', emit: (bias, output) => lowering.dense(x, weights, bias, { name, output }) }];
}

function turns(node: TfNode): boolean {
  return ['transpose_a', 'transpose_b'].some((name) => {
    const attr = node.attrs.get(name);
    return attr?.kind === 'bool' && attr.value;
  });
}
