/** Element types of outputs as TensorFlow declares them: integers of shapes are 32-bit there and 64-bit in ONNX. */
import type { DType } from '#base/dtype.ts';
import type { TfNode } from '#formats/tensorflow/graph.ts';

const TRUTHS =
  'Equal NotEqual Less LessEqual Greater GreaterEqual ApproximateEqual All Any LogicalAnd LogicalOr LogicalNot IsNan IsInf IsFinite';

/** Attribute that names the type of an output, by operator; with what holds where it is left out. */
const NAMED: Readonly<Record<string, readonly [attr: string, otherwise: DType | null]>> = {
  Placeholder: ['dtype', null],
  PlaceholderWithDefault: ['dtype', null],
  Const: ['dtype', null],
  Cast: ['DstT', null],
  Bitcast: ['type', null],
  Shape: ['out_type', 'i32'],
  ShapeN: ['out_type', 'i32'],
  Size: ['out_type', 'i32'],
  Rank: ['', 'i32'],
  ArgMax: ['output_type', 'i64'],
  ArgMin: ['output_type', 'i64'],
  Range: ['Tidx', 'i32'],
  Gather: ['Tparams', null],
  GatherV2: ['Tparams', null],
  GatherNd: ['Tparams', null],
  ResourceGather: ['dtype', null],
  Where: ['', 'i64'],
  ...Object.fromEntries(TRUTHS.split(' ').map((op): [string, readonly [string, DType]] => [op, ['', 'bool']])),
  NonMaxSuppression: ['', 'i32'],
  NonMaxSuppressionV2: ['', 'i32'],
  NonMaxSuppressionV3: ['', 'i32'],
  TensorListGetItem: ['element_dtype', null],
  TensorListStack: ['element_dtype', null],
  TensorListLength: ['', 'i32'],
  ResizeBilinear: ['', 'f32'],
  ResizeBicubic: ['', 'f32'],
};

/** Operators whose outputs differ in type. */
function ofSeveral(node: TfNode, output: number): DType | null | undefined {
  if (node.op === 'TopKV2' || node.op === 'TopK')
    return output === 0 ? typeOf(node, 'T') : typeOf(node, 'index_type', 'i32');
  if (node.op === 'NonMaxSuppressionV4') return 'i32';
  if (node.op === 'NonMaxSuppressionV5') return output === 1 ? 'f32' : 'i32';
  if (node.op === 'CombinedNonMaxSuppression') return output === 3 ? 'i32' : 'f32';
  if (node.op === 'Unique' || node.op === 'UniqueV2')
    return output === 0 ? typeOf(node, 'T') : typeOf(node, 'out_idx', 'i32');
  if (['While', 'StatelessWhile', 'If', 'StatelessIf', 'Case', 'StatelessCase', 'IdentityN'].includes(node.op)) {
    const list = node.attrs.get(node.attrs.has('Tout') ? 'Tout' : 'T');
    const one = list?.kind === 'list' ? list.value[output] : undefined;
    return one?.kind === 'type' ? one.value : null;
  }
  return undefined;
}

/** null where the node does not say. */
export function outputTypeOf(node: TfNode, output: number): DType | null {
  const several = ofSeveral(node, output);
  if (several !== undefined) return several;
  const named = NAMED[node.op];
  if (named !== undefined) return named[0] === '' ? named[1] : typeOf(node, named[0], named[1]);
  return typeOf(node, 'T') ?? typeOf(node, 'dtype') ?? typeOf(node, 'element_dtype');
}

function typeOf(node: TfNode, name: string, otherwise: DType | null = null): DType | null {
  const attr = node.attrs.get(name);
  return attr?.kind === 'type' ? attr.value : otherwise;
}
