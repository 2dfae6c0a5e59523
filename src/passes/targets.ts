/**
 * Finds the weights that a lossy pass may work on, each once however many layers share it, and says of every other
 * compressible layer why it is left alone.
 */
import { countOf, isFloat } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Tensor, ValueId } from '#ir/model.ts';
import type { Desk, LedgerEntry } from './pass.ts';
import { compressibleInputs, type CompressibleInput } from './weight-roles.ts';

/** A weight, and the layers that multiply with it. */
export interface Target {
  readonly value: ValueId;
  readonly name: string;
  readonly tensor: Tensor;
  /** The layer that owns it: the first that reads it. */
  readonly node: Node;
  readonly role: CompressibleInput;
  /** All layers that read it as a weight, the owner first. */
  readonly layers: readonly { readonly node: Node; readonly role: CompressibleInput }[];
}

export interface Found {
  readonly targets: readonly Target[];
  readonly ledger: readonly LedgerEntry[];
}

export function findTargets(edit: Editor, desk: Desk): Found {
  const ledger: LedgerEntry[] = [];
  const byValue = new Map<ValueId, { node: Node; role: CompressibleInput }[]>();
  for (const node of edit.nodes()) {
    const shapeOf = (input: number): readonly number[] | undefined => edit.constantOf(node.inputs[input])?.shape;
    const roles = compressibleInputs(node, shapeOf);
    const constant = roles.filter((role) => shapeOf(role.input) !== undefined && !isLookedUpShape(edit, node, role));
    // Of a product's two operands the second is the one that holds the weight in most models.
    const usual = roles.find((role) => role.input === 1) ?? roles[0];
    if (constant.length === 0 && usual !== undefined) ledger.push(...notConstant(edit, node, usual));
    for (const role of constant) {
      const id = node.inputs[role.input]!;
      const layers = byValue.get(id);
      if (layers === undefined) byValue.set(id, [{ node, role }]);
      else layers.push({ node, role });
    }
  }
  const targets: Target[] = [];
  for (const [id, layers] of byValue) {
    const { node, role } = layers[0]!;
    const tensor = edit.constantOf(id)!;
    const target: Target = { value: id, name: edit.value(id).name, tensor, node, role, layers };
    const problem = reasonToLeave(edit, desk, target);
    if (problem === undefined) targets.push(target);
    else for (const layer of layers) ledger.push(left(target, problem.code, problem.text, layer.node));
  }
  return { targets, ledger };
}

/** A ledger line for a weight that stays as it is. */
export function left(target: Target, code: string, text: string, node: Node = target.node): LedgerEntry {
  return { layer: node.name, weight: target.name, action: 'left', code, text };
}

/** Lines for the other layers of a shared weight, so that each layer finds itself in the ledger. */
export function sharedLines(target: Target, action: LedgerEntry['action']): readonly LedgerEntry[] {
  return target.layers.slice(1).map(({ node }) => ({
    layer: node.name,
    weight: target.name,
    action,
    code: 'shared',
    text: `Shares its weight with ${target.node.name}, where the figures stand.`,
  }));
}

/** Gather looks up shapes and positions more often than embeddings: integer tables are no weights. */
function isLookedUpShape(edit: Editor, node: Node, role: CompressibleInput): boolean {
  const tensor = edit.constantOf(node.inputs[role.input]);
  return (
    role.table &&
    tensor !== undefined &&
    !isFloat(tensor.dtype) &&
    edit.value(node.inputs[role.input]!).quantization === undefined
  );
}

function notConstant(edit: Editor, node: Node, role: CompressibleInput): readonly LedgerEntry[] {
  const id = node.inputs[role.input];
  if (id === null || id === undefined || role.table) return [];
  const producer = edit.producer(id);
  const dequantized = producer?.op === 'DequantizeLinear';
  const from =
    producer === undefined ? 'comes from outside the model' : `is computed by ${producer.op} "${producer.name}"`;
  return [
    {
      layer: node.name,
      weight: edit.value(id).name,
      action: 'left',
      code: dequantized ? 'already-quantized' : 'not-constant',
      text: dequantized
        ? `Its weight is already quantized: it is made by DequantizeLinear "${producer.name}". Start from the float model to change that.`
        : `Its second operand ${from}, so there is no stored weight. Where that is computed from constants alone, fold constants first.`,
    },
  ];
}

function reasonToLeave(edit: Editor, desk: Desk, target: Target): { code: string; text: string } | undefined {
  const { tensor, value, layers } = target;
  const outside = layers.find(({ node }) => !desk.includes(node.name, node.op));
  if (outside !== undefined) {
    const why = desk.whyNot(outside.node.name, outside.node.op);
    if (layers.length === 1 || layers.every(({ node }) => !desk.includes(node.name, node.op)))
      return { code: 'excluded', text: why };
    return {
      code: 'shared-with-excluded',
      text: `Shares its weight with ${outside.node.name}, which is left out: ${why}`,
    };
  }
  if (countOf(tensor.shape) === 0) {
    return { code: 'empty', text: 'Its weight has no elements, so there is nothing to compress.' };
  }
  if (edit.value(value).quantization !== undefined) {
    return {
      code: 'already-quantized',
      text: 'Its weight was quantized by an earlier step. Leave that step out to change it.',
    };
  }
  if (!isFloat(tensor.dtype) || !['f32', 'f16', 'bf16', 'f64'].includes(tensor.dtype)) {
    return {
      code: 'not-float',
      text: `Its weight is stored as ${tensor.dtype}, not as floating point, and is kept as it is.`,
    };
  }
  return undefined;
}
