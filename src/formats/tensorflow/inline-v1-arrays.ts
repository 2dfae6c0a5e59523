/**
 * Arrays of tensors of TensorFlow 1 as lists of TensorFlow 2. What orders their reads and writes, the flow, becomes the list itself.
 *
 * Given:  a = TensorArrayV3(n); s = TensorArrayScatterV3(a, range, x, a:1); r = TensorArrayReadV3(a, i, s)
 * Result: a = TensorListReserve(shape, n); s = TensorListFromTensor(x, shape); r = TensorListGetItem(s, i, shape)
 */
import { VARIANT } from './graph-def/data-type.ts';
import { firstNumber } from './graph-def/elements.ts';
import type { RawAttr, RawGraph, RawNode } from './graph-def/raw.ts';
import { constantNode } from './inline-control.ts';
import { dataInputs, parseReference } from './inline-scope.ts';

const PASSES = /^((Ref)?(Enter|Merge|Switch|Exit|NextIteration)|Identity)$/;
/** Operators that give a flow on. */
const FLOWS = /^TensorArray(Scatter|Write)V3$/;

export function raiseArrays(graph: RawGraph): RawGraph {
  if (!graph.nodes.some(({ op }) => op === 'TensorArrayV3')) return graph;
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const made: RawNode[] = [];
  const shapes = new Map<RawNode, string>();
  for (const node of graph.nodes) {
    const handle = node.op === 'TensorArrayV3' ? node : arrayOf(node, nodes);
    if (handle !== undefined && !shapes.has(handle)) {
      const constant = shapeOf(handle, nodes);
      made.push(constant);
      shapes.set(handle, constant.name);
    }
    const shape = handle === undefined ? undefined : shapes.get(handle);
    const list = handle === undefined || shape === undefined ? undefined : asList(node, handle, shape, nodes);
    made.push(list ?? node);
  }
  return { ...graph, nodes: retyped(made.map((node) => flowed(node, nodes))) };
}

/** The array that an operator works on, through the loops that its handle was brought into. */
function arrayOf(node: RawNode, nodes: ReadonlyMap<string, RawNode>): RawNode | undefined {
  if (!node.op.startsWith('TensorArray')) return undefined;
  let at: RawNode | undefined = node;
  for (let steps = 0; at !== undefined && steps < 64; steps++) {
    const [handle = ''] = dataInputs(at);
    at = nodes.get(parseReference(handle)?.name ?? '');
    if (at?.op === 'TensorArrayV3') return at;
    if (at !== undefined && !PASSES.test(at.op)) return undefined;
  }
  return undefined;
}

/** A constant that holds the shape of an array's elements: -1 for what is not known. */
function shapeOf(array: RawNode, nodes: ReadonlyMap<string, RawNode>): RawNode {
  let name = `${array.name}/element_shape`;
  while (nodes.has(name)) name += '_';
  const attr = array.attrs.get('element_shape');
  const sizes = attr?.kind === 'shape' ? attr.value : null;
  const values = sizes === null ? [-1] : sizes.map((size) => size ?? -1);
  const { op, attrs } = constantNode(name, 'i32', sizes === null ? [] : [values.length], values);
  return { name, op, inputs: [], attrs };
}

function asList(
  node: RawNode,
  array: RawNode,
  shape: string,
  nodes: ReadonlyMap<string, RawNode>,
): RawNode | undefined {
  const inputs = dataInputs(node);
  const dtype = array.attrs.get('dtype') ?? { kind: 'type', value: 0 };
  const make = (
    op: string,
    given: readonly (string | undefined)[],
    more: Readonly<Record<string, RawAttr>> = {},
  ): RawNode => ({
    name: node.name,
    op,
    inputs: given.map((input) => input ?? ''),
    attrs: new Map<string, RawAttr>([
      ['element_dtype', dtype],
      ['shape_type', { kind: 'type', value: 3 }],
      ...Object.entries(more),
    ]),
  });
  switch (node.op) {
    case 'TensorArrayV3':
      return make('TensorListReserve', [shape, inputs[0]]);
    case 'TensorArrayReadV3':
      return make('TensorListGetItem', [inputs[2], inputs[1], shape]);
    case 'TensorArrayWriteV3':
      return make('TensorListSetItem', [inputs[3], inputs[1], inputs[2]]);
    case 'TensorArrayScatterV3':
      return isRange(inputs[1], nodes) ? make('TensorListFromTensor', [inputs[2], shape]) : undefined;
    case 'TensorArrayGatherV3':
      return isRange(inputs[1], nodes)
        ? make('TensorListStack', [inputs[2], shape], { num_elements: { kind: 'int', value: -1 } })
        : undefined;
    case 'TensorArraySizeV3':
      return make('TensorListLength', [inputs[1]]);
    default:
      return undefined;
  }
}

/** Whether a reference is to 0, 1, 2 and so on: all elements in order. */
function isRange(ref: string | undefined, nodes: ReadonlyMap<string, RawNode>): boolean {
  const node = nodes.get(parseReference(ref ?? '^')?.name ?? '');
  if (node === undefined) return false;
  if (node.op === 'Const') return isCounted(node);
  if (node.op !== 'Range') return false;
  const [start, , step] = dataInputs(node);
  return scalarOf(start, nodes) === 0 && scalarOf(step, nodes) === 1;
}

function isCounted(node: RawNode): boolean {
  const value = node.attrs.get('value');
  const bytes = value?.kind === 'tensor' && value.value.type === 3 ? value.value.small() : undefined;
  if (bytes === undefined) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 4 }, (_, at) => view.getInt32(4 * at, true)).every(
    (index, at) => index === at,
  );
}

function scalarOf(ref: string | undefined, nodes: ReadonlyMap<string, RawNode>): number | undefined {
  const value = nodes.get(parseReference(ref ?? '^')?.name ?? '')?.attrs.get('value');
  const bytes = value?.kind === 'tensor' && value.value.type === 3 ? value.value.small() : undefined;
  return bytes === undefined ? undefined : firstNumber('i32', bytes);
}

/** A fresh array's flow was its second output; a list has one. */
function flowed(node: RawNode, nodes: ReadonlyMap<string, RawNode>): RawNode {
  const inputs = node.inputs.map((input) => {
    const target = parseReference(input);
    return target?.index === 1 && nodes.get(target.name)?.op === 'TensorArrayV3' ? target.name : input;
  });
  return { ...node, inputs };
}

/** What carries a list through loops and branches says so. */
function retyped(nodes: readonly RawNode[]): readonly RawNode[] {
  const lists = new Set(
    nodes
      .filter(({ op }) => /^TensorList(Reserve|FromTensor|SetItem)$/.test(op) || FLOWS.test(op))
      .map(({ name }) => name),
  );
  const readers = new Map<string, RawNode[]>();
  for (const node of nodes) {
    for (const input of PASSES.test(node.op) ? dataInputs(node) : []) {
      const name = parseReference(input)?.name ?? '';
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else list.push(node);
    }
  }
  const open = [...lists];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const reader of readers.get(name) ?? []) {
      if (lists.has(reader.name)) continue;
      lists.add(reader.name);
      open.push(reader.name);
    }
  }
  return nodes.map((node) =>
    PASSES.test(node.op) && lists.has(node.name)
      ? { ...node, attrs: new Map([...node.attrs, ['T', { kind: 'type', value: VARIANT }]]) }
      : node,
  );
}
