/** Scaled dot-product attention over heads, the core of every attention operator (Vaswani et al. 2017, equation 1). */
import type { Dense } from '#ops/dense.ts';
import { made, reals, type Reals } from './evaluation.ts';

/** [batch, heads, steps, size]. */
export interface Heads {
  readonly values: Reals;
  readonly batch: number;
  readonly heads: number;
  readonly steps: number;
  readonly size: number;
}

export interface AttentionRules {
  readonly scale: number;
  /** Scores are bent to ± this by tanh; 0: they are not. */
  readonly softcap?: number;
  /** Added to the score of a query step and a key step; -Infinity hides it. */
  readonly bias: (batch: number, head: number, query: number, key: number) => number;
}

/** [batch, steps, heads * size] taken apart, or [batch, heads, steps, size] as it is. */
export function headsOf(x: Dense, heads: number): Heads {
  const values = reals(x);
  if (x.shape.length === 4) {
    const [batch = 1, own = 1, steps = 1, size = 1] = x.shape;
    return { values, batch, heads: own, steps, size };
  }
  const [batch = 1, steps = 1, width = 1] = x.shape;
  const size = width / heads;
  const out = new Float64Array(values.length);
  for (let at = 0; at < out.length; at++) {
    const [b, s, h, k] = [
      Math.floor(at / (steps * width)),
      Math.floor(at / width) % steps,
      Math.floor(at / size) % heads,
      at % size,
    ];
    out[((b * heads + h) * steps + s) * size + k] = values[at] ?? 0;
  }
  return { values: out, batch, heads, steps, size };
}

/** Back to [batch, steps, heads * size]. */
export function joined({ values, batch, heads, steps, size }: Heads, dtype: Dense['dtype']): Dense {
  const out = new Float64Array(values.length);
  for (let at = 0; at < out.length; at++) {
    const [b, h, s, k] = [
      Math.floor(at / (heads * steps * size)),
      Math.floor(at / (steps * size)) % heads,
      Math.floor(at / size) % steps,
      at % size,
    ];
    out[((b * steps + s) * heads + h) * size + k] = values[at] ?? 0;
  }
  return made(dtype, [batch, steps, heads * size], out);
}

export function denseOfHeads({ values, batch, heads, steps, size }: Heads, dtype: Dense['dtype']): Dense {
  return made(dtype, [batch, heads, steps, size], values);
}

/** Earlier steps in front of new ones. */
export function extended(past: Heads | undefined, next: Heads): Heads {
  if (past === undefined) return next;
  const steps = past.steps + next.steps;
  const values = new Float64Array(next.batch * next.heads * steps * next.size);
  for (let plane = 0; plane < next.batch * next.heads; plane++) {
    const [old, own] = [past.steps * next.size, next.steps * next.size];
    values.set(past.values.subarray(plane * old, (plane + 1) * old), plane * (old + own));
    values.set(next.values.subarray(plane * own, (plane + 1) * own), plane * (old + own) + old);
  }
  return { ...next, steps, values };
}

/** Fewer heads of keys than of queries are each shared by neighbouring ones. A query that sees nothing gives zeros. */
export function attend(q: Heads, k: Heads, v: Heads, { scale, softcap = 0, bias }: AttentionRules): Heads {
  const out = new Float64Array(q.batch * q.heads * q.steps * v.size);
  const scores = new Float64Array(k.steps);
  for (let b = 0; b < q.batch; b++) {
    for (let h = 0; h < q.heads; h++) {
      const shared = b * k.heads + Math.floor((h * k.heads) / q.heads);
      for (let s = 0; s < q.steps; s++) {
        const query = ((b * q.heads + h) * q.steps + s) * q.size;
        let largest = -Infinity;
        for (let t = 0; t < k.steps; t++) {
          let sum = 0;
          const key = (shared * k.steps + t) * k.size;
          for (let i = 0; i < q.size; i++) sum += (q.values[query + i] ?? 0) * (k.values[key + i] ?? 0);
          const score = scale * sum;
          scores[t] = (softcap > 0 ? softcap * Math.tanh(score / softcap) : score) + bias(b, h, s, t);
          largest = Math.max(largest, scores[t] ?? 0);
        }
        const into = ((b * q.heads + h) * q.steps + s) * v.size;
        mix(scores, largest, v, shared, out, into);
      }
    }
  }
  return { values: out, batch: q.batch, heads: q.heads, steps: q.steps, size: v.size };
}

/** The values of one head weighted by the softmax of the scores. */
function mix(scores: Float64Array, largest: number, v: Heads, head: number, out: Float64Array, into: number): void {
  if (largest === -Infinity) return;
  let total = 0;
  for (let t = 0; t < scores.length; t++) {
    const power = Math.exp((scores[t] ?? 0) - largest);
    total += power;
    const from = (head * v.steps + t) * v.size;
    for (let i = 0; i < v.size; i++) out[into + i] = (out[into + i] ?? 0) + power * (v.values[from + i] ?? 0);
  }
  for (let i = 0; i < v.size; i++) out[into + i] = (out[into + i] ?? 0) / total;
}
