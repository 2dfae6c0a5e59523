/**
 * Decides for each layer how it will run on activations that are rounded at run time, as plain data: which operator, which
 * weights share scales, which levels they get; or why it stays as it is.
 */
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import { schemeOf, type LevelScheme } from '#passes/quantize/conventions.ts';
import { groupChannels, groupTensor, type Grouping } from '#passes/quantize/granularity.ts';
import { quantizeOptions } from '#passes/quantize/options.ts';
import type { Refusal, WeightPlan } from '#passes/quantize/plan.ts';
import type { Target } from '#passes/targets.ts';
import type { DynamicOptions } from './options.ts';

/** What a layer becomes. `stored`: its weight is stored in integers and nothing else changes. */
export type Form = 'product' | 'convolution' | 'recurrent' | 'lookup' | 'attention' | 'stored';

export interface LayerPlan {
  readonly node: Node;
  readonly form: Form;
  /** In the order of the node's inputs. */
  readonly weights: readonly WeightPlan[];
  /** How the file spells it, for the ledger. */
  readonly written: string;
}

export function planLayer(
  edit: Editor,
  node: Node,
  targets: readonly Target[],
  options: DynamicOptions,
): LayerPlan | Refusal {
  const refusal = refuse(edit, node, targets, options);
  if (refusal !== undefined) return refusal;
  const form = formOf(node, options);
  if (typeof form !== 'string') return form;
  const weights = targets.map((target) => weightPlan(target, form, groupingOf(target, node, form, options), options));
  return { node, form, weights, written: WRITTEN[form] };
}

const WRITTEN: Readonly<Record<Form, string>> = {
  product: 'MatMulInteger',
  convolution: 'ConvInteger',
  recurrent: 'DynamicQuantizeLSTM',
  lookup: 'Gather of int8 rows',
  attention: 'QAttention',
  stored: 'DequantizeLinear in front of it',
};

/** What holds for every form. */
function refuse(edit: Editor, node: Node, targets: readonly Target[], options: DynamicOptions): Refusal | undefined {
  const small = targets.find(({ tensor }) => countOf(tensor.shape) < options.minimumElements);
  if (small !== undefined) {
    const count = countOf(small.tensor.shape);
    return {
      code: 'too-small',
      text: `Its weight has ${String(count)} elements, fewer than the ${String(options.minimumElements)} asked for; a lower "Smallest weight" would include it.`,
    };
  }
  const other = targets.find(({ tensor }) => tensor.dtype !== 'f32');
  if (other !== undefined) {
    return {
      code: 'not-float32',
      text: `Its weight is ${other.tensor.dtype}: rounding at run time is defined for float32. Start from the float32 model to change that.`,
    };
  }
  const unread = node.outputs.every((id) => id === null || (edit.users(id).length === 0 && !edit.isOutput(id)));
  return unread
    ? { code: 'unread', text: 'Nobody reads what it computes; dropping what is unused removes it.' }
    : undefined;
}

function formOf(node: Node, options: DynamicOptions): Form | Refusal {
  switch (node.op) {
    case 'MatMul':
      return 'product';
    case 'Gemm':
      return numberOf(node, 'transA', 0) === 0
        ? 'product'
        : { code: 'transposed-input', text: 'It transposes its input, which no integer product does.' };
    case 'Conv':
      if (options.convolutions === 'float') {
        return { code: 'convolutions-float', text: 'Convolutions stay in float, as the option "Convolutions" says.' };
      }
      return options.convolutions === 'integers' ? 'convolution' : 'stored';
    case 'LSTM':
      return numberOf(node, 'layout', 0) === 0
        ? 'recurrent'
        : {
            code: 'layout',
            text: 'DynamicQuantizeLSTM takes steps first; this layer takes the batch first (layout 1).',
          };
    case 'Gather':
      return options.tables
        ? 'lookup'
        : { code: 'tables-float', text: 'Lookup tables stay in float, as the option "Lookup tables" says.' };
    case 'EmbedLayerNormalization':
      return options.tables
        ? 'stored'
        : { code: 'tables-float', text: 'Lookup tables stay in float, as the option "Lookup tables" says.' };
    case 'Attention':
      return node.domain === 'com.microsoft' ? attentionForm(node) : noKernel(node);
    default:
      return noKernel(node);
  }
}

function noKernel(node: Node): Refusal {
  return {
    code: 'no-dynamic-kernel',
    text: `onnxruntime has no ${node.op} that rounds activations at run time. "Quantize weights" (quantize/weights) stores its weight in integers all the same.`,
  };
}

function attentionForm(node: Node): Form | Refusal {
  const given = (input: number): boolean => node.inputs[input] !== null && node.inputs[input] !== undefined;
  const text = node.attrs.has('qkv_hidden_sizes')
    ? 'QAttention takes query, key and value of one width; this layer has three.'
    : given(5) || given(6)
      ? 'QAttention takes no attention bias and no past length; this layer has one.'
      : given(2)
        ? undefined
        : 'QAttention needs a bias; this layer has none.';
  return text === undefined ? 'attention' : { code: 'no-dynamic-kernel', text };
}

function groupingOf(target: Target, node: Node, form: Form, { granularity }: DynamicOptions): Grouping {
  const { shape } = target.tensor;
  const [first = 1, second = 1] = shape;
  const channels = granularity === 'channel';
  // Gate rows of all directions, one after the other; per tensor means one scale a direction.
  if (form === 'recurrent') {
    const rows = channels ? first * second : first;
    return groupChannels([rows, countOf(shape) / rows], 0);
  }
  const { axis } = roleOf(target, node);
  const along = form === 'lookup' ? (axis === 0 && shape.length === 2 ? 0 : null) : axis;
  const vectorsOnly = form === 'product' && shape.length !== 2;
  return channels && along !== null && !vectorsOnly ? groupChannels(shape, along) : groupTensor(shape);
}

/** The role in which this node, not the weight's owner, reads the weight. */
export function roleOf(target: Target, node: Node): Target['role'] {
  return target.layers.find((layer) => layer.node === node)?.role ?? target.role;
}

function weightPlan(target: Target, form: Form, grouping: Grouping, options: DynamicOptions): WeightPlan {
  // Only unsigned weights have a fast kernel of ConvInteger.
  const signed = form !== 'convolution';
  const scheme = reduced(schemeOf(8, signed, true, 'narrow'), options.reduceRange);
  const zeroPoints = form === 'convolution' ? 1 : form === 'stored' ? 0 : grouping.rows;
  return {
    target,
    options: quantizeOptions.parse({ bits: 8, signed }),
    grouping,
    scheme,
    form: 'dequantize',
    dataType: signed ? 'i8' : 'u8',
    scaleType: 'f32',
    bytesAfter: countOf(grouping.shape) + grouping.rows * 4 + (form === 'lookup' && grouping.rows > 1 ? 0 : zeroPoints),
    opset: 0,
  };
}

/** -64..64 instead of -127..127, as onnxruntime's quantizer has it. */
function reduced(scheme: LevelScheme, reduce: boolean): LevelScheme {
  if (!reduce) return scheme;
  const { middle, signed } = scheme;
  return {
    ...scheme,
    low: middle - 64,
    high: middle + 64,
    divisor: 64,
    name: `${signed ? 'int' : 'uint'}8-symmetric-reduced-64`,
  };
}

export function numberOf(node: Node, name: string, otherwise: number): number {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' || attr?.type === 'float' ? Number(attr.value) : otherwise;
}

/** Why a node's weights, as they were found, cannot be taken together. */
export function missingWeight(edit: Editor, node: Node, targets: readonly Target[]): Refusal | undefined {
  const needed: Readonly<Record<string, readonly number[]>> = { LSTM: [1, 2], MatMul: [1], Gemm: [1], Conv: [1] };
  const inputs = needed[node.op];
  if (inputs === undefined) return undefined;
  const has = (input: number): boolean => targets.some((target) => target.value === node.inputs[input]);
  const missing = inputs.find((input) => !has(input));
  if (missing === undefined && targets.length === inputs.length) return undefined;
  if (missing !== undefined && node.op !== 'LSTM') {
    const name = nameOf(edit, node.inputs[missing]);
    return {
      code: 'weight-on-the-left',
      text: `Its weight is the first operand; the second, "${name}", is no constant.`,
    };
  }
  if (missing === undefined)
    return { code: 'two-weights', text: 'Both operands are constants: folding constants removes it.' };
  return {
    code: 'half-constant',
    text: `Its weight "${nameOf(edit, node.inputs[missing])}" is not one that can be quantized.`,
  };
}

function nameOf(edit: Editor, id: ValueId | null | undefined): string {
  return id === null || id === undefined ? '' : edit.value(id).name;
}
