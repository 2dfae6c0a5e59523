/** Why a node is computed in float, as a sentence, with a second one that says what would change it. */
import { bitsOf, type DType } from '#base/dtype.ts';
import type { Grid, LintGraph, LintNode, Wire } from './graph.ts';
import { isDequantize } from './graph.ts';

export type Why =
  | { readonly code: 'float-input'; readonly wire: Wire | null; readonly maker: LintNode | null }
  | { readonly code: 'too-many-quantized'; readonly count: number }
  | { readonly code: 'graph-output' | 'read-inside'; readonly node: LintNode }
  | { readonly code: 'float-reader' | 'output-not-quantized'; readonly reader: LintNode | null }
  | { readonly code: 'activation-behind'; readonly node: LintNode }
  | { readonly code: 'types-differ'; readonly types: readonly [DType, DType] }
  | { readonly code: 'no-kernel-of-width'; readonly type: DType }
  | { readonly code: 'bias-type'; readonly type: DType; readonly wire: Wire | null }
  | { readonly code: 'grids-differ'; readonly from: Grid; readonly to: Grid }
  | { readonly code: 'old-opset'; readonly since: number }
  | {
      readonly code:
        | 'no-integer-kernel'
        | 'unsigned-weight'
        | 'signed-activation'
        | 'beta'
        | 'not-one-scale'
        | 'zero-point-left-out'
        | 'negative-scale'
        | 'weight-only'
        | 'scales-back'
        | 'not-quantized'
        | 'unknown';
    };

/** Operators that tools quantize although onnxruntime computes them in float: Q and DQ around them cost time and accuracy. */
const FOLDABLE: Readonly<Record<string, string>> = {
  BatchNormalization: 'Folding it into the convolution before it (pass fuse/batch-norm) removes it.',
  Relu: 'Behind a quantized operator with an unsigned grid that starts at 0 it costs nothing.',
  Clip: 'Behind a quantized operator whose grid ends where it clips it costs nothing.',
};

export function sentenceOf(graph: LintGraph, node: LintNode, why: Why): string {
  switch (why.code) {
    case 'no-integer-kernel':
      return `onnxruntime has no integer kernel for ${node.op}. ${noKernelHint(graph, node)}`;
    case 'not-quantized':
      return 'Neither what it reads nor what it gives is quantized. Quantizing both would change that.';
    case 'float-input':
      return `${inputName(graph, why.wire)} is not quantized${madeBy(graph, why.wire, why.maker)}. ${floatInputHint(graph, why)}`;
    case 'too-many-quantized':
      return `More of its inputs are quantized than the ${String(why.count)} that its kernel takes as integers.`;
    case 'graph-output':
      return `Its result ${quoted(outputName(graph, why.node))} is an output of the model and leaves in float. A quantized copy behind it (Q and DQ before the output) would change that.`;
    case 'read-inside':
      return 'Its result is read inside a subgraph, beyond which onnxruntime does not look for QuantizeLinear.';
    case 'float-reader':
      return `${reader(why.reader)} also reads its result, in float. Quantizing that reader too would change it.`;
    case 'output-not-quantized':
      return `Its result is not quantized${why.reader === null ? '' : `: ${nodeName(why.reader)} reads it in float`}. Quantizing the output would change that.`;
    case 'activation-behind':
      return `${nodeName(why.node)} behind it is kept, because the grid of the output does not imply it. An unsigned grid that starts where the activation clips would change that.`;
    case 'types-differ':
      return `Its inputs and outputs hold different integers (${why.types[0]} and ${why.types[1]}). One type for both would change that.`;
    case 'no-kernel-of-width':
      return `onnxruntime's CPU kernels for ${node.op} take 8-bit levels, not ${String(bitsOf(why.type))}-bit ones (${why.type}). 8 bits here would change that.`;
    case 'bias-type':
      return `Its bias ${quoted(graph.name(why.wire))} is stored as ${why.type}; the kernel takes int32. An int32 bias with scale = input scale x weight scale would change that.`;
    case 'unsigned-weight':
      return 'Signed activations need signed weights. Signed weights, or unsigned activations, would change that.';
    case 'signed-activation':
      return 'On x64 and in WebAssembly onnxruntime uses no integer kernel for signed activations. Unsigned activations (uint8) would change that; on ARM they may stay signed.';
    case 'beta':
      return 'Its bias is scaled (beta is not 1). Multiplying the bias by beta once would change that.';
    case 'grids-differ':
      return `It only moves values, but they are quantized differently before (${gridText(why.from)}) and after (${gridText(why.to)}). One grid for both would change that.`;
    case 'not-one-scale':
      return 'It runs on integers only where one constant scale holds for the whole tensor.';
    case 'zero-point-left-out':
      return 'onnxruntime takes this step only where zero points are written out. Writing a zero point of 0 would change that.';
    case 'negative-scale':
      return 'Its scale is not positive, so the largest level is not the largest value. A positive scale would change that.';
    case 'weight-only':
      return 'Only its weight is quantized: it is dequantized inside the kernel and multiplied with float activations. (By default onnxruntime also rounds activations to int8 in blocks there; Pare measures without.) Quantizing activations would change that.';
    case 'scales-back':
      return 'It makes real numbers of integer sums, for which onnxruntime has no kernel that does both. Quantizing with ranges that were measured beforehand (quantize/static) would change that.';
    case 'old-opset':
      return `Before opset ${String(why.since)} the operator takes no integers. Raising the opset would change that.`;
    case 'unknown':
      return 'The types around it are not known.';
  }
}

function noKernelHint(graph: LintGraph, node: LintNode): string {
  const quantized = node.inputs.some((wire) => isDequantize(graph.producer(wire)));
  const fold = FOLDABLE[node.op];
  if (fold !== undefined) return fold;
  return quantized
    ? 'Q and DQ around it cost time and accuracy and gain nothing: leave it in float.'
    : 'It stays in float whatever is done.';
}

function floatInputHint(graph: LintGraph, { wire, maker }: Extract<Why, { code: 'float-input' }>): string {
  if (wire !== null && maker === null && graph.isConstant(wire)) return 'Quantizing that constant would change it.';
  return 'Quantizing it would change that.';
}

function inputName(graph: LintGraph, wire: Wire | null): string {
  const name = graph.name(wire);
  return name === '' ? 'An input' : `Its input ${quoted(name)}`;
}

function madeBy(graph: LintGraph, wire: Wire | null, maker: LintNode | null): string {
  if (maker !== null) return `: ${nodeName(maker)} gives it in float`;
  return wire !== null && graph.isConstant(wire) ? ': it is a float constant' : '';
}

function outputName(graph: LintGraph, node: LintNode): string {
  return graph.name(node.outputs.find((wire) => wire !== null && graph.isOutput(wire)) ?? null);
}

function reader(node: LintNode | null): string {
  return node === null ? 'Something' : nodeName(node);
}

function nodeName({ op, source }: LintNode): string {
  return source === null ? op : `${op} ${quoted(source.name)}`;
}

function quoted(name: string): string {
  return `"${name}"`;
}

function gridText({ scale, zero }: Grid): string {
  return `scale ${scale === null ? '?' : String(Number(scale.toPrecision(6)))}, zero point ${String(zero ?? '?')}`;
}
