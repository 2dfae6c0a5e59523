/** Ways of putting nodes into a graph, for layers that become several nodes. */
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Attr, Attrs, Node, Shape, ValueId } from '#ir/model.ts';

export interface NewPart {
  readonly name: string;
  readonly op: string;
  readonly inputs?: readonly (ValueId | null)[];
  readonly value: { readonly name: string; readonly dtype: 'f32'; readonly shape: Shape | null };
  readonly attrs?: Attrs;
}

/** A node with one output in front of `node`. */
export function one(edit: Editor, node: Node, { value, inputs = [], ...part }: NewPart): ValueId {
  return edit.addNode({ ...part, inputs, outputs: [value] }, { before: node }).outputs[0]!;
}

/** A node that reads the first output of `node`, behind it. */
export function after(edit: Editor, node: Node, { value, ...part }: NewPart): Node {
  return edit.addNode({ ...part, inputs: [node.outputs[0]!], outputs: [value] }, { after: node });
}

/** Where the layer stood, to be used once it is gone. */
export function placeOf(
  edit: Editor,
  node: Node,
  before: ValueId | null,
): { readonly after: Node } | { readonly startOf: GraphPath } {
  const maker = before === null ? neighbour(edit, node) : edit.producer(before);
  return maker === undefined ? { startOf: edit.pathOf(node) } : { after: maker };
}

/** The node that runs just before in the same graph. */
function neighbour(edit: Editor, node: Node): Node | undefined {
  const path = JSON.stringify(edit.pathOf(node));
  let last: Node | undefined;
  for (const other of edit.nodes()) {
    if (other.id === node.id) return last;
    if (JSON.stringify(edit.pathOf(other)) === path) last = other;
  }
  return last;
}

export function withLast(shape: Shape | null, size: number): Shape | null {
  return shape === null ? null : [...shape.slice(0, -1), size];
}

export function int(value: number): Attr {
  return { type: 'int', value };
}

export function importMicrosoft(edit: Editor): void {
  if (!edit.model.opsets.has('com.microsoft')) edit.setOpset('com.microsoft', 1);
}
