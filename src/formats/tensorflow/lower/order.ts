/** The nodes that outputs need, each after those that it reads; by a stack of our own, since graphs of files may be deep. */
import { PareError } from '#base/failure.ts';
import type { TfBody, TfNode, TfRef } from '#formats/tensorflow/graph.ts';

/** Nodes that feed `roots`, in execution order. A circle is refused, as is a reference to a node that is not there. */
export function orderOf(body: Pick<TfBody, 'nodes' | 'name'>, roots: readonly TfRef[]): readonly TfNode[] {
  const byName = nodesByName(body);
  const state = new Map<TfNode, 'open' | 'done'>();
  const order: TfNode[] = [];
  for (const root of roots) {
    const stack = [{ node: find(byName, body, root), next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const { node } = top;
      if (top.next === 0) {
        if (state.get(node) === 'done') {
          stack.pop();
          continue;
        }
        state.set(node, 'open');
      }
      const ref = node.inputs[top.next++];
      if (ref === undefined) {
        state.set(node, 'done');
        order.push(node);
        stack.pop();
        continue;
      }
      const feeder = find(byName, body, ref);
      const seen = state.get(feeder);
      if (seen === 'open') throw circle(feeder);
      if (seen === undefined) stack.push({ node: feeder, next: 0 });
    }
  }
  return order;
}

export function nodesByName(body: Pick<TfBody, 'nodes'>): ReadonlyMap<string, TfNode> {
  return new Map(body.nodes.map((node) => [node.name, node]));
}

function find(byName: ReadonlyMap<string, TfNode>, body: Pick<TfBody, 'name'>, ref: TfRef): TfNode {
  const node = byName.get(ref.node);
  if (node !== undefined) return node;
  throw new PareError({
    code: 'tensorflow/no-such-node',
    place: ref.node,
    problem: `The graph ${body.name === '' ? '' : `"${body.name}" `}reads a node that it does not have.`,
    hint: 'The file is damaged; export the model again.',
  });
}

function circle(node: TfNode): PareError {
  return new PareError({
    code: 'tensorflow/circular',
    place: node.name,
    problem: `The ${node.op} operator depends on its own result.`,
    hint: 'Loops of TensorFlow 1 (Enter, NextIteration) are not converted: export the model with control flow v2 (tf.compat.v1.enable_control_flow_v2, or --control_flow_v2=True of the TF.js converter).',
  });
}
