/** What changed between two models: nodes by name, constants by name, and the grids of computed values. */
import type { Model, Node, Quantization, Tensor, Value } from './model.ts';
import { graphsOf, nodesOf } from './walk.ts';

export interface ModelDiff {
  readonly nodesAdded: readonly string[];
  readonly nodesRemoved: readonly string[];
  /** Same name, but another operator, other attributes or other inputs. */
  readonly nodesChanged: readonly string[];
  readonly constantsAdded: readonly string[];
  readonly constantsRemoved: readonly string[];
  readonly constantsChanged: readonly string[];
  /** Values that are computed and were given another grid to be rounded to, or one at all, or none any more. */
  readonly gridsChanged: readonly string[];
}

export function diffModels(before: Model, after: Model): ModelDiff {
  const nodes = compareMaps(nodesByName(before), nodesByName(after), sameNode);
  const constants = compareMaps(constantsByName(before), constantsByName(after), sameConstant);
  const grids = compareMaps(gridsByName(before), gridsByName(after), sameGrid);
  return {
    nodesAdded: nodes.added,
    nodesRemoved: nodes.removed,
    nodesChanged: nodes.changed,
    constantsAdded: constants.added,
    constantsRemoved: constants.removed,
    constantsChanged: constants.changed,
    gridsChanged: [...grids.added, ...grids.removed, ...grids.changed],
  };
}

function compareMaps<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  same: (a: T, b: T) => boolean,
): { readonly added: string[]; readonly removed: string[]; readonly changed: string[] } {
  const added: string[] = [];
  const changed: string[] = [];
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old === undefined) added.push(name);
    else if (!same(old, value)) changed.push(name);
  }
  return { added, removed: [...before.keys()].filter((name) => !after.has(name)), changed };
}

function nodesByName(model: Model): Map<string, Node> {
  const found = new Map<string, Node>();
  for (const { node } of nodesOf(model.graph)) found.set(node.name, node);
  return found;
}

function constantsByName(model: Model): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const graph of graphsOf(model.graph)) {
    for (const value of graph.values.values()) if (value.constant !== undefined) found.set(value.name, value);
  }
  return found;
}

function gridsByName(model: Model): Map<string, Quantization> {
  const found = new Map<string, Quantization>();
  for (const graph of graphsOf(model.graph)) {
    for (const { name, constant, quantization } of graph.values.values()) {
      if (constant === undefined && quantization !== undefined) found.set(name, quantization);
    }
  }
  return found;
}

function sameNode(a: Node, b: Node): boolean {
  return (
    a === b ||
    (a.op === b.op &&
      a.domain === b.domain &&
      a.attrs === b.attrs &&
      sameList(a.inputs, b.inputs) &&
      sameList(a.outputs, b.outputs))
  );
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function sameConstant(a: Value, b: Value): boolean {
  return sameTensor(a.constant, b.constant) && sameGrid(a.quantization, b.quantization);
}

function sameGrid(a: Quantization | undefined, b: Quantization | undefined): boolean {
  return sameTensor(a?.scale, b?.scale) && sameTensor(a?.zeroPoint, b?.zeroPoint) && a?.levels === b?.levels;
}

function sameTensor(a: Tensor | undefined, b: Tensor | undefined): boolean {
  return a?.key === b?.key;
}
