/** Which operators of ONNX do not mind in which order axes lie, and what of them names an axis. */

/**
 * `elementwise`: any inputs that broadcast against each other. `axis`: attribute `axis` with its default; all inputs at `along` have
 * the same axes. `axes`: a list of axes in an attribute or an input. The rest wants its inputs as the source lays them.
 */
export type LayoutRule =
  | { readonly kind: 'elementwise' }
  | { readonly kind: 'axis'; readonly otherwise: number; readonly along: 'first' | 'all' }
  | { readonly kind: 'slice' | 'pad' | 'tile' | 'squeeze' | 'unsqueeze' | 'reduce' | 'gather' | 'arg' | 'linear' };

/** Of one input first, then of several that broadcast. */
const ELEMENTWISE = (
  'Abs Neg Ceil Floor Round Sign Sqrt Reciprocal Not IsNaN IsInf Exp Log Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh ' +
  'Atanh Identity Cast Clip Relu LeakyRelu Elu Celu Selu HardSigmoid HardSwish Mish ThresholdedRelu Shrink Gelu Sigmoid Tanh ' +
  'Softplus Softsign BitwiseNot Dropout ' +
  'Add Sub Mul Div Pow Mod PRelu BitShift BitwiseAnd BitwiseOr BitwiseXor Where Equal Less LessOrEqual Greater GreaterOrEqual ' +
  'And Or Xor Sum Mean Max Min'
).split(' ');

const REDUCTIONS =
  'ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp'.split(
    ' ',
  );

const RULES = new Map<string, LayoutRule>([
  ...ELEMENTWISE.map((op): [string, LayoutRule] => [op, { kind: 'elementwise' }]),
  ['Concat', { kind: 'axis', otherwise: 0, along: 'all' }],
  ['Softmax', { kind: 'axis', otherwise: -1, along: 'first' }],
  ['LogSoftmax', { kind: 'axis', otherwise: -1, along: 'first' }],
  ['Hardmax', { kind: 'axis', otherwise: -1, along: 'first' }],
  ['LpNormalization', { kind: 'axis', otherwise: -1, along: 'first' }],
  ['Split', { kind: 'axis', otherwise: 0, along: 'first' }],
  ['TopK', { kind: 'axis', otherwise: -1, along: 'first' }],
  ['ArgMax', { kind: 'arg' }],
  ['ArgMin', { kind: 'arg' }],
  ['Slice', { kind: 'slice' }],
  ['Pad', { kind: 'pad' }],
  ['Tile', { kind: 'tile' }],
  ['Squeeze', { kind: 'squeeze' }],
  ['Unsqueeze', { kind: 'unsqueeze' }],
  ['Gather', { kind: 'gather' }],
  ['QuantizeLinear', { kind: 'linear' }],
  ['DequantizeLinear', { kind: 'linear' }],
  ...REDUCTIONS.map((op): [string, LayoutRule] => [op, { kind: 'reduce' }]),
]);

/** undefined: wants inputs as the source lays them. */
export function layoutRuleOf(domain: string, op: string): LayoutRule | undefined {
  return domain === '' ? RULES.get(op) : undefined;
}
