/** What an evaluation of an operator is, and the few words that all of them are written in. */
import { bitsOf, countOf, kindOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Graph } from '#ir/model.ts';
import type { Call } from '#ops/call.ts';
import { denseOf, type Dense } from '#ops/dense.ts';

/** Runs a subgraph of the node on inputs of its own; values around it are seen from inside. */
export type RunGraph = (graph: Graph, inputs: readonly (Dense | undefined)[]) => readonly Dense[];

/** The outputs of one node; undefined for an optional one that is not asked for, or for a case that is not covered. */
export type Evaluate = (call: Call, run: RunGraph) => readonly (Dense | undefined)[] | undefined;

/** By name, with the domain in front unless it is the default one (`operatorName`). */
export type Evaluations = Readonly<Record<string, Evaluate>>;

/** Numbers that can be read by index and are summed in double precision. */
export type Reals = Float64Array | Float32Array;

/** An input that must be there. */
export function need(call: Call, input: number): Dense {
  const dense = call.dense(input);
  if (dense !== undefined) return dense;
  throw new PareError({
    code: 'interpreter/input',
    place: `${call.node.op} ${call.node.name}`,
    problem: `its input ${String(input)} is missing.`,
    hint: 'This is a defect of the file.',
  });
}

/** Ends the run with a sentence about the node. */
export function refuse(call: Call, problem: string): never {
  throw new PareError({ code: 'interpreter/not-covered', place: `${call.node.op} ${call.node.name}`, problem });
}

/** A tensor of these values, rounded to what the type holds. */
export function made(dtype: DType, shape: readonly number[], values: Iterable<number | bigint>): Dense {
  if (dtype === 'f32' && values instanceof Float64Array) return { dtype, shape, data: new Float32Array(values) };
  const dense = denseOf(dtype, shape, values);
  if (dense === undefined) {
    throw new PareError({ code: 'interpreter/dtype', problem: `values of type ${dtype} are not computed here.` });
  }
  return dense;
}

/** The values as real numbers; 64-bit integers lose what a double cannot hold. */
export function reals(dense: Dense): Reals {
  const { data } = dense;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  return Float64Array.from(data as ArrayLike<number | bigint>, Number);
}

/** Whole numbers of a small tensor: axes, sizes, positions. */
export function wholes(dense: Dense | undefined): number[] | undefined {
  return dense === undefined ? undefined : Array.from(dense.data as ArrayLike<number | bigint>, Number);
}

/** The first element, for inputs that hold one number. */
export function scalarOf(dense: Dense | undefined, otherwise: number): number {
  const value = dense?.data[0];
  return value === undefined ? otherwise : Number(value);
}

/** A shape as blocks around one axis: element [o, a, i] lies at (o * size + a) * inner + i. */
export function around(
  shape: readonly number[],
  axis: number,
): { readonly outer: number; readonly size: number; readonly inner: number } {
  return { outer: countOf(shape.slice(0, axis)), size: shape[axis] ?? 1, inner: countOf(shape.slice(axis + 1)) };
}

/** Lowest and highest level of an integer type. */
export function levelRange(dtype: DType): readonly [number, number] {
  const bits = bitsOf(dtype);
  return kindOf(dtype) === 'signed' ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
