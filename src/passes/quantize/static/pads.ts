/** Which Pad layers add only values that their input's grid holds: zeros, or copies of what is there. */
import type { Editor } from '#ir/editor.ts';
import type { Node } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { Call } from '#ops/call.ts';
import { decode, numbersOf } from '#ops/dense.ts';

export async function padsWithZero(edit: Editor, store: WeightStore, opset: number): Promise<ReadonlySet<Node>> {
  const found = new Set<Node>();
  for (const node of edit.graph.nodes) {
    if (node.op === 'Pad' && (await keepsGrid(edit, store, new Call(node, opset, [])))) found.add(node);
  }
  return found;
}

async function keepsGrid(edit: Editor, store: WeightStore, call: Call): Promise<boolean> {
  const mode = call.string('mode', 'constant');
  if (mode !== 'constant') return mode === 'reflect' || mode === 'edge' || mode === 'wrap';
  if (call.attr('value') !== undefined) return call.float('value', 0) === 0;
  if (!call.has(2)) return true;
  const tensor = edit.constantOf(call.node.inputs[2]);
  if (tensor === undefined || edit.value(call.node.inputs[2]!).quantization !== undefined) return false;
  const dense = decode(tensor.dtype, tensor.shape, await store.read(tensor));
  return dense !== undefined && numbersOf(dense)?.[0] === 0;
}
