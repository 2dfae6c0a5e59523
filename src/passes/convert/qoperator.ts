/**
 * Asks for QOperator form: a file with operators of integers (QLinearConv, QLinearMatMul ...) instead of QuantizeLinear and
 * DequantizeLinear around float ones. Runtimes that fuse those themselves gain nothing; those that do not cannot run integers
 * without. The model keeps its quantization on values: what changes is how a file spells it.
 *
 * Given:  y = Conv(x, w)       x, y rounded to u8; w: i8; written as Q -> DQ -> Conv -> Q -> DQ
 * Result: y = Conv(x, w)       the same; written as Q -> QLinearConv -> DQ
 *
 * It keeps accuracy, not values: an integer operator rounds its sum once, where DQ, float operator and Q round it anew at each
 * step. onnxruntime fuses the pairs into the same operators, so there both files give the same bits.
 */
import { z } from 'zod';
import type { Editor } from '#ir/editor.ts';
import type { LedgerEntry, Pass, PassResult } from '#passes/pass.ts';

const options = z.strictObject({});

export const convertQOperator: Pass<z.infer<typeof options>> = {
  name: 'convert/qoperator',
  title: 'Integer operators',
  summary:
    'Writes quantized layers as operators of integers (QLinearConv and kin) instead of Q and DQ around float ones.',
  keeps: 'accuracy',
  options,
  after: ['quantize/static'],
  run: (edit) => Promise.resolve(run(edit)),
};

function run(edit: Editor): PassResult {
  const ledger: LedgerEntry[] = [];
  let spelled = 0;
  for (const node of edit.nodes()) {
    if (node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear') spelled++;
    const rounded = node.outputs.filter((id) => id !== null && edit.value(id).quantization?.levels !== undefined);
    if (rounded.length === 0) continue;
    const text = `Written as an operator of integers where there is one for ${node.op} and everything around it is rounded too.`;
    ledger.push({ layer: node.name, action: 'changed', code: 'qoperator', text });
  }
  for (const id of rounded(edit)) edit.setQuantization(id, { ...edit.value(id).quantization!, form: 'qoperator' });
  if (ledger.length > 0) return { ledger, notices: [] };
  const text =
    spelled > 0
      ? 'Its QuantizeLinear and DequantizeLinear nodes came with the file and are kept as they are: quantize the float model to get the other form.'
      : 'No activation is rounded, so there is nothing to write as integer operators: "Quantize weights and activations" (quantize/static) comes first.';
  return { ledger: [{ layer: '', action: 'left', code: 'nothing-rounded', text }], notices: [] };
}

/** Inputs and results that are rounded, in every graph. */
function rounded(edit: Editor) {
  const made = edit.nodes().flatMap((node) => [...node.inputs, ...node.outputs]);
  const ids = new Set([...edit.graph.inputs, ...made].filter((id) => id !== null));
  return [...ids].filter((id) => edit.value(id).quantization?.levels !== undefined);
}
