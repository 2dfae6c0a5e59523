/** Fused transformer operators of onnxruntime's com.microsoft domain. */
import type { Dim, Shape } from '#ir/model.ts';
import { elementsOf, frontAxis } from '#ops/dims.ts';
import type { TensorType } from '#ops/facts.ts';
import { weight, type Macs, type Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';

const DOMAIN = 'com.microsoft';

/** Attention with one weight for query, key and value: [hidden, 3 * hidden]. */
function attentionWidths(call: Call): { readonly q: Dim; readonly v: Dim; readonly all: Dim } {
  const all = call.dim(1, 1);
  const given = call.ints('qkv_hidden_sizes');
  if (given !== undefined) return { q: given[0] ?? null, v: given[2] ?? null, all };
  const each = typeof all === 'number' ? all / 3 : null;
  return { q: each, v: each, all };
}

function attentionTypes(call: Call): readonly TensorType[] {
  const { v } = attentionWidths(call);
  const [batch, steps] = [call.dim(0, 0), call.dim(0, 1)];
  const heads = call.int('num_heads', 0);
  const past = call.has(4) ? call.dim(4, 3) : 0;
  const total: Dim = typeof past === 'number' && typeof steps === 'number' ? past + steps : past === 0 ? steps : null;
  const size = typeof v === 'number' && heads > 0 ? v / heads : null;
  return [
    call.like(0, call.rank(0) === null ? null : [batch, steps, v]),
    call.like(0, [2, batch, heads > 0 ? heads : null, total, size]),
  ];
}

/** Projection, then scores and mix of every position with every other. */
function attentionMacs(call: Call, outputs: readonly (TensorType | null)[]): Macs {
  const { q, v, all } = attentionWidths(call);
  const [batch, steps, inputs] = [call.dim(0, 0), call.dim(0, 1), call.dim(0, 2)];
  const total = outputs[1]?.shape?.[3] ?? (call.has(4) ? null : steps);
  const sizes = [q, v, all, batch, steps, inputs, total];
  if (!sizes.every((size) => typeof size === 'number'))
    return { unknown: 'the batch size or a sequence length is not known' };
  const [qWidth = 0, vWidth = 0, allWidth = 0, n = 0, s = 0, i = 0, t = 0] = sizes;
  return n * s * i * allWidth + n * s * t * (qWidth + vWidth);
}

/** Outputs of the LayerNormalization forms that add a skip connection first. */
function skipNorm(name: string, inputs: readonly string[], affine: readonly number[]): Operator {
  return {
    name,
    domain: DOMAIN,
    inputs,
    outputs: ['output', 'mean?', 'inv_std_var?', 'input_skip_bias_sum?'],
    infer: (call) => {
      const rows: Shape | null = call.shape(0)?.map((size, axis, all) => (axis === all.length - 1 ? 1 : size)) ?? null;
      const statistics = { dtype: 'f32', shape: rows } as const;
      return [call.like(0), statistics, statistics, call.like(0)];
    },
    roles: () => inputs.map((_, input) => (affine.includes(input) ? 'affine' : undefined)),
  };
}

export const microsoftOperators: readonly Operator[] = [
  {
    name: 'Attention',
    domain: DOMAIN,
    inputs: ['input', 'weights', 'bias?', 'mask_index?', 'past?', 'attention_bias?', 'past_sequence_length?'],
    outputs: ['output', 'present?'],
    infer: attentionTypes,
    roles: () => [undefined, weight(1, 0), 'bias', undefined, undefined, undefined, 'setting'],
    macs: attentionMacs,
  },
  {
    name: 'MultiHeadAttention',
    domain: DOMAIN,
    inputs: ['query', 'key?', 'value?', 'bias?', 'key_padding_mask?', 'attention_bias?', 'past_key?', 'past_value?'],
    outputs: ['output', 'present_key?', 'present_value?'],
    infer: (call) => {
      const packed = call.rank(0) === 5;
      const width = call.has(2) ? (call.rank(2) === 3 ? call.dim(2, 2) : null) : null;
      return [
        call.like(0, packed ? null : [call.dim(0, 0), call.dim(0, 1), width]),
        call.like(0, null),
        call.like(0, null),
      ];
    },
    roles: () => [undefined, undefined, undefined, 'bias'],
    macs: (call) => {
      const sizes = [call.dim(0, 0), call.dim(0, 1), call.dim(0, 2), call.dim(1, 1), call.dim(2, 2)];
      if (call.rank(0) !== 3 || call.rank(1) !== 3 || call.has(6) || !sizes.every((size) => typeof size === 'number')) {
        return { unknown: 'a sequence length is not known' };
      }
      const [n = 0, s = 0, q = 0, t = 0, v = 0] = sizes;
      return n * s * t * (q + v);
    },
  },
  {
    name: 'EmbedLayerNormalization',
    domain: DOMAIN,
    inputs: [
      'input_ids',
      'segment_ids?',
      'word_embedding',
      'position_embedding',
      'segment_embedding?',
      'gamma',
      'beta',
      'mask?',
      'position_ids?',
    ],
    outputs: ['output', 'mask_index?', 'embedding_sum?'],
    infer: (call) => {
      const ids = call.shape(0);
      const made = ids === null ? null : [...ids, call.dim(2, 1)];
      return [
        { dtype: call.dtype(2), shape: made },
        { dtype: 'i32', shape: [ids?.[0] ?? null] },
        { dtype: call.dtype(2), shape: made },
      ];
    },
    roles: () => {
      const table = { role: 'table', axis: 0, sumAxis: null, groups: 1 } as const;
      return ['indices', 'indices', table, table, table, 'affine', 'affine', undefined, 'indices'];
    },
  },
  skipNorm('SkipLayerNormalization', ['input', 'skip', 'gamma', 'beta?', 'bias?'], [2, 3, 4]),
  skipNorm('SkipSimplifiedLayerNormalization', ['input', 'skip', 'gamma', 'bias?'], [2, 3]),
  {
    name: 'FastGelu',
    domain: DOMAIN,
    inputs: ['X', 'bias?'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'bias'],
  },
  {
    name: 'BiasGelu',
    domain: DOMAIN,
    inputs: ['A', 'B'],
    outputs: ['C'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'bias'],
  },
  {
    name: 'RotaryEmbedding',
    domain: DOMAIN,
    inputs: ['input', 'position_ids', 'cos_cache', 'sin_cache'],
    outputs: ['output'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'indices', 'affine', 'affine'],
  },
  {
    name: 'LayerNormalization',
    domain: DOMAIN,
    inputs: ['X', 'Scale', 'B?'],
    outputs: ['Y', 'Mean?', 'InvStdDev?'],
    infer: (call) => {
      const shape = call.shape(0);
      const from = frontAxis(call.int('axis', -1), shape?.length ?? 1);
      const statistics = call.like(0, shape?.map((size, axis) => (axis < from ? size : 1)) ?? null, 'f32');
      return [call.like(0), statistics, statistics];
    },
    roles: () => [undefined, 'affine', 'affine'],
  },
  {
    name: 'NhwcConv',
    domain: DOMAIN,
    inputs: ['X', 'W', 'B?'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, call.sameRank(0))],
    roles: (call) => [undefined, weight(0, -1, call.int('group', 1)), 'bias'],
    macs: (call, outputs) => {
      const made = elementsOf(outputs[0]?.shape);
      const window = elementsOf(call.shape(1)?.slice(1));
      return made === null || window === null ? { unknown: 'the output or kernel size is not known' } : made * window;
    },
  },
];
