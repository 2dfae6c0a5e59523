/** Windows that slide over spatial axes: which elements of the data meet which taps of the kernel at every position. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import { strides as stepsOf } from '#ops/evaluate/reduce.ts';
import { windowSizes } from '#ops/window.ts';

export interface Windows {
  /** Sizes of the axes that are slid over. */
  readonly data: readonly number[];
  /** How many positions there are along each. */
  readonly positions: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before the data. */
  readonly before: readonly number[];
}

/** Offsets into the data and into the kernel that meet; only the first `count` hold. */
export interface Taps {
  readonly from: Int32Array;
  readonly tap: Int32Array;
  count: number;
}

/** Visits positions in row-major order. Taps that fall into the padding are left out. */
export function eachWindow(windows: Windows, visit: (position: number, taps: Taps) => void): void {
  const { data, positions, kernel, strides, dilations, before } = windows;
  const rank = data.length;
  const total = countOf(kernel);
  const steps = stepsOf(data);
  const reach = coordinates(kernel).map((at, index) => at * (dilations[index % rank] ?? 1));
  const taps: Taps = { from: new Int32Array(total), tap: new Int32Array(total), count: 0 };
  const place: number[] = Array.from({ length: rank }, () => 0);
  const count = countOf(positions);
  for (let position = 0; position < count; position++) {
    taps.count = 0;
    for (let tap = 0; tap < total; tap++) {
      let offset = 0;
      let inside = true;
      for (let axis = 0; axis < rank; axis++) {
        const at = (place[axis] ?? 0) * (strides[axis] ?? 1) - (before[axis] ?? 0) + (reach[tap * rank + axis] ?? 0);
        if (at < 0 || at >= (data[axis] ?? 0)) {
          inside = false;
          break;
        }
        offset += at * (steps[axis] ?? 1);
      }
      if (!inside) continue;
      taps.from[taps.count] = offset;
      taps.tap[taps.count] = tap;
      taps.count++;
    }
    visit(position, taps);
    advance(place, positions);
  }
}

/** The next place in row-major order. */
export function advance(place: number[], sizes: readonly number[]): void {
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const next = (place[axis] ?? 0) + 1;
    if (next < (sizes[axis] ?? 1)) {
      place[axis] = next;
      return;
    }
    place[axis] = 0;
  }
}

/** Coordinates of every element one after the other. */
function coordinates(sizes: readonly number[]): number[] {
  const all: number[] = [];
  const place: number[] = Array.from({ length: sizes.length }, () => 0);
  for (let at = countOf(sizes); at > 0; at--) {
    all.push(...place);
    advance(place, sizes);
  }
  return all;
}

/** Windows of Conv and the pooling operators from their attributes (ONNX specification, Conv and MaxPool). */
export function windowsOf(call: Call, data: readonly number[], kernel: readonly number[]): Windows {
  const positions = windowSizes(call, data, kernel).map(Number);
  const strides = call.ints('strides') ?? data.map(() => 1);
  const dilations = call.ints('dilations') ?? data.map(() => 1);
  const pads = call.ints('pads');
  const auto = call.string('auto_pad', 'NOTSET');
  const before = data.map((size, axis) => {
    if (auto === 'VALID') return 0;
    if (!auto.startsWith('SAME')) return pads?.[axis] ?? 0;
    const extent = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const all = Math.max(((positions[axis] ?? 1) - 1) * (strides[axis] ?? 1) + extent - size, 0);
    return auto === 'SAME_UPPER' ? Math.floor(all / 2) : Math.ceil(all / 2);
  });
  return { data, positions, kernel, strides, dilations, before };
}
