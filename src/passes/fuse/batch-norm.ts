/**
 * Folds BatchNormalization into the layer before it, in double precision. With a = scale / sqrt(var + epsilon), output
 * channel o of the weight is multiplied by a[o] and the bias becomes a * bias + (shift - a * mean).
 *
 * Given:  c = Conv(x, w, b);  y = BatchNormalization(c, scale, shift, mean, var)
 * Result: y = Conv(x, w', b')
 *
 * Conv, ConvTranspose (grouped ones too), Gemm, and MatMul with or without a bias added behind it.
 */
import { z } from 'zod';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attr, Node, Tensor, ValueId } from '#ir/model.ts';
import { dropUnread, replaceConstant } from '#passes/constants.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';
import { channelsOf, findHost, type Host, type Refusal } from './batch-norm-host.ts';

const options = z.strictObject({});

export const fuseBatchNorm: Pass<z.infer<typeof options>> = {
  name: 'fuse/batch-norm',
  title: 'Fold BatchNormalization',
  summary: 'Folds BatchNormalization into the Conv, ConvTranspose, Gemm or MatMul before it.',
  keeps: 'values',
  options,
  after: ['simplify/fold-constants', 'simplify/identity'],
  run,
};

async function run(edit: Editor, _options: object, desk: Desk): Promise<PassResult> {
  const ledger: LedgerEntry[] = [];
  const norms = edit.nodes().filter((node) => node.op === 'BatchNormalization' && node.domain === '');
  for (const [index, norm] of norms.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Folding ${norm.name}`, done: index, of: norms.length });
    ledger.push(await fold(edit, norm, desk));
  }
  return { ledger, notices: [] };
}

async function fold(edit: Editor, norm: Node, desk: Desk): Promise<LedgerEntry> {
  const leave = ({ code, text }: Refusal): LedgerEntry => ({ layer: norm.name, action: 'left', code, text });
  if (!desk.includes(norm.name, norm.op)) return leave({ code: 'excluded', text: desk.whyNot(norm.name, norm.op) });
  const host = findHost(edit, norm);
  if ('code' in host) return leave(host);
  if (!desk.includes(host.node.name, host.node.op)) {
    return leave({ code: 'excluded', text: desk.whyNot(host.node.name, host.node.op) });
  }
  try {
    const affine = await affineOf(edit, norm, host.channels, desk);
    if ('code' in affine) return leave(affine);
    await foldInto(edit, norm, host, affine, desk);
  } catch (error) {
    if (error instanceof PareError) return leave({ code: 'not-finite', text: error.message });
    throw error;
  }
  return {
    layer: host.node.name,
    action: 'changed',
    code: 'fused',
    text: `BatchNormalization "${norm.name}" is folded into its weight and bias.`,
  };
}

interface Affine {
  /** What each output channel is multiplied by, and what is added after that. */
  readonly factor: Float64Array;
  readonly shift: Float64Array;
}

async function affineOf(edit: Editor, norm: Node, channels: number, desk: Desk): Promise<Affine | Refusal> {
  const parts: Float32Array[] = [];
  for (const id of norm.inputs.slice(1, 5)) {
    const tensor = edit.constantOf(id);
    if (tensor === undefined) return { code: 'not-constant', text: 'Its statistics are not constant.' };
    if (tensor.dtype !== 'f32')
      return { code: 'not-float', text: `Its statistics are ${tensor.dtype}; only float32 is folded.` };
    parts.push(await desk.floats(tensor));
  }
  const [scale, bias, mean, variance] = parts;
  if (!scale || !bias || !mean || !variance || parts.some((part) => part.length !== channels)) {
    return {
      code: 'channels',
      text: `Its statistics are not for the ${String(channels)} channels of the layer before it.`,
    };
  }
  const epsilon = norm.attrs.get('epsilon');
  const small = epsilon?.type === 'float' ? epsilon.value : 1e-5;
  const factor = new Float64Array(channels);
  const shift = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    factor[c] = scale[c]! / Math.sqrt(variance[c]! + small);
    shift[c] = bias[c]! - factor[c]! * mean[c]!;
    if (!Number.isFinite(factor[c])) {
      return {
        code: 'not-finite',
        text: `Channel ${String(c)} has variance ${String(variance[c])}, which gives no finite factor.`,
      };
    }
  }
  return { factor, shift };
}

async function foldInto(edit: Editor, norm: Node, host: Host, { factor, shift }: Affine, desk: Desk): Promise<void> {
  const weights = await desk.floats(host.weight.tensor);
  const channels = channelsOf(host);
  const scaled = new Float32Array(weights.length);
  for (let i = 0; i < weights.length; i++) scaled[i] = weights[i]! * factor[channels(i)]!;
  const old = host.bias === undefined ? undefined : await desk.floats(host.bias.tensor);
  const moved = new Float32Array(host.channels);
  for (let c = 0; c < moved.length; c++) {
    const bias = old === undefined ? 0 : old[old.length === 1 ? 0 : c]! * host.biasFactor;
    moved[c] = bias * factor[c]! + shift[c]!;
  }
  putWeight(edit, host, desk.weights.put('f32', host.weight.tensor.shape, copyBytes(scaled)));
  putBias(edit, norm, host, desk.weights.put('f32', [host.channels], copyBytes(moved)));
}

/** A weight that other layers read too keeps its values for them. */
function putWeight(edit: Editor, host: Host, tensor: Tensor): void {
  const { id, input } = host.weight;
  if (edit.users(id).length === 1 && !edit.isOutput(id)) replaceConstant(edit, id, tensor);
  else
    setInput(
      edit,
      host.node,
      input,
      edit.addConstant(`${edit.value(id).name}_folded`, tensor, undefined, edit.pathOf(host.node)),
    );
}

function setInput(edit: Editor, node: Node, input: number, id: ValueId): void {
  const current = edit.nodes().find((candidate) => candidate.id === node.id) ?? node;
  const inputs = [...current.inputs];
  while (inputs.length <= input) inputs.push(null);
  inputs[input] = id;
  edit.setInputs(current, inputs);
}

/** The bias goes into the layer, or into the Add behind a MatMul; a MatMul without one gets it where the norm was. */
function putBias(edit: Editor, norm: Node, host: Host, tensor: Tensor): void {
  const [normed = null] = norm.outputs;
  if (normed === null) return;
  const old = host.bias?.id;
  const name = old === undefined ? `${host.node.name}_bias` : `${edit.value(old).name}_folded`;
  const bias = edit.addConstant(name, tensor, undefined, edit.pathOf(norm));
  const statistics = norm.inputs.slice(1);
  if (host.biasNode === 'replace-norm') {
    edit.setAttrs(norm, new Map<string, Attr>());
    edit.setInputs(edit.setOp(norm, 'Add'), [host.output, bias]);
  } else {
    setInput(edit, host.biasNode, host.biasInput, bias);
    if (host.node.op === 'Gemm') forgetBeta(edit, host.node);
    const published = edit.value(normed).name;
    edit.replaceUses(normed, host.output, true);
    edit.removeNode(norm);
    edit.setValue(host.output, { name: published });
  }
  if (old !== undefined) dropUnread(edit, old);
  // A constant may stand for two statistics, as a mean and shift of zeros.
  for (const id of new Set(statistics)) if (id !== null) dropUnread(edit, id);
}

/** Gemm's beta is in the new bias. */
function forgetBeta(edit: Editor, node: Node): void {
  const current = edit.nodes().find((candidate) => candidate.id === node.id) ?? node;
  const attrs = new Map(current.attrs);
  attrs.delete('beta');
  edit.setAttrs(current, attrs);
}
