/**
 * Operators that mean the same at every operator set from 7 to 25: later versions only took more types, more ranks or
 * optional parameters whose defaults keep the old meaning (ONNX `docs/Changelog.md`).
 */
const NAMES = `
  Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool
  Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow
  Cast CastLike Ceil Celu CenterCropPad Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv
  ConvInteger ConvTranspose Cos Cosh CumSum
  DeformConv DepthToSpace DequantizeLinear Det Div DynamicQuantizeLinear
  Einsum Elu Equal Erf Exp Expand EyeLike
  Flatten Floor
  Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GRU
  HammingWindow HannWindow HardSigmoid HardSwish
  Identity If ImageDecoder InstanceNormalization IsInf IsNaN
  LayerNormalization LeakyRelu Less LessOrEqual Log Loop LpNormalization LpPool LRN LSTM
  MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul
  Multinomial
  Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not
  OneHot Optional OptionalGetElement OptionalHasElement Or
  Pow PRelu
  QLinearConv QLinearMatMul QuantizeLinear
  RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal RegexFullMatch Relu Reshape
  ReverseSequence RMSNormalization RNN RotaryEmbedding Round
  ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength
  SequenceMap Shape Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Size SoftmaxCrossEntropyLoss Softplus
  Softsign SpaceToDepth SplitToSequence Sqrt STFT StringConcat StringNormalizer StringSplit Sub Sum Swish
  Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile Transpose Trilu
  Unique
  Where
  Xor
`;

export const UNCHANGED: ReadonlySet<string> = new Set(NAMES.split(/\s+/).filter((name) => name !== ''));
