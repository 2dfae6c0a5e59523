/** Inputs and outputs of a graph that no signature describes: placeholders, and what nobody reads. */
import { PareError } from '#base/failure.ts';
import type { Ends } from './flat.ts';
import { outputCount } from './graph-def/op-facts.ts';
import { isTrainingSwitch } from './inline-calls.ts';
import type { RawAttr, RawGraph, RawNode } from './graph-def/raw.ts';
import { dataInputs, parseReference } from './inline-scope.ts';

const PLACEHOLDERS = new Set(['Placeholder', 'PlaceholderV2']);
/** Operators that no model is run for. */
const ASIDE =
  /^(Const|NoOp|Assert|Placeholder(V2|WithDefault)?|SaveV2|SaveSlices|RestoreV2|MergeV2Checkpoints|ShardedFilename|Assign\w*|VariableV2|Variable|VarHandleOp|ReadVariableOp|VarIsInitializedOp|Print|PrintV2|\w*Summary\w*|Initialize\w*|LookupTableImport\w*)$/;

export function frozenEnds(graph: RawGraph): Ends {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  let inputs = graph.nodes.filter(({ op }) => PLACEHOLDERS.has(op));
  // Some programs give the input a default of its own.
  if (inputs.length === 0) inputs = graph.nodes.filter(({ op }) => op === 'PlaceholderWithDefault');
  const read = new Set<string>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const name = parseReference(input)?.name;
      if (name !== undefined) read.add(name);
    }
  }
  const last = graph.nodes.filter((node) => !read.has(node.name) && !ASIDE.test(node.op) && !isPivot(node, nodes));
  const fed = reachedFrom(graph, new Set(inputs.map(({ name }) => name)));
  const computed = last.filter(({ name }) => fed.has(name));
  // What a loop leaves behind is seldom what it is run for.
  const kept = computed.filter(({ op }) => op !== 'Exit');
  const outputs = kept.length > 0 ? kept : computed.length > 0 ? computed : last;
  if (outputs.length === 0) {
    throw new PareError({
      code: 'tensorflow/no-output',
      file: graph.file,
      problem: 'The graph computes nothing: it has no node whose result nobody reads.',
      hint: 'Open a frozen graph or a SavedModel.',
    });
  }
  const used = neededBy(nodes, outputs);
  return {
    inputs: inputs.filter((node) => used.has(node.name) && !isTrainingSwitch(node)).flatMap(inputOf),
    outputs: outputs.flatMap((node) =>
      Array.from({ length: outputCount(node) }, (_, index) => {
        const ref = index === 0 ? node.name : `${node.name}:${index}`;
        return { name: ref, ref };
      }),
    ),
  };
}

/** A node of TensorFlow 1 that only lets others run: the side of a Switch, or where two such sides meet. */
function isPivot(node: RawNode, nodes: ReadonlyMap<string, RawNode>, depth = 0): boolean {
  if (node.op === 'Switch') return depth === 1 || (depth === 2 && node.inputs[0] === node.inputs[1]);
  if (depth > 1 || !/^(Identity|Merge)$/.test(node.op) || (depth > 0 && node.op === 'Merge')) return false;
  return dataInputs(node).every((input) => {
    const from = nodes.get(parseReference(input)?.name ?? '');
    return from !== undefined && isPivot(from, nodes, depth + 1);
  });
}

function inputOf(node: RawNode): Ends['inputs'] {
  const dtype = node.attrs.get('dtype') ?? node.attrs.get('T');
  const shape = shapeAttr(node.attrs.get('shape'));
  const noted = node.attrs.get('_output_shapes');
  const other = noted?.kind === 'list' ? shapeAttr(noted.value[0]) : null;
  // Graphs of old leave an unknown shape out, which then reads as that of a scalar.
  const told = shape === null || (shape.length === 0 && other !== null) ? other : shape;
  return [{ name: node.name, ref: node.name, type: dtype?.kind === 'type' ? dtype.value : 0, shape: told }];
}

function shapeAttr(attr: RawAttr | undefined): readonly (number | null)[] | null {
  return attr?.kind === 'shape' ? attr.value : null;
}

/** Nodes that depend on the inputs, by data. */
function reachedFrom(graph: RawGraph, from: ReadonlySet<string>): ReadonlySet<string> {
  const readers = new Map<string, string[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const name = parseReference(input)?.name;
      if (name === undefined) continue;
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node.name]);
      else list.push(node.name);
    }
  }
  return walk([...from], (name) => readers.get(name) ?? []);
}

function neededBy(nodes: ReadonlyMap<string, RawNode>, outputs: readonly RawNode[]): ReadonlySet<string> {
  return walk(
    outputs.map(({ name }) => name),
    (name) => (nodes.get(name)?.inputs ?? []).flatMap((input) => parseReference(input)?.name ?? []),
  );
}

function walk(start: readonly string[], next: (name: string) => readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const each of next(name)) open.push(each);
  }
  return seen;
}
