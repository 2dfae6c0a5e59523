/** Uses of attention, rotary embeddings, transforms, windows and caches. */
import { given, list, real, scalar, setting, whole, type Operand } from '#measure/testing/operator-case.ts';
import type { InterpreterCase } from './single-operator.ts';

const MS = 'com.microsoft';

const attentions: readonly InterpreterCase[] = [
  { op: 'Attention', opset: 23, inputs: [real([2, 3, 4, 8]), real([2, 3, 5, 8]), real([2, 3, 5, 6])] },
  {
    op: 'Attention',
    opset: 23,
    inputs: [real([2, 4, 32]), real([2, 5, 16]), real([2, 5, 16]), real([4, 5])],
    attrs: { q_num_heads: 4, kv_num_heads: 2, scale: { float: 0.3 }, softcap: { float: 2 } },
    label: 'grouped',
  },
  {
    op: 'Attention',
    opset: 23,
    inputs: [real([2, 3, 4, 8]), real([2, 3, 4, 8]), real([2, 3, 4, 8])],
    attrs: { is_causal: 1 },
  },
  {
    op: 'Attention',
    opset: 23,
    inputs: [
      real([2, 3, 2, 8]),
      real([2, 3, 2, 8]),
      real([2, 3, 2, 8]),
      whole('bool', [2, 1, 2, 5], 1, 2),
      real([2, 3, 3, 8]),
      real([2, 3, 3, 8]),
    ],
    outputs: 3,
    label: 'past',
  },
  {
    op: 'Attention',
    domain: MS,
    inputs: [real([2, 3, 8]), real([8, 24]), real([24]), given('i32', [2], [2, 3])],
    attrs: { num_heads: 2 },
    label: 'lengths',
  },
  {
    op: 'Attention',
    domain: MS,
    inputs: [real([2, 3, 8]), real([8, 24]), real([24]), given('i32', [2, 3], [1, 1, 0, 1, 0, 1])],
    attrs: { num_heads: 2, scale: { float: 0.5 } },
    label: 'mask',
  },
  {
    op: 'Attention',
    domain: MS,
    inputs: [real([2, 3, 8]), real([8, 24]), real([24]), null, real([2, 2, 2, 4, 4])],
    attrs: { num_heads: 2, unidirectional: 1 },
    outputs: 2,
    label: 'past',
  },
  {
    op: 'MultiHeadAttention',
    domain: MS,
    inputs: [
      real([2, 3, 8]),
      real([2, 5, 8]),
      real([2, 5, 8]),
      real([24]),
      given('i32', [2, 5], [1, 1, 1, 1, 0, 1, 0, 1, 1, 1]),
    ],
    attrs: { num_heads: 2 },
    label: 'bias and mask',
  },
  {
    op: 'MultiHeadAttention',
    domain: MS,
    inputs: [real([2, 3, 8]), real([2, 3, 8]), real([2, 3, 8]), null, null, real([1, 2, 3, 3])],
    attrs: { num_heads: 2, unidirectional: 1 },
    label: 'causal',
  },
  ...[0, 1].flatMap((interleaved): InterpreterCase[] => [
    {
      op: 'RotaryEmbedding',
      domain: MS,
      inputs: [real([2, 3, 16]), given('i64', [1], [2]), real([8, 4]), real([8, 4])],
      attrs: { interleaved },
    },
    {
      op: 'RotaryEmbedding',
      domain: MS,
      inputs: [real([2, 2, 3, 8]), given('i64', [2, 3], [0, 1, 2, 5, 6, 7]), real([8, 4]), real([8, 4])],
      attrs: { interleaved },
    },
    {
      op: 'RotaryEmbedding',
      opset: 23,
      inputs: [real([2, 3, 16]), real([9, 4]), real([9, 4]), given('i64', [2, 3], [0, 1, 2, 5, 6, 7])],
      attrs: { interleaved, num_heads: 2 },
    },
    {
      op: 'RotaryEmbedding',
      opset: 23,
      inputs: [real([2, 2, 3, 8]), real([2, 3, 2]), real([2, 3, 2])],
      attrs: { interleaved, rotary_embedding_dim: 4 },
    },
  ]),
  {
    op: 'EmbedLayerNormalization',
    domain: MS,
    inputs: [
      whole('i32', [2, 3], 0, 5),
      whole('i32', [2, 3], 0, 2),
      real([5, 4]),
      real([6, 4]),
      real([2, 4]),
      real([4]),
      real([4]),
      given('i32', [2, 3], [1, 1, 0, 1, 1, 1]),
    ],
    attrs: { epsilon: { float: 1e-3 } },
    outputs: 2,
    label: 'segments',
  },
  {
    op: 'TensorScatter',
    opset: 24,
    inputs: [real([2, 3, 6, 4]), real([2, 3, 2, 4]), given('i64', [2], [1, 3])],
  },
  {
    op: 'TensorScatter',
    opset: 24,
    inputs: [real([2, 6, 4]), real([2, 3, 4]), given('i64', [2], [4, 5])],
    attrs: { mode: 'circular', axis: 1 },
  },
];

const mel = (bands: number, length: number, rate: number, low: number, high: number): readonly Operand[] => [
  scalar(bands),
  scalar(length),
  scalar(rate),
  setting('f32', [], [low]),
  setting('f32', [], [high]),
];

const signals: readonly InterpreterCase[] = [
  ...[0, 1].flatMap((periodic) =>
    ['HannWindow', 'HammingWindow', 'BlackmanWindow'].map((op): InterpreterCase => ({
      op,
      inputs: [scalar(11)],
      attrs: { periodic },
    })),
  ),
  { op: 'DFT', inputs: [real([2, 10, 1])] },
  { op: 'DFT', inputs: [real([2, 10, 1])], attrs: { onesided: 1 } },
  { op: 'DFT', inputs: [real([2, 8, 3, 2])], attrs: { axis: 2 } },
  { op: 'DFT', inputs: [real([2, 8, 2])], attrs: { inverse: 1 } },
  { op: 'DFT', inputs: [real([1, 8, 1]), scalar(16)] },
  { op: 'DFT', opset: 20, inputs: [real([2, 4, 6, 2]), null, scalar(1)] },
  { op: 'DFT', opset: 20, inputs: [real([2, 9, 1])], attrs: { onesided: 1 } },
  { op: 'STFT', inputs: [real([2, 40, 1]), scalar(8), real([16])] },
  { op: 'STFT', inputs: [real([1, 40, 1]), scalar(5), null, scalar(16)], attrs: { onesided: 0 } },
  { op: 'MelWeightMatrix', inputs: mel(8, 64, 16000, 20, 7600) },
  { op: 'MelWeightMatrix', inputs: mel(20, 256, 8000, 0, 4000) },
];

export const ATTENTION_CASES: readonly InterpreterCase[] = [
  ...attentions,
  ...signals,
  { op: 'ConstantOfShape', inputs: [list(2, 0, 3)], label: 'empty' },
];
