/**
 * Removes nodes that hand their input on unchanged: Identity, Dropout outside training, Cast to the same type, Reshape to
 * the same shape, Transpose in order, Pad by nothing, Concat of one, adding 0, multiplying by 1. A rewrite is only done
 * where types and shapes prove it.
 *
 * Given
 *   graph main(%x: f32[2, 3]) -> (%y) {
 *     %a: f32[2, 3] = Identity(%x) @a
 *     %b: f32[2, 3] = Relu(%a) @b
 *     %y: f32[2, 3] = Transpose(%b) {perm: ints[0, 1]} @t
 *   }
 *
 * Result
 *   graph main(%x: f32[2, 3]) -> (%y) {
 *     %y: f32[2, 3] = Relu(%x) @b
 *   }
 */
import { z } from 'zod';
import { checkCancelled } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Value, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import { inferShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';
import { Proof } from './identity-proof.ts';

const options = z.strictObject({});

/** No value has this id. */
const NO_VALUE = -1 as ValueId;

export const removeIdentity: Pass<z.infer<typeof options>> = {
  name: 'simplify/identity',
  title: 'Remove no-ops',
  summary: 'Removes nodes that hand their input on unchanged.',
  // Adding 0 turns -0 into +0, so not every bit is kept.
  keeps: 'values',
  options,
  run,
};

async function run(edit: Editor, _options: z.infer<typeof options>, desk: Desk): Promise<PassResult> {
  const ledger: LedgerEntry[] = [];
  // Taken once: an editor makes a snapshot of the whole model for each look at it.
  const opset = opsetOf(edit.model.opsets, '');
  const types = allValues((await inferShapes(edit.model, desk.weights)).graph);
  for (const listed of edit.nodes()) {
    checkCancelled(desk.signal);
    // The node as it stands now: one that was removed before it may have changed its inputs.
    const node = edit.producer(listed.outputs.find((id) => id !== null) ?? NO_VALUE);
    if (node === undefined) continue;
    const found = await new Proof(edit, node, types, desk.weights, opset).passesOn();
    if (found === undefined) continue;
    if (!desk.includes(node.name, node.op)) {
      ledger.push({ layer: node.name, action: 'left', code: 'excluded', text: desk.whyNot(node.name, node.op) });
      continue;
    }
    const problem = bypass(edit, node, found.input, types);
    ledger.push(
      problem === undefined
        ? { layer: node.name, action: 'changed', code: 'removed', text: `Removed this ${node.op}: ${found.because}.` }
        : {
            layer: node.name,
            action: 'left',
            code: 'output',
            text: `It hands its input on unchanged, but ${problem}.`,
          },
    );
  }
  return { ledger, notices: [] };
}

/** Lets readers of the node's first output read `input` instead; says why where that cannot be done. */
function bypass(edit: Editor, node: Node, input: ValueId, types: ReadonlyMap<ValueId, Value>): string | undefined {
  const output = node.outputs[0] ?? null;
  if (output === null) return 'it has no output';
  if (!edit.isOutput(output)) {
    edit.replaceUses(output, input);
    edit.removeNode(node);
    return undefined;
  }
  // The output's name is the model's promise, so the value that takes its place must be able to take the name.
  const producer = edit.producer(input);
  if (producer === undefined || edit.isOutput(input) || edit.constantOf(input) !== undefined) {
    return 'its result is an output of the model and its input has a name that must stay';
  }
  const [here, there] = [edit.pathOf(node), edit.pathOf(producer)];
  if (JSON.stringify(here) !== JSON.stringify(there)) return 'its result is an output of another graph than its input';
  const { name, shape, dtype } = edit.value(output);
  edit.replaceUses(output, input, true);
  edit.removeNode(node);
  edit.setValue(input, { name, shape: shape ?? types.get(input)?.shape ?? null, dtype });
  return undefined;
}
