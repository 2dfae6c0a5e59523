/**
 * Which operators compute in half precision. Left float: operators whose ONNX definition has no float16, those that lose
 * their meaning in it (ranges, running sums, ranks), and random ones. After onnxruntime transformers/float16.py.
 */
import type { Node } from '#ir/model.ts';

const STAY_FLOAT: ReadonlyMap<string, string> = new Map([
  ...['NonMaxSuppression', 'Range', 'Celu', 'IsInf', 'TfIdfVectorizer', 'MelWeightMatrix', 'StringNormalizer'].map(
    (op): [string, string] => [op, 'its definition has no float16'],
  ),
  ...['TopK', 'RoiAlign', 'CumSum', 'Min', 'Max', 'Upsample', 'OneHot', 'ArrayFeatureExtractor'].map(
    (op): [string, string] => [op, 'onnxruntime has no half kernel for it on every target'],
  ),
  ...['RandomNormal', 'RandomUniform', 'RandomNormalLike', 'RandomUniformLike', 'Multinomial', 'Bernoulli'].map(
    (op): [string, string] => [op, 'its type is an attribute of its own'],
  ),
  ...['ConstantOfShape', 'EyeLike', 'DFT', 'STFT', 'HannWindow', 'HammingWindow', 'BlackmanWindow'].map(
    (op): [string, string] => [op, 'its type is an attribute of its own or it sums too far for half precision'],
  ),
  ...['If', 'Loop', 'Scan', 'SequenceMap'].map((op): [string, string] => [
    op,
    'what goes in and out of its subgraphs stays float; the layers inside are converted',
  ]),
  ...[
    'QuantizeLinear',
    'DequantizeLinear',
    'DynamicQuantizeLinear',
    'QLinearConv',
    'QLinearMatMul',
    'ConvInteger',
    'MatMulInteger',
  ].map((op): [string, string] => [op, 'it works with quantized values, whose scales stay float']),
]);

/** Why a node has to stay float whatever its types are; undefined when it may be converted. */
export function reasonToStayFloat(node: Node): string | undefined {
  if (node.domain !== '' && node.domain !== 'ai.onnx')
    return `operators of ${node.domain} are not known to take float16`;
  return STAY_FLOAT.get(node.op);
}

/** Inputs that are float32 by definition even when the rest of the node is half. */
export function isFloatSlot(node: Node, input: number, opset: number): boolean {
  return node.op === 'Resize' && (opset < 11 ? input === 1 : input === 2);
}
