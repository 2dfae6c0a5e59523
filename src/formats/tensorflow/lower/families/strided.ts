/**
 * StridedSlice: one entry for each index of `x[a:b:c, ..., None, i]`, with masks that say which entries are open ends, an ellipsis,
 * a new axis or a single position that drops its axis.
 */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Dim } from '#ir/model.ts';
import { FAR } from './reversal.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

/** What an entry does to an axis of the input. */
interface Cut {
  readonly axis: number;
  /** A number, or the place of a computed one in the list of begins. */
  readonly start: number | { readonly computed: number };
  readonly end: number | { readonly computed: number } | { readonly after: number };
  readonly step: number;
  readonly drops: boolean;
}

interface Plan {
  readonly cuts: readonly Cut[];
  /** Places of new axes in the result. */
  readonly fresh: readonly number[];
}

interface Masks {
  readonly begin: number;
  readonly end: number;
  readonly ellipsis: number;
  readonly fresh: number;
  readonly shrink: number;
}

export function strided(call: TfCall): readonly Operand[] {
  const begin = call.elements(1);
  const end = call.elements(2);
  const steps = call.numbers(3);
  const masks: Masks = {
    begin: call.int('begin_mask', 0),
    end: call.int('end_mask', 0),
    ellipsis: call.int('ellipsis_mask', 0),
    fresh: call.int('new_axis_mask', 0),
    shrink: call.int('shrink_axis_mask', 0),
  };
  const needsRank = masks.ellipsis !== 0;
  const rank = needsRank ? call.rank(0) : (call.shape(0)?.length ?? steps.length);
  return [apply(call, planOf(call, rank, begin, end, steps, masks))];
}

function planOf(
  call: TfCall,
  rank: number,
  begin: readonly Dim[] | undefined,
  end: readonly Dim[] | undefined,
  steps: readonly number[],
  masks: Masks,
): Plan {
  const on = (mask: number, at: number): boolean => ((mask >> at) & 1) === 1;
  const count = steps.length;
  if (count > 31) throw call.broken('has more than 31 entries');
  const cuts: Cut[] = [];
  const fresh: number[] = [];
  let axis = 0;
  let place = 0;
  const ellipsis = Array.from({ length: count }, (_, at) => at).find((at) => on(masks.ellipsis, at));
  for (let at = 0; at < count; at++) {
    if (at === ellipsis) {
      const later = Array.from({ length: count - at - 1 }, (_, next) => at + 1 + next);
      const taken = later.filter((next) => !on(masks.fresh, next)).length;
      const skipped = Math.max(0, rank - axis - taken);
      axis += skipped;
      place += skipped;
    } else if (on(masks.fresh, at)) {
      fresh.push(place++);
    } else {
      const step = steps[at] ?? 1;
      if (step === 0) throw call.broken('has a step of 0');
      if (axis >= rank) throw call.broken(`has more entries than its input has axes (${rank})`);
      const given = (list: readonly Dim[] | undefined): number | { readonly computed: number } => {
        const one = list?.[at];
        return typeof one === 'number' ? one : { computed: at };
      };
      if (on(masks.shrink, at)) {
        const start = given(begin);
        const after = typeof start === 'number' ? (start === -1 ? FAR : start + 1) : { after: start.computed };
        cuts.push({ axis, start, end: after, step: 1, drops: true });
      } else {
        cuts.push({
          axis,
          start: on(masks.begin, at) ? (step > 0 ? 0 : FAR) : given(begin),
          end: on(masks.end, at) ? (step > 0 ? FAR : -FAR) : given(end),
          step,
          drops: false,
        });
        place++;
      }
      axis++;
    }
  }
  return { cuts, fresh };
}

function apply(call: TfCall, { cuts, fresh }: Plan): Operand {
  const { lowering } = call;
  let x = call.input(0);
  const single = cuts.filter((cut) => !(cut.start === 0 && cut.end === FAR && cut.step === 1));
  const dropped = cuts.filter((cut) => cut.drops);
  const [only] = single;
  // One position of a list, as in shape arithmetic: what Gather of a scalar says best.
  if (single.length === 1 && only?.drops === true && typeof only.start === 'number' && dropped.length === 1) {
    const last = only.axis === 0 && only.start === -1 ? call.scope.notes.last.get(x) : undefined;
    if (last !== undefined && fresh.length === 0) return last;
    x = named(call, 'Gather', [x, lowering.small(only.start)], { axis: only.axis }, fresh.length === 0);
  } else if (single.length > 0) {
    const isLast = dropped.length === 0 && fresh.length === 0;
    const starts = bounds(call, 'starts', single, ({ start }) => start);
    const ends = bounds(call, 'ends', single, ({ end }) => end);
    const axes = lowering.small(single.map(({ axis }) => axis));
    const plain = single.every(({ step }) => step === 1);
    const inputs = plain
      ? [x, starts, ends, axes]
      : [x, starts, ends, axes, lowering.small(single.map(({ step }) => step))];
    x = named(call, 'Slice', inputs, {}, isLast);
    if (dropped.length > 0) {
      const gone = lowering.small(dropped.map(({ axis }) => axis));
      x = named(call, 'Squeeze', [x, gone], {}, fresh.length === 0);
    }
  }
  return fresh.length === 0 ? x : named(call, 'Unsqueeze', [x, lowering.small(fresh)], {}, true);
}

function named(
  call: TfCall,
  op: string,
  inputs: readonly Operand[],
  attrs: Readonly<Record<string, number>>,
  last: boolean,
): Operand {
  return last ? call.emit(op, inputs, attrs) : call.step(op.toLowerCase(), op, inputs, attrs);
}

/** Starts or ends as one list; computed ones are taken from the inputs. */
function bounds(call: TfCall, suffix: string, cuts: readonly Cut[], of: (cut: Cut) => Cut['end']): Operand {
  const { lowering } = call;
  const all = cuts.map(of);
  const known = all.filter((one) => typeof one === 'number');
  if (known.length === all.length) return lowering.small(known);
  const parts = all.map((one, at): Operand => {
    if (typeof one === 'number') return lowering.small([one]);
    if ('after' in one) {
      const start = entry(call, `${suffix}_${at}`, call.long(1), one.after);
      // Past the last element is not 0.
      const next = call.step(`${suffix}_${at}_next`, 'Add', [start, lowering.small([1])]);
      const isLast = call.step(`${suffix}_${at}_last`, 'Equal', [next, lowering.small([0])]);
      return call.step(`${suffix}_${at}_end`, 'Where', [isLast, lowering.small([FAR]), next]);
    }
    return entry(call, `${suffix}_${at}`, call.long(suffix === 'starts' ? 1 : 2), one.computed);
  });
  const [first] = parts;
  if (first === undefined) throw new Inexpressible('It has no entries.');
  return parts.length === 1 ? first : call.step(suffix, 'Concat', parts, { axis: 0 });
}

function entry(call: TfCall, suffix: string, list: Operand, at: number): Operand {
  const { lowering } = call;
  return call.step(suffix, 'Slice', [list, lowering.small([at]), lowering.small([at + 1]), lowering.small([0])]);
}
