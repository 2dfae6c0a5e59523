import { expect, it } from 'vitest';
import type { TfGraph, TfNode } from './graph.ts';
import { withoutCalls } from './call-names.ts';

const node = (name: string, ...inputs: string[]): TfNode => ({
  name,
  op: 'Relu',
  inputs: inputs.map((from) => ({ node: from, output: 0 })),
  attrs: new Map(),
});

it('drops the calls in front of a name, and keeps them where two nodes would share one', () => {
  const graph: TfGraph = {
    name: 'g',
    inputs: [{ name: 'x', node: 'x', dtype: 'f32', shape: null }],
    outputs: [{ name: 'y', ref: { node: 'StatefulPartitionedCall/PartitionedCall_1/net/b', output: 1 } }],
    nodes: [
      node('x'),
      node('StatefulPartitionedCall/net/a', 'x'),
      node('StatefulPartitionedCall/PartitionedCall_1/net/b', 'StatefulPartitionedCall/net/a'),
      node('StatefulPartitionedCall/c', 'x'),
      node('StatefulPartitionedCall_1/c', 'x'),
    ],
    functions: new Map(),
  };
  const short = withoutCalls(graph);
  expect(short.nodes.map(({ name }) => name)).toEqual([
    'x',
    'net/a',
    'net/b',
    'StatefulPartitionedCall/c',
    'StatefulPartitionedCall_1/c',
  ]);
  expect(short.nodes[2]?.inputs[0]).toEqual({ node: 'net/a', output: 0 });
  expect(short.outputs[0]?.ref).toEqual({ node: 'net/b', output: 1 });
});
