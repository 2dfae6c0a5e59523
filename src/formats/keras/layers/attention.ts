/** Attention: dot products of queries and keys as weights of values, with one head or several. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { sizesFor, type Target } from '#formats/keras/lower/shapes.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { LayerWeights } from '#formats/keras/lower/weights.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { projected } from './einsum-dense.ts';
import type { LayerRows } from './row.ts';

/** What scores become where attention is not allowed. */
const FAR_BELOW = -1e9;

interface Given {
  readonly query: Operand;
  readonly value: Operand;
  readonly key: Operand;
}

/** Query, value and key, by position or by name. */
function givenTo(call: LayerCall): Given {
  const { inputs } = call;
  const query = call.tensor('query') ?? inputs[0];
  const value = call.tensor('value') ?? inputs[call.tensor('query') === undefined ? 1 : 0];
  if (query === undefined || value === undefined)
    throw call.settings.wrong('name', 'of a layer that is called on a query and a value');
  const given = inputs.length > 2 ? inputs[2] : undefined;
  return { query, value, key: call.tensor('key') ?? given ?? value };
}

function maskOf(call: LayerCall, operand: Operand, name: string): Operand | undefined {
  return call.tensor(name) ?? call.parts.masks.get(operand);
}

/** True where the key is not later than the query: [queries, keys]. */
function causalMask(call: LayerCall, query: Operand, key: Operand): Operand {
  const { lowering } = call;
  const places = (x: Operand, name: string): Operand => {
    const size = call.sizes(x)[1];
    const shape = call.node('Shape', [x], `${name}_shape`);
    const count =
      size === undefined
        ? call.node('Gather', [shape, lowering.small(1)], `${name}_count`, { axis: 0 })
        : lowering.small(size);
    return call.node('Range', [lowering.small(0), count, lowering.small(1)], `${name}_places`);
  };
  const rows = call.node('Unsqueeze', [places(query, 'query'), lowering.small([1])], 'rows');
  return call.node(
    'GreaterOrEqual',
    [rows, call.node('Unsqueeze', [places(key, 'key'), lowering.small([0])], 'columns')],
    'causal',
  );
}

function both(call: LayerCall, masks: readonly (Operand | undefined)[], name: string): Operand | undefined {
  const found = masks.filter((mask) => mask !== undefined);
  if (found.length === 0) return undefined;
  return found.reduce((all, mask, at) => call.node('And', [all, mask], `${name}_${at}`));
}

function masked(call: LayerCall, scores: Operand, mask: Operand | undefined): Operand {
  return mask === undefined ? scores : call.node('Where', [mask, scores, call.number(FAR_BELOW)], 'masked');
}

/** Where attention is allowed, as [batch, 1, queries, keys] or less. */
function allowed(call: LayerCall, { query, value, key }: Given): Operand | undefined {
  const { lowering } = call;
  const wide = (mask: Operand | undefined, axes: readonly number[], name: string): Operand | undefined => {
    if (mask === undefined) return undefined;
    return call.node('Unsqueeze', [call.cast(mask, 'bool', `${name}_bool`), lowering.small(axes)], name);
  };
  const given = call.tensor('attention_mask');
  const rank = given === undefined ? 0 : lowering.rank(given);
  if (given !== undefined && rank !== 2 && rank !== 3 && rank !== 4)
    throw new Unsupported('its mask has a form that is not known here.');
  const keyMask = key === value ? undefined : maskOf(call, key, 'key_mask');
  return both(
    call,
    [
      given !== undefined && rank === 4
        ? call.cast(given, 'bool', 'attention_mask_bool')
        : wide(given, [rank === 2 ? 0 : 1], 'attention_mask'),
      wide(maskOf(call, query, 'query_mask'), [1, 3], 'query_mask'),
      wide(maskOf(call, value, 'value_mask'), [1, 2], 'value_mask'),
      wide(keyMask, [1, 2], 'key_mask'),
      call.asks('use_causal_mask') ? causalMask(call, query, value) : undefined,
    ],
    'allowed',
  );
}

interface Heads {
  readonly query: number;
  /** Fewer than the query's in grouped attention. */
  readonly value: number;
}

/** Projects queries, keys and values to heads, lets them attend, and projects the result. */
function headed(call: LayerCall, heads: Heads, width: number, used: boolean): readonly Operand[] {
  const { settings, lowering, weights } = call;
  const given = givenTo(call);
  const { query, value, key } = given;
  for (const one of [query, value, key]) {
    if (lowering.rank(one) !== 3) throw new Unsupported('it attends over more than one axis.');
  }
  if (settings.flag('use_gate', false)) throw new Unsupported('its output has a gate (use_gate).');
  if (settings.has('sliding_window')) throw new Unsupported('it attends within a window (sliding_window).');
  const part = (...names: readonly string[]): LayerWeights => weights.under((head) => names.includes(head));
  const hasBias = settings.flag('use_bias', true) ? ['bias'] : [];
  const toHeads = (x: Operand, own: LayerWeights, name: string): Operand => {
    const [kernel, bias] = own.take('kernel', ...hasBias);
    const real = call.real(x, name);
    const split = projected(
      call,
      real,
      kernel!,
      bias ?? null,
      { summed: 1, made: 2 },
      call.part(name),
      call.part(name),
    );
    return lowering.transpose(split, [0, 2, 1, 3]);
  };
  const q = toHeads(query, part('query', 'query_dense'), 'query');
  let k = toHeads(key, part('key', 'key_dense'), 'key');
  let v = toHeads(value, part('value', 'value_dense'), 'value');
  if (heads.value !== heads.query) {
    k = repeated(call, k, heads, 'key');
    v = repeated(call, v, heads, 'value');
  }
  const scaled = call.node('Mul', [q, call.number(1 / Math.sqrt(width))], 'scaled');
  const scores = call.node('MatMul', [scaled, lowering.transpose(k, [0, 1, 3, 2])], 'scores');
  const weight = call.node('Softmax', [masked(call, scores, allowed(call, given))], 'weights', { axis: -1 });
  const attended = lowering.transpose(call.node('MatMul', [weight, v], 'attended'), [0, 2, 1, 3]);
  const [kernel, bias] = part('attention_output', 'output_dense').take('kernel', ...hasBias);
  const made = lowering.rank(kernel!) - 2;
  const result = projected(call, attended, kernel!, bias ?? null, { summed: 2, made }, call.name);
  return used ? [result, weight] : [result];
}

/** Each head of keys or values for the queries that share it. */
function repeated(call: LayerCall, x: Operand, heads: Heads, name: string): Operand {
  const { lowering } = call;
  const times = heads.query / heads.value;
  if (!Number.isInteger(times)) throw call.settings.wrong('num_query_heads', `a multiple of ${heads.value}`);
  const wide = call.node('Unsqueeze', [x, lowering.small([2])], `${name}_shared`);
  const tiled = call.node('Tile', [wide, lowering.small([1, 1, times, 1, 1])], `${name}_repeated`);
  const targets: readonly Target[] = [{ axis: 0 }, heads.query, { axis: 3 }, { axis: 4 }];
  return lowering.reshape(tiled, sizesFor(call, tiled, targets, `${name}_sizes`), { name: call.part(`${name}_heads`) });
}

function multiHead(call: LayerCall): readonly Operand[] {
  const { settings } = call;
  const heads = settings.size('num_heads');
  return headed(call, { query: heads, value: heads }, settings.size('key_dim'), true);
}

function groupedQuery(call: LayerCall): readonly Operand[] {
  const { settings } = call;
  const heads = { query: settings.size('num_query_heads'), value: settings.size('num_key_value_heads') };
  return headed(call, heads, settings.size('head_dim'), true);
}

/** Sum over the last axis of tanh(query + key), times a scale. */
function summedScores(
  call: LayerCall,
  q: Operand,
  k: Operand,
  before: Operand | undefined,
  after: Operand | undefined,
): Operand {
  const { lowering } = call;
  const rows = call.node('Unsqueeze', [q, lowering.small([2])], 'rows');
  const columns = call.node('Unsqueeze', [k, lowering.small([1])], 'columns');
  let sum = call.node('Add', [rows, columns], 'pairs');
  if (before !== undefined) sum = call.node('Mul', [sum, before], 'scaled_pairs');
  let bent = call.node('Tanh', [sum], 'tanh');
  if (after !== undefined) bent = call.node('Mul', [bent, after], 'scaled');
  return lowering.reduce('ReduceSum', bent, [3], { name: call.part('scores'), keepDims: false });
}

function weighed(call: LayerCall, given: Given, scores: Operand): readonly Operand[] {
  const { lowering } = call;
  const valueMask = call.parts.masks.get(given.value);
  const kept = both(
    call,
    [
      valueMask === undefined
        ? undefined
        : call.node('Unsqueeze', [call.cast(valueMask, 'bool', 'value_mask'), lowering.small([1])], 'value_mask_wide'),
      call.asks('use_causal_mask') || call.settings.flag('causal', false)
        ? causalMask(call, given.query, given.key)
        : undefined,
    ],
    'allowed',
  );
  const weight = call.node('Softmax', [masked(call, scores, kept)], 'weights', { axis: -1 });
  const queryMask = call.parts.masks.get(given.query);
  if (queryMask === undefined) return [call.own('MatMul', [weight, call.real(given.value, 'value')]), weight];
  const attended = call.node('MatMul', [weight, call.real(given.value, 'value')], 'attended');
  const wide = call.node(
    'Unsqueeze',
    [call.cast(queryMask, 'bool', 'query_mask'), lowering.small([2])],
    'query_mask_wide',
  );
  return [call.own('Where', [wide, attended, call.number(0)]), weight];
}

function attention(call: LayerCall): readonly Operand[] {
  const { settings, lowering } = call;
  const given = givenTo(call);
  const [q, k] = [call.real(given.query, 'query'), call.real(given.key, 'key')];
  const hasScale = settings.flag('use_scale', false);
  const concat = settings.text('score_mode', 'dot') === 'concat';
  const names = [...(hasScale ? ['scale'] : []), ...(concat ? ['concat_score_weight'] : [])];
  const taken = call.weights.take(...names);
  const scale = hasScale ? taken[0] : undefined;
  if (concat) {
    const scores = summedScores(call, q, k, scale, undefined);
    return weighed(
      call,
      given,
      call.node('Mul', [scores, taken[names.indexOf('concat_score_weight')]!], 'weighed_scores'),
    );
  }
  const rank = lowering.rank(k);
  const order = [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2];
  const product = call.node('MatMul', [q, lowering.transpose(k, order)], 'scores');
  return weighed(call, given, scale === undefined ? product : call.node('Mul', [product, scale], 'scaled'));
}

function additive(call: LayerCall): readonly Operand[] {
  const given = givenTo(call);
  const [scale] = call.settings.flag('use_scale', true) ? call.weights.take('scale') : [];
  const [q, k] = [call.real(given.query, 'query'), call.real(given.key, 'key')];
  return weighed(call, given, summedScores(call, q, k, undefined, scale));
}

/** The mask of the query goes on. */
function queryMask(call: LayerCall): Operand | undefined {
  return call.parts.masks.get(givenTo(call).query);
}

export const ATTENTION: LayerRows = {
  MultiHeadAttention: { lower: multiHead, mask: queryMask },
  GroupQueryAttention: { lower: groupedQuery, mask: queryMask },
  GroupedQueryAttention: { lower: groupedQuery, mask: queryMask },
  Attention: { lower: attention, mask: queryMask },
  AdditiveAttention: { lower: additive, mask: queryMask },
};
