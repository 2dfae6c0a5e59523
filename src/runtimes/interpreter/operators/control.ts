/** If, Loop and Scan: subgraphs run as often as the node says. */
import type { Graph } from '#ir/model.ts';
import { denseOf, type Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { concatAll, sliceAll } from '#ops/evaluate/arrange.ts';
import type { Call } from '#ops/call.ts';
import { made, need, refuse, scalarOf, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';

function branch(call: Call, name: string): Graph {
  const attr = call.attr(name);
  if (attr?.type === 'graph') return attr.value;
  return refuse(call, `it has no ${name}.`);
}

const choose: Evaluate = (call, run) =>
  run(branch(call, scalarOf(need(call, 0), 0) === 0 ? 'else_branch' : 'then_branch'), []);

/** A loop that does not end by itself is ended here; ten million turns take minutes. */
const MAX_TURNS = 10_000_000;

/** Body: (turn, condition, carried ...) to (condition, carried ..., scanned ...). */
const loop: Evaluate = (call, run) => {
  const body = branch(call, 'body');
  const turns = call.has(0) ? scalarOf(call.dense(0), 0) : Infinity;
  let going = call.has(1) ? scalarOf(call.dense(1), 1) !== 0 : true;
  const carried = Math.max(call.inputCount - 2, 0);
  let values: readonly (Dense | undefined)[] = Array.from({ length: carried }, (_, at) => call.dense(at + 2));
  const scanned: Dense[][] = Array.from({ length: call.outputCount - carried }, () => []);
  for (let turn = 0; turn < turns && going; turn++) {
    if (turn === MAX_TURNS) refuse(call, `it has not ended after ${String(MAX_TURNS)} turns.`);
    const outputs = run(body, [made('i64', [], [turn]), made('bool', [], [Number(going)]), ...values]);
    going = scalarOf(outputs[0], 0) !== 0;
    values = outputs.slice(1, 1 + carried);
    for (const [at, list] of scanned.entries()) {
      const one = outputs[1 + carried + at];
      if (one !== undefined) list.push(one);
    }
  }
  return [...values, ...scanned.map((list, at) => stacked(list, 0, body, 1 + carried + at))];
};

/** Tensors one behind the other along a new axis. Of no turns at all only what the body declares is known. */
function stacked(list: readonly Dense[], axis: number, body: Graph, output: number): Dense | undefined {
  const [head] = list;
  if (head === undefined) {
    const id = body.outputs[output];
    const value = id === undefined ? undefined : body.values.get(id);
    const rest = (value?.shape ?? []).map((size) => (typeof size === 'number' ? size : 0));
    return denseOf(value?.dtype ?? 'f32', [0, ...rest], []);
  }
  const at = axis < 0 ? axis + head.shape.length + 1 : axis;
  const widened = list.map((one): Dense => ({ ...one, shape: [...one.shape.slice(0, at), 1, ...one.shape.slice(at)] }));
  return concatAll(widened, at);
}

/** Body: (state ..., slices ...) to (state ..., slices ...); slices run forwards or backwards along an axis each. */
const scan: Evaluate = (call, run) => {
  if (call.opset < 9) return undefined;
  const body = branch(call, 'body');
  const scans = call.int('num_scan_inputs', 0);
  const carried = call.inputCount - scans;
  const directions = call.ints('scan_input_directions');
  const axes = call.ints('scan_input_axes');
  const outputDirections = call.ints('scan_output_directions');
  const outputAxes = call.ints('scan_output_axes');
  const inputs = Array.from({ length: scans }, (_, at) => need(call, carried + at));
  const axisOf = (at: number): number => frontAxis(axes?.[at] ?? 0, inputs[at]?.shape.length ?? 1);
  const turns = inputs[0]?.shape[axisOf(0)] ?? 0;
  let state: readonly (Dense | undefined)[] = Array.from({ length: carried }, (_, at) => need(call, at));
  const scanned: Dense[][] = Array.from({ length: call.outputCount - carried }, () => []);
  for (let turn = 0; turn < turns; turn++) {
    const slices = inputs.map((x, at) => sliceAt(x, axisOf(at), directions?.[at] === 1 ? turns - 1 - turn : turn));
    const outputs = run(body, [...state, ...slices]);
    state = outputs.slice(0, carried);
    for (const [at, list] of scanned.entries()) {
      const one = outputs[carried + at];
      if (one === undefined) continue;
      if (outputDirections?.[at] === 1) list.unshift(one);
      else list.push(one);
    }
  }
  return [...state, ...scanned.map((list, at) => stacked(list, outputAxes?.[at] ?? 0, body, carried + at))];
};

function sliceAt(x: Dense, axis: number, at: number): Dense | undefined {
  const slice = sliceAll(
    x,
    x.shape.map((size, one) => (one === axis ? { start: at, step: 1, count: 1 } : { start: 0, step: 1, count: size })),
  );
  return slice === undefined ? undefined : { ...slice, shape: x.shape.filter((_, one) => one !== axis) };
}

export const controlEvaluations: Evaluations = { If: choose, Loop: loop, Scan: scan };
