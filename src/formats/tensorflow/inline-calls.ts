/** Which nodes call functions, and which change variables while the model runs. */
import type { RawAttr, RawGraph, RawNode } from './graph-def/raw.ts';
import type { Outputs } from './inline-scope.ts';
import { parseReference } from './inline-scope.ts';

const CALLS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const WRITES =
  /^(Assign(Add|Sub)?(VariableOp)?|Resource(Scatter|Apply|SparseApply|StridedSliceAssign)\w*|Scatter(Add|Sub|Mul|Div|Min|Max|Update|NdUpdate|NdAdd|NdSub)|StridedSliceAssign|Count(UpTo)|ResourceCountUpTo)$/;

/** Switches of training that callers of a graph never set. */
const TRAINING = /(^|\/)(keras_learning_phase|is_training|training|train|phase_train|train_phase|istrain)(_\d+)?$/i;
const BOOL = 10;

/** A placeholder that says whether the graph is being trained: off, where nobody feeds it. */
export function isTrainingSwitch(node: RawNode): boolean {
  const dtype = node.attrs.get('dtype');
  const isTruth = /^Placeholder(V2)?$/.test(node.op) && dtype?.kind === 'type' && dtype.value === BOOL;
  return isTruth && TRAINING.test(node.name);
}

export function isCall(node: RawNode, graph: RawGraph): boolean {
  return CALLS.has(node.op) || graph.functions.has(node.op);
}

/** Whether the node itself changes the variable that is its first input. */
export function isWrite(node: RawNode): boolean {
  return WRITES.test(node.op);
}

/** Whether running the node changes a variable, itself or by a function that it names. Functions are remembered. */
export function writtenBy(node: RawNode, graph: RawGraph, known: Map<string, boolean>): boolean {
  return isWrite(node) || functionsOf(node, graph).some((name) => functionWrites(name, graph, known));
}

/** Functions are walked without recursion: a hostile chain may be long. */
function functionWrites(name: string, graph: RawGraph, known: Map<string, boolean>): boolean {
  const answer = known.get(name);
  if (answer !== undefined) return answer;
  const seen = new Set<string>();
  const open = [name];
  let writes = false;
  for (let next = open.pop(); next !== undefined && !writes; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const nodes = graph.functions.get(next)?.nodes ?? [];
    writes = known.get(next) === true || nodes.some(isWrite);
    if (known.get(next) === undefined) for (const node of nodes) open.push(...functionsOf(node, graph));
  }
  if (!writes) for (const each of seen) known.set(each, false);
  known.set(name, writes);
  return writes;
}

function functionsOf(node: RawNode, graph: RawGraph): readonly string[] {
  const named = [...node.attrs.values()].flatMap(namesIn);
  return graph.functions.has(node.op) ? [...named, node.op] : named;
}

function namesIn(attr: RawAttr): readonly string[] {
  if (attr.kind === 'function') return [attr.value];
  return attr.kind === 'list' ? attr.value.flatMap((item) => (item.kind === 'function' ? [item.value] : [])) : [];
}

/** Nodes that run for the roots' sake, by data or by control edges. */
export function callsOf(
  nodes: ReadonlyMap<string, RawNode>,
  roots: readonly string[],
  fed: ReadonlyMap<string, Outputs>,
): readonly RawNode[] {
  const seen = new Set<string>();
  const open = [...roots];
  const found: RawNode[] = [];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = nodes.get(name);
    if (node === undefined || seen.has(name) || fed.has(name)) continue;
    seen.add(name);
    found.push(node);
    for (const input of node.inputs) {
      const target = input.startsWith('^') ? input.slice(1) : parseReference(input)?.name;
      if (target !== undefined) open.push(target);
    }
  }
  return found;
}
