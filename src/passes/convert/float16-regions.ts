/** Decides which nodes compute in half precision, and why the others do not. */
import type { DType } from '#base/dtype.ts';
import { kindOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, NodeId, Value, ValueId } from '#ir/model.ts';
import type { Desk } from '#passes/pass.ts';
import { reasonToStayFloat } from './float16-operators.ts';

export interface StayReason {
  readonly code: string;
  readonly text: string;
}

export interface Regions {
  /** Nodes that compute in half precision. */
  readonly half: ReadonlySet<NodeId>;
  /** Nodes with float values that stay float, with the reason. */
  readonly float: ReadonlyMap<NodeId, StayReason>;
}

/** `types` are the element types of all values as far as they are known. */
export function findRegions(edit: Editor, types: ReadonlyMap<ValueId, Value>, desk: Desk): Regions {
  const half = new Set<NodeId>();
  const float = new Map<NodeId, StayReason>();
  const sizes = new Set<ValueId>();
  const dtypeOf = (id: ValueId): DType | null => types.get(id)?.dtype ?? edit.value(id).dtype;
  for (const node of edit.nodes()) {
    followSizes(edit, node, sizes);
    const ids = [...node.inputs, ...node.outputs].filter((id) => id !== null);
    const touchesFloat = ids.some((id) => dtypeOf(id) === 'f32');
    if (!touchesFloat || node.op === 'Constant') continue;
    const reason = stayReason(edit, node, ids, dtypeOf, sizes, desk);
    if (reason === undefined) half.add(node.id);
    else float.set(node.id, reason);
  }
  return { half, float };
}

function stayReason(
  edit: Editor,
  node: Node,
  ids: readonly ValueId[],
  dtypeOf: (id: ValueId) => DType | null,
  sizes: ReadonlySet<ValueId>,
  desk: Desk,
): StayReason | undefined {
  const barred = reasonToStayFloat(node);
  if (barred !== undefined) return { code: 'stays-float', text: `${node.op} stays float: ${barred}.` };
  if (!desk.includes(node.name, node.op)) return { code: 'excluded', text: desk.whyNot(node.name, node.op) };
  const unknown = ids.find((id) => dtypeOf(id) === null);
  if (unknown !== undefined) {
    return {
      code: 'unknown-type',
      text: `${node.op} stays float: the element type of "${edit.value(unknown).name}" is not known.`,
    };
  }
  if (node.outputs.some((id) => id !== null && sizes.has(id))) {
    return {
      code: 'size-arithmetic',
      text: `${node.op} stays float: it computes sizes, and half precision is exact only up to 2048.`,
    };
  }
  const odd = ids.find((id) => dtypeOf(id) === 'bf16' || dtypeOf(id) === 'f64');
  if (odd !== undefined) {
    return { code: 'mixed-types', text: `${node.op} stays float: it also works with ${String(dtypeOf(odd))}.` };
  }
  const quantized = node.inputs.find((id) => id !== null && edit.value(id).quantization !== undefined);
  if (quantized !== undefined && quantized !== null) {
    return {
      code: 'already-quantized',
      text: `${node.op} stays float: its weight is quantized, with scales in float.`,
    };
  }
  return undefined;
}

/** Float values computed from sizes alone (Shape, Size and constants): sizes beyond 2048 would come out wrong in half precision. */
function followSizes(edit: Editor, node: Node, sizes: Set<ValueId>): void {
  const inputs = node.inputs.filter((id) => id !== null && edit.constantOf(id) === undefined);
  const fromSizes =
    node.op === 'Shape' ||
    node.op === 'Size' ||
    (inputs.length > 0 && inputs.every((id) => id !== null && sizes.has(id)) && node.op !== 'ConstantOfShape');
  if (!fromSizes) return;
  for (const output of node.outputs) if (output !== null && !isText(edit.value(output))) sizes.add(output);
}

function isText(value: Value): boolean {
  return value.dtype !== null && kindOf(value.dtype) === 'string';
}
