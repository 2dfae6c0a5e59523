/** Models whose outputs are values from inside, so that a runtime shows them. Weights are never copied before it loads them. */
import type { DType } from '#base/dtype.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import type { Graph, Model, Node, Value, ValueId } from '#ir/model.ts';
import { subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import type { RunnableModel } from '#runtimes/runtime.ts';

/** Float types that runtimes hand to JavaScript. */
const SHOWN: ReadonlySet<DType | null> = new Set(['f32', 'f16', 'f64']);

/** Whether a runtime can show it: a float value of the main graph that is computed or fed, not a constant. */
export function canBeShown(model: Model, id: ValueId): boolean {
  const value = model.graph.values.get(id);
  return value !== undefined && value.constant === undefined && SHOWN.has(value.dtype);
}

/**
 * The part of the model that computes these values, which become its outputs, in this order. All inputs stay, so that it
 * is fed as the model is. Their shapes are left open: what a file declares need not hold.
 */
export function exposeValues(model: Model, outputs: readonly ValueId[]): Model {
  const { graph } = model;
  const nodes = nodesBehind(graph, outputs);
  const used = new Set<ValueId>([...outputs, ...nodes.flatMap(valuesOf)]);
  const shown = new Set(outputs);
  const values = new Map<ValueId, Value>();
  for (const id of graph.inputs) {
    const value = graph.values.get(id);
    if (value !== undefined && (value.constant === undefined || used.has(id))) values.set(id, value);
  }
  for (const [id, value] of graph.values) {
    if (used.has(id) && !values.has(id)) values.set(id, shown.has(id) ? { ...value, shape: null } : value);
  }
  return {
    ...model,
    graph: { ...graph, nodes, outputs: [...shown], values, inputs: graph.inputs.filter((id) => values.has(id)) },
  };
}

/** Written as graph and one data file: what lies in the model file itself would be copied twice by runtimes. */
export async function runnableModel(model: Model, store: WeightStore, name: string): Promise<RunnableModel> {
  // Constants of branches and loops must lie in the file: onnxruntime 1.30 looks for theirs on disk, not in what it is handed.
  const inBranches = model.graph.nodes.some((node) => subgraphsOf(node).length > 0);
  const externalData = inBranches ? 'inline' : 'external';
  const files = await writeOnnx(model, store, { path: name, externalData });
  return { ...(await runnableOf(files)), name: model.source.file };
}

/** In execution order. */
function nodesBehind(graph: Graph, outputs: readonly ValueId[]): readonly Node[] {
  const wanted = new Set(outputs);
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((id) => id !== null && wanted.has(id))) continue;
    kept.push(node);
    for (const id of readBy(node)) wanted.add(id);
  }
  return kept.toReversed();
}

/** Values that a node reads, those that its subgraphs take from around them included. */
function readBy(node: Node): readonly ValueId[] {
  const read = node.inputs.filter((id) => id !== null);
  for (const { graph } of subgraphsOf(node)) {
    read.push(...graph.outputs);
    for (const inner of graph.nodes) read.push(...readBy(inner));
  }
  return read;
}

function valuesOf(node: Node): readonly ValueId[] {
  return [...readBy(node), ...node.outputs.filter((id) => id !== null)];
}
