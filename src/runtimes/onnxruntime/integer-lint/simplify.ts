/**
 * What onnxruntime does to a graph before it looks at quantization: what follows from constants is folded, what nobody reads
 * goes, and of equal nodes one is kept. Readers that vanish so decide whether a value has one reader left.
 */
import { countOf } from '#base/dtype.ts';
import type { Tensor, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { LintGraph, LintNode, Wire } from './graph.ts';

/** Removes nodes that only make constants, and then what nobody reads. */
export function dropFolded(graph: LintGraph): void {
  for (const node of graph.nodes()) {
    if (node.outputs.every((wire) => wire === null || graph.isConstant(wire)) && !graph.givesOut(node)) {
      graph.remove(node);
    }
  }
  for (const node of graph.nodes().toReversed()) {
    const read = node.outputs.some((wire) => wire !== null && graph.readers(wire).length > 0);
    if (!read && !graph.givesOut(node)) graph.remove(node);
  }
}

/** Constants of up to this many elements are compared by what they hold. */
const SMALL = 8;

/** Joins equal nodes; gives for each that went the one that stays. */
export async function joinEqual(
  graph: LintGraph,
  constants: ReadonlyMap<ValueId, Tensor>,
  store: WeightStore,
): Promise<ReadonlyMap<LintNode, LintNode>> {
  const joined = new Map<LintNode, LintNode>();
  const keys = new Map<Wire, string>();
  const keyOf = async (wire: Wire | null): Promise<string> => {
    if (wire === null) return '-';
    const known = keys.get(wire);
    if (known !== undefined) return known;
    const tensor = constants.get(wire as ValueId);
    const small = tensor !== undefined && countOf(tensor.shape) <= SMALL && tensor.dtype !== 'string';
    const key = small ? `${tensor.dtype} ${tensor.shape.join()} ${(await store.read(tensor)).join()}` : String(wire);
    keys.set(wire, key);
    return key;
  };
  const alike = new Map<string, LintNode[]>();
  for (const node of graph.nodes()) {
    // Equal nodes read equal values, so the first input tells most apart without reading anything.
    const rough = `${node.domain} ${node.op} ${String(node.inputs[0])} ${attributes(node)}`;
    const rest = alike.get(rough);
    const earlier: LintNode[] = rest ?? [];
    if (rest === undefined) alike.set(rough, earlier);
    const same = await findSame(node, earlier, keyOf);
    if (same === undefined || graph.givesOut(node) || !isPure(node)) {
      earlier.push(node);
      continue;
    }
    node.outputs.forEach((wire, index) => {
      const kept = same.outputs[index];
      if (wire === null || kept === null || kept === undefined) return;
      const readers = [...graph.readers(wire)];
      for (const reader of readers) graph.setInput(reader.node, reader.input, kept);
    });
    graph.remove(node);
    joined.set(node, same);
  }
  return joined;
}

async function findSame(
  node: LintNode,
  earlier: readonly LintNode[],
  keyOf: (wire: Wire | null) => Promise<string>,
): Promise<LintNode | undefined> {
  for (const other of earlier) {
    if (other.inputs.length !== node.inputs.length || other.outputs.length !== node.outputs.length) continue;
    let equal = true;
    for (let input = 0; equal && input < node.inputs.length; input++) {
      equal = (await keyOf(node.inputs[input] ?? null)) === (await keyOf(other.inputs[input] ?? null));
    }
    if (equal) return other;
  }
  return undefined;
}

function isPure(node: LintNode): boolean {
  return !node.op.startsWith('Random') && !['If', 'Loop', 'Scan', 'Dropout'].includes(node.op);
}

function attributes(node: LintNode): string {
  const told = [...node.attrs].map(([name, attr]) => {
    const { value } = attr;
    return `${name}=${attr.type === 'tensor' || typeof value === 'object' ? described(value) : String(value)}`;
  });
  return told.toSorted().join(';');
}

function described(value: unknown): string {
  return Array.isArray(value) || value instanceof Uint8Array ? Array.from(value, String).join() : JSON.stringify(value);
}
