/**
 * Removes what no output depends on: nodes whose results nobody reads, and constants without a reader.
 *
 * Given
 *   graph main(%x: f32[2]) -> (%y) {
 *     %c: f32[2] = const [1, 2]
 *     %a = Add(%x, %c) @a
 *     %b = Exp(%a) @b
 *     %y = Relu(%x) @y
 *   }
 *
 * Result
 *   graph main(%x: f32[2]) -> (%y) {
 *     %y = Relu(%x) @y
 *   }
 */
import { z } from 'zod';
import { bytesFor, countOf } from '#base/dtype.ts';
import { checkCancelled } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import { operatorName, operatorOf } from '#ops/table.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';

const options = z.strictObject({});

export const removeUnused: Pass<z.infer<typeof options>> = {
  name: 'simplify/unused',
  title: 'Remove unused parts',
  summary: 'Removes nodes and constants that no output depends on.',
  keeps: 'bits',
  options,
  run: (edit, _options, desk) => Promise.resolve(run(edit, desk)),
};

function run(edit: Editor, desk: Desk): PassResult {
  const ledger: LedgerEntry[] = [];
  // From the last node to the first, so that a chain of unread nodes goes in one sweep; nodes of subgraphs come before theirs.
  for (const node of edit.nodes().toReversed()) {
    checkCancelled(desk.signal);
    if (isRead(edit, node)) continue;
    const entry = whyLeft(node, desk);
    if (entry === undefined) edit.removeNode(node);
    const text = `Removed: nothing reads the result of this ${node.op}.`;
    ledger.push(entry ?? { layer: node.name, action: 'changed', code: 'removed', text });
  }
  return { ledger: [...ledger.toReversed(), ...removeConstants(edit)], notices: [] };
}

function isRead(edit: Editor, node: Node): boolean {
  if (node.outputs.every((id) => id === null)) return true;
  return node.outputs.some((id) => id !== null && (edit.isOutput(id) || edit.users(id).length > 0));
}

function whyLeft(node: Node, desk: Desk): LedgerEntry | undefined {
  const name = operatorName(node.domain, node.op);
  const entry = (code: string, text: string): LedgerEntry => ({ layer: node.name, action: 'left', code, text });
  if (operatorOf(node.domain, node.op) === undefined) {
    return entry(
      'unknown-operator',
      `Nothing reads its result, but the operator ${name} is not known to have no side effects.`,
    );
  }
  return desk.includes(node.name, node.op) ? undefined : entry('excluded', desk.whyNot(node.name, node.op));
}

function removeConstants(edit: Editor): readonly LedgerEntry[] {
  const ledger: LedgerEntry[] = [];
  for (const { id, name, constant, quantization } of allValues(edit.graph).values()) {
    if (constant === undefined || edit.isOutput(id) || edit.users(id).length > 0) continue;
    const parts = [constant, quantization?.scale, quantization?.zeroPoint].filter((part) => part !== undefined);
    const sizeBytes = parts.reduce((sum, part) => sum + bytesFor(part.dtype, countOf(part.shape)), 0);
    edit.removeValue(id);
    ledger.push({
      layer: '',
      weight: name,
      action: 'changed',
      code: 'removed',
      text: `Removed the constant ${name} (${String(sizeBytes)} bytes): no layer reads it.`,
    });
  }
  return ledger;
}
