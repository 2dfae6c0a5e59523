/** Values of attention and of rotary embeddings, of ONNX and of com.microsoft. */
import { broadcastIndex } from '#ops/evaluate/elementwise.ts';
import type { Dense } from '#ops/dense.ts';
import type { Call } from '#ops/call.ts';
import {
  attend,
  denseOfHeads,
  extended,
  headsOf,
  joined,
  type AttentionRules,
  type Heads,
} from '#runtimes/interpreter/attention.ts';
import { made, need, reals, refuse, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';
import { multiply } from '#runtimes/interpreter/products.ts';

type Bias = AttentionRules['bias'];

/** Reads a tensor that is broadcast to [batch, heads, queries, keys]; what is false of a mask is hidden. */
function added(x: Dense | undefined, [batch, heads, queries, keys]: readonly [number, number, number, number]): Bias {
  if (x === undefined) return () => 0;
  const values = reals(x);
  const index = broadcastIndex(x.shape, [batch, heads, queries, keys]);
  const mask = x.dtype === 'bool';
  return (b, h, s, t) => {
    const value = values[index(((b * heads + h) * queries + s) * keys + t)] ?? 0;
    return mask ? (value === 0 ? -Infinity : 0) : value;
  };
}

function both(...all: readonly Bias[]): Bias {
  return (b, h, s, t) => all.reduce((sum, one) => sum + one(b, h, s, t), 0);
}

/** Keys later than the query are hidden; queries stand after what is past. */
function causal(hides: boolean, past: number): Bias {
  return (_b, _h, s, t) => (hides && t > s + past ? -Infinity : 0);
}

/** ONNX Attention: Q, K, V of [batch, heads, steps, size] or [batch, steps, width]. */
const attention: Evaluate = (call) => {
  if (call.has(6) || (call.node.outputs[3] ?? null) !== null) return undefined;
  const q0 = need(call, 0);
  const packed = q0.shape.length === 3;
  const q = headsOf(q0, call.int('q_num_heads', 1));
  const [newKeys, newValues] = [1, 2].map((input) => headsOf(need(call, input), call.int('kv_num_heads', 1)));
  if (newKeys === undefined || newValues === undefined) return undefined;
  const pastKeys = call.dense(4);
  const past = pastKeys?.shape[2] ?? 0;
  const k = extended(pastKeys === undefined ? undefined : headsOf(pastKeys, 1), newKeys);
  const pastValues = call.dense(5);
  const v = extended(pastValues === undefined ? undefined : headsOf(pastValues, 1), newValues);
  const sizes = [q.batch, q.heads, q.steps, k.steps] as const;
  const y = attend(q, k, v, {
    scale: call.float('scale', 1 / Math.sqrt(q.size)),
    softcap: call.float('softcap', 0),
    bias: both(added(call.dense(3), sizes), causal(call.int('is_causal', 0) !== 0, past)),
  });
  const { dtype } = q0;
  return [packed ? joined(y, dtype) : denseOfHeads(y, dtype), denseOfHeads(k, dtype), denseOfHeads(v, dtype)];
};

/** What hides padded keys: lengths [batch], or a mask of ones over [batch, keys] or [batch, queries, keys]. */
function padding(mask: Dense | undefined, filler: number, batch: number): Bias {
  if (mask === undefined) return () => 0;
  const values = reals(mask);
  const [, second = 0, third = 0] = mask.shape;
  if (mask.shape.length === 1) {
    const ends = values.length >= batch ? values : undefined;
    const starts = values.length >= 2 * batch ? values.subarray(batch) : undefined;
    return (b, _h, _s, t) => (t < (ends?.[b] ?? Infinity) && t >= (starts?.[b] ?? 0) ? 0 : filler);
  }
  if (mask.shape.length === 2) return (b, _h, _s, t) => (values[b * second + t] === 0 ? filler : 0);
  return (b, _h, s, t) => (values[(b * second + s) * third + t] === 0 ? filler : 0);
}

/** com.microsoft Attention: one weight [inputs, q + k + v] makes all three. */
const fusedAttention: Evaluate = (call) => {
  if (call.int('do_rotary', 0) !== 0 || call.has(6)) return undefined;
  const [x, w] = [need(call, 0), need(call, 1)];
  const heads = call.int('num_heads', 1);
  const all = w.shape[1] ?? 0;
  const widths = call.ints('qkv_hidden_sizes') ?? [all / 3, all / 3, all / 3];
  const { values, shape } = multiply({ values: reals(x), shape: x.shape }, { values: reals(w), shape: w.shape });
  const bias = call.dense(2);
  const shift = bias === undefined ? undefined : reals(bias);
  const [batch = 1, steps = 1] = shape;
  const parts = widths.map((width, part): Heads => {
    const from = widths.slice(0, part).reduce((sum, one) => sum + one, 0);
    const own = Float64Array.from({ length: batch * steps * width }, (_, at) => {
      const column = from + (at % width);
      return (values[Math.floor(at / width) * all + column] ?? 0) + (shift?.[column] ?? 0);
    });
    return headsOf(made('f64', [batch, steps, width], own), heads);
  });
  const [q, newKeys, newValues] = parts;
  if (q === undefined || newKeys === undefined || newValues === undefined) return undefined;
  const past = call.dense(4);
  const half = past === undefined ? 0 : past.data.length / 2;
  const pastOf = (part: number): Heads | undefined =>
    past === undefined
      ? undefined
      : headsOf(made('f64', past.shape.slice(1), reals(past).slice(part * half, (part + 1) * half)), heads);
  const [k, v] = [extended(pastOf(0), newKeys), extended(pastOf(1), newValues)];
  const sizes = [batch, heads, q.steps, k.steps] as const;
  const y = attend(q, k, v, {
    scale: scaleOf(call, q),
    bias: both(
      padding(call.dense(3), call.float('mask_filter_value', -10_000), batch),
      causal(call.int('unidirectional', 0) !== 0, k.steps - q.steps),
      added(call.dense(5), sizes),
    ),
  });
  const present = Float64Array.from({ length: k.values.length + v.values.length }, (_, at) =>
    at < k.values.length ? (k.values[at] ?? 0) : (v.values[at - k.values.length] ?? 0),
  );
  return [joined(y, x.dtype), made(x.dtype, [2, batch, heads, k.steps, k.size], present)];
};

function scaleOf(call: Call, q: Heads): number {
  const scale = call.float('scale', 0);
  return scale === 0 ? 1 / Math.sqrt(q.size) : scale;
}

/** com.microsoft MultiHeadAttention with query, key and value of [batch, steps, width] each. */
const multiHead: Evaluate = (call) => {
  const [query, key, value] = [call.dense(0), call.dense(1), call.dense(2)];
  if (query === undefined || key === undefined || value === undefined) return undefined;
  if (query.shape.length !== 3 || key.shape.length !== 3 || value.shape.length !== 3) return undefined;
  const heads = call.int('num_heads', 1);
  const bias = call.dense(3);
  const shift = bias === undefined ? undefined : reals(bias);
  let from = 0;
  const parts = [query, key, value].map((one) => {
    const width = one.shape[2] ?? 1;
    const start = from;
    from += width;
    const own = Float64Array.from(reals(one), (number, at) => number + (shift?.[start + (at % width)] ?? 0));
    return headsOf(made('f64', one.shape, own), heads);
  });
  const [q, newKeys, newValues] = parts;
  if (q === undefined || newKeys === undefined || newValues === undefined) return undefined;
  const [pastKeys, pastValues] = [call.dense(6), call.dense(7)];
  const k = extended(pastKeys === undefined ? undefined : headsOf(pastKeys, heads), newKeys);
  const v = extended(pastValues === undefined ? undefined : headsOf(pastValues, heads), newValues);
  const sizes = [q.batch, heads, q.steps, k.steps] as const;
  const y = attend(q, k, v, {
    scale: scaleOf(call, q),
    bias: both(
      padding(call.dense(4), call.float('mask_filter_value', -10_000), q.batch),
      causal(call.int('unidirectional', 0) !== 0, k.steps - q.steps),
      added(call.dense(5), sizes),
    ),
  });
  return [joined(y, query.dtype), denseOfHeads(k, query.dtype), denseOfHeads(v, query.dtype)];
};

interface Rotation {
  readonly x: Dense;
  readonly cos: Dense;
  readonly sin: Dense;
  readonly positions: Dense | undefined;
  readonly heads: number;
  readonly width: number;
  readonly interleaved: boolean;
}

/** Pairs of each head turned by an angle of their position; what lies beyond `width` stays (Su et al. 2021, RoFormer). */
function rotated(call: Call, { x, cos, sin, positions, heads, width, interleaved }: Rotation): readonly Dense[] {
  const packed = x.shape.length === 3;
  const own = headsOf(x, packed ? (heads > 0 ? heads : refuse(call, 'the number of its heads is not given.')) : 1);
  const turned = width > 0 ? width : own.size;
  const half = turned / 2;
  const [c, s] = [reals(cos), reals(sin)];
  const table = positions === undefined ? undefined : reals(positions);
  const out = Float64Array.from(own.values);
  for (let plane = 0; plane < own.batch * own.heads; plane++) {
    const b = Math.floor(plane / own.heads);
    for (let step = 0; step < own.steps; step++) {
      const first = plane * own.steps * own.size + step * own.size;
      // One position for all: where the first step stands. Without positions, tables are given for each batch and step.
      const row =
        table === undefined
          ? b * own.steps + step
          : table.length === 1
            ? (table[0] ?? 0) + step
            : (table[b * own.steps + step] ?? 0);
      for (let i = 0; i < half; i++) {
        const [left, right] = interleaved ? [first + 2 * i, first + 2 * i + 1] : [first + i, first + i + half];
        const [ofCos, ofSin] = [c[row * half + i] ?? 0, s[row * half + i] ?? 0];
        const [real, imaginary] = [own.values[left] ?? 0, own.values[right] ?? 0];
        out[left] = real * ofCos - imaginary * ofSin;
        out[right] = imaginary * ofCos + real * ofSin;
      }
    }
  }
  const result = { ...own, values: out };
  return [packed ? joined(result, x.dtype) : denseOfHeads(result, x.dtype)];
}

const rotary: Evaluate = (call) =>
  rotated(call, {
    x: need(call, 0),
    cos: need(call, 1),
    sin: need(call, 2),
    positions: call.dense(3),
    heads: call.int('num_heads', 0),
    width: call.int('rotary_embedding_dim', 0),
    interleaved: call.int('interleaved', 0) !== 0,
  });

const fusedRotary: Evaluate = (call) => {
  const [x, cos] = [need(call, 0), need(call, 2)];
  const width = call.int('rotary_embedding_dim', 0);
  const given = call.int('num_heads', 0);
  const heads = given > 0 ? given : (x.shape[2] ?? 1) / (2 * (cos.shape[1] ?? 1));
  const interleaved = call.int('interleaved', 0) !== 0;
  return rotated(call, { x, cos, sin: need(call, 3), positions: call.dense(1), heads, width, interleaved });
};

export const attentionEvaluations: Evaluations = {
  Attention: attention,
  RotaryEmbedding: rotary,
  'com.microsoft.Attention': fusedAttention,
  'com.microsoft.MultiHeadAttention': multiHead,
  'com.microsoft.RotaryEmbedding': fusedRotary,
};
