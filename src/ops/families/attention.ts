/** Attention and rotary embeddings of the default domain (opset 23). */
import type { Dim } from '#ir/model.ts';
import { addDims, divideDims, elementsOf, multiplyDims } from '#ops/dims.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

interface Sizes {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly steps: Dim;
  readonly size: Dim;
}

/** Of [batch, heads, steps, size], or of [batch, steps, heads * size] with the heads in an attribute. */
function sizesOf(call: Call, input: number, heads: string): Sizes {
  if (call.rank(input) !== 3) {
    return {
      batch: call.dim(input, 0),
      heads: call.dim(input, 1),
      steps: call.dim(input, 2),
      size: call.dim(input, 3),
    };
  }
  const count = call.int(heads, 0);
  const size = count > 0 ? divideDims(call.dim(input, 2), count) : null;
  return { batch: call.dim(input, 0), heads: count > 0 ? count : null, steps: call.dim(input, 1), size };
}

function attentionSizes(call: Call): { readonly q: Sizes; readonly k: Sizes; readonly v: Sizes; readonly keys: Dim } {
  const q = sizesOf(call, 0, 'q_num_heads');
  const k = sizesOf(call, 1, 'kv_num_heads');
  return { q, k, v: sizesOf(call, 2, 'kv_num_heads'), keys: addDims(call.has(4) ? call.dim(4, 2) : 0, k.steps) };
}

export const attentionOperators: readonly Operator[] = [
  {
    name: 'Attention',
    inputs: ['Q', 'K', 'V', 'attn_mask?', 'past_key?', 'past_value?', 'nonpad_kv_seqlen?'],
    outputs: ['Y', 'present_key?', 'present_value?', 'qk_matmul_output?'],
    infer: (call) => {
      const { q, k, v, keys } = attentionSizes(call);
      const packed = call.rank(0) === 3;
      const made = packed ? [q.batch, q.steps, multiplyDims(q.heads, v.size)] : [q.batch, q.heads, q.steps, v.size];
      return [
        call.like(0, call.rank(0) === null ? null : made),
        call.like(1, [k.batch, k.heads, keys, k.size]),
        call.like(2, [v.batch, v.heads, keys, v.size]),
        call.like(0, [q.batch, q.heads, q.steps, keys]),
      ];
    },
    // Scores of every query with every key, then the mix of values.
    macs: (call) => {
      const { q, v, keys } = attentionSizes(call);
      const scores = elementsOf([q.batch, q.heads, q.steps, keys]);
      if (scores === null || typeof q.size !== 'number' || typeof v.size !== 'number')
        return { unknown: 'the batch size or a sequence length is not known' };
      return scores * (q.size + v.size);
    },
  },
  {
    name: 'RotaryEmbedding',
    inputs: ['X', 'cos_cache', 'sin_cache', 'position_ids?'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'affine', 'affine', 'indices'],
  },
];
