/** Slices: by size, and by masks as NumPy's indexing compiles to. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { bool, int } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

/** Beyond any size: slices to the end. */
const END = 2 ** 31 - 1;

export const sliceOperators: readonly OperatorRow[] = [
  row('SLICE', {}, (call) => {
    const { lowering } = call;
    const [begin, size] = [call.known(1), call.known(2)];
    if (begin !== undefined && size !== undefined) {
      const ends = begin.map((from, axis) => ((size[axis] ?? -1) < 0 ? END : from + (size[axis] ?? 0)));
      return call.result('Slice', [
        call.input(0),
        lowering.small(begin),
        lowering.small(ends),
        axes(call, begin.length),
      ]);
    }
    const from = call.cast(call.input(1), 'i64', 'begin');
    const sizes = call.cast(call.input(2), 'i64', 'size');
    const sum = call.step('end', 'Add', [from, sizes]);
    // A size of -1 goes to the end.
    const open = call.step('open', 'Less', [sizes, lowering.small(0)]);
    const ends =
      size?.every((one) => one >= 0) === true ? sum : call.step('ends', 'Where', [open, lowering.small(END), sum]);
    return call.result('Slice', [call.input(0), from, ends, axes(call, call.rank(0))]);
  }),
  row(
    'STRIDED_SLICE',
    { begins: int(0), ends: int(1), ellipsis: int(2), added: int(3), dropped: int(4), offset: bool(5) },
    (call, options) => stridedSlice(call, options),
  ),
];

function axes(call: OperatorCall, count: number): Operand {
  return call.lowering.small(Array.from({ length: count }, (_, axis) => axis));
}

interface Masks {
  readonly begins: number;
  readonly ends: number;
  readonly ellipsis: number;
  readonly added: number;
  readonly dropped: number;
  readonly offset: boolean;
}

/** One entry of the index: a range along an axis of the input. */
interface Range {
  readonly entry: number;
  readonly axis: number;
}

/**
 * Entry by entry: an ellipsis skips axes, an added axis takes none, a dropped one keeps one place and loses its axis; masked begins and
 * ends are open.
 */
function stridedSlice(call: OperatorCall, masks: Masks): Operand {
  const rank = call.rank(0);
  const strides = call.numbers(3, 'list of strides');
  const count = strides.length;
  const is = (mask: number, entry: number): boolean => ((mask >> entry) & 1) === 1;
  const added = Array.from({ length: count }, (_, entry) => entry).filter(
    (entry) => is(masks.added, entry) && !is(masks.ellipsis, entry),
  );
  const skipped = rank - (count - added.length - (masks.ellipsis === 0 ? 0 : 1));
  if (skipped < 0) throw new Unsupported('It indexes more axes than its input has.', 'The file is damaged.');

  const ranges: Range[] = [];
  /** Axes of the result by where they come from. */
  const newAxes: number[] = [];
  const droppedAxes: number[] = [];
  let axis = 0;
  let result = 0;
  for (let entry = 0; entry < count; entry++) {
    if (is(masks.ellipsis, entry)) {
      axis += skipped;
      result += skipped;
    } else if (is(masks.added, entry)) newAxes.push(result++);
    else {
      ranges.push({ entry, axis });
      if (is(masks.dropped, entry)) droppedAxes.push(axis);
      else result++;
      axis++;
    }
  }
  let x = sliced(call, ranges, strides, masks, is);
  if (droppedAxes.length > 0) x = call.step('dropped', 'Squeeze', [x, call.lowering.small(droppedAxes)]);
  if (newAxes.length > 0) x = call.step('added', 'Unsqueeze', [x, call.lowering.small(newAxes)]);
  return x;
}

function sliced(
  call: OperatorCall,
  ranges: readonly Range[],
  strides: readonly number[],
  masks: Masks,
  is: (mask: number, entry: number) => boolean,
): Operand {
  const { lowering } = call;
  const [begins, ends] = [call.known(1), call.known(2)];
  if (begins !== undefined && ends !== undefined) {
    const rows = ranges.map(({ entry, axis }) => {
      const step = strides[entry] ?? 1;
      const from = begins[entry] ?? 0;
      const to = masks.offset ? from + (ends[entry] ?? 0) : (ends[entry] ?? 0);
      if (is(masks.dropped, entry)) return { axis, from, to: from === -1 ? END : from + 1, step: 1 };
      return {
        axis,
        from: is(masks.begins, entry) ? (step < 0 ? END : 0) : from,
        to: is(masks.ends, entry) ? (step < 0 ? -END : END) : to,
        step,
      };
    });
    const telling = rows.filter(({ from, to, step }) => from !== 0 || to !== END || step !== 1);
    if (telling.length === 0) return call.input(0);
    return call.result('Slice', [
      call.input(0),
      lowering.small(telling.map(({ from }) => from)),
      lowering.small(telling.map(({ to }) => to)),
      lowering.small(telling.map(({ axis }) => axis)),
      lowering.small(telling.map(({ step }) => step)),
    ]);
  }
  const open = ranges.filter(
    ({ entry }) => is(masks.begins, entry) || is(masks.ends, entry) || is(masks.dropped, entry),
  );
  const whole = ranges.every(({ entry }, at) => entry === at);
  if (!whole || masks.offset) throw new Unsupported('Its begin and end are computed when it is run, with masks.');
  const chosen = (at: 1 | 2, pick: (entry: number) => number | undefined): Operand => {
    const given = call.cast(call.input(at), 'i64', at === 1 ? 'begin' : 'end');
    if (open.length === 0) return given;
    // What is masked is put in place of what was computed.
    const fixed = ranges.map(({ entry }) => pick(entry));
    if (fixed.every((one) => one === undefined)) return given;
    const parts = fixed.map((one, entry) =>
      one === undefined
        ? call.step(`${at === 1 ? 'begin' : 'end'}_${entry}`, 'Slice', [
            given,
            lowering.small([entry]),
            lowering.small([entry + 1]),
            lowering.small([0]),
          ])
        : lowering.small([one]),
    );
    return parts.length === 1 ? parts[0]! : call.step(at === 1 ? 'begins' : 'ends', 'Concat', parts, { axis: 0 });
  };
  const begin = chosen(1, (entry) => {
    if (is(masks.dropped, entry)) return undefined;
    return is(masks.begins, entry) ? ((strides[entry] ?? 1) < 0 ? END : 0) : undefined;
  });
  let end = chosen(2, (entry) => (is(masks.ends, entry) ? ((strides[entry] ?? 1) < 0 ? -END : END) : undefined));
  if (masks.dropped !== 0) {
    // One place behind the begin; the last one, -1, would end at 0.
    const next = call.step('next', 'Add', [begin, lowering.small([1])]);
    const last = call.step('last', 'Equal', [next, lowering.small([0])]);
    const safe = call.step('safe', 'Where', [last, lowering.small([END]), next]);
    const drops = lowering.small(
      ranges.map(({ entry }) => (is(masks.dropped, entry) ? 1 : 0)),
      'bool',
    );
    end = call.step('ended', 'Where', [drops, safe, end]);
  }
  const steps = ranges.map(({ entry }) => (is(masks.dropped, entry) ? 1 : (strides[entry] ?? 1)));
  return call.result('Slice', [call.input(0), begin, end, axes(call, ranges.length), lowering.small(steps)]);
}
