/**
 * Names of nodes without the calls that they were reached through. A SavedModel calls its network through functions that are made
 * when it is saved, `StatefulPartitionedCall/StatefulPartitionedCall/net/conv/Conv2D`; what its author named is `net/conv/Conv2D`.
 */
import type { TfGraph, TfNode, TfRef } from './graph.ts';

const CALLS = /^(?:(?:Stateful)?PartitionedCall(?:_\d+)?\/)+/;

/** The same graph; a name that would become another node's stays as it is. */
export function withoutCalls(graph: TfGraph): TfGraph {
  const wished = new Map(graph.nodes.map(({ name }) => [name, name.replace(CALLS, '')]));
  const counts = new Map<string, number>();
  for (const short of wished.values()) counts.set(short, (counts.get(short) ?? 0) + 1);
  const named = (name: string): string => {
    const short = wished.get(name);
    return short === undefined || short === '' || counts.get(short) !== 1 ? name : short;
  };
  const reference = (ref: TfRef): TfRef => ({ ...ref, node: named(ref.node) });
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, node: named(input.node) })),
    outputs: graph.outputs.map((output) => ({ ...output, ref: reference(output.ref) })),
    nodes: graph.nodes.map((node): TfNode => ({ ...node, name: named(node.name), inputs: node.inputs.map(reference) })),
  };
}
