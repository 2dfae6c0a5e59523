/** Values of the pooling operators. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { made, need, reals, refuse, wholes, type Evaluations } from '#runtimes/interpreter/evaluation.ts';
import { roiAlign, roiPool } from '#runtimes/interpreter/regions.ts';
import { eachWindow, windowsOf, type Taps, type Windows } from '#runtimes/interpreter/windows.ts';

function poolWindows(call: Call, x: Dense): Windows {
  return windowsOf(call, x.shape.slice(2), call.ints('kernel_shape') ?? []);
}

/** One number from the elements of each window of each channel. `pick` gets where the plane starts. */
function pooled(x: Dense, windows: Windows, pick: (plane: number, taps: Taps, position: number) => number): Dense {
  const planes = countOf(x.shape.slice(0, 2));
  const [area, count] = [countOf(windows.data), countOf(windows.positions)];
  const out = new Float64Array(planes * count);
  eachWindow(windows, (position, taps) => {
    for (let plane = 0; plane < planes; plane++) out[plane * count + position] = pick(plane * area, taps, position);
  });
  return made(x.dtype, [...x.shape.slice(0, 2), ...windows.positions], out);
}

function maxPool(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const data = reals(x);
  const windows = poolWindows(call, x);
  const best = (plane: number, { from, count }: Taps): number => {
    let at = -1;
    for (let t = 0; t < count; t++) {
      const next = plane + (from[t] ?? 0);
      if (at === -1 || (data[next] ?? 0) > (data[at] ?? 0)) at = next;
    }
    return at;
  };
  const largest = pooled(x, windows, (plane, taps) => {
    const at = best(plane, taps);
    return at === -1 ? -Infinity : (data[at] ?? 0);
  });
  if (call.outputCount < 2) return [largest];
  const turned = call.int('storage_order', 0) === 1;
  const positions = pooled({ ...x, dtype: 'i64' }, windows, (plane, taps) => {
    const at = best(plane, taps);
    return turned ? plane + columnMajor(at - plane, windows.data) : at;
  });
  return [largest, positions];
}

/** The same place of a plane when its first axis runs fastest. */
function columnMajor(at: number, sizes: readonly number[]): number {
  let rest = at;
  const place: number[] = [];
  for (const size of sizes.toReversed()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  let index = 0;
  for (let axis = sizes.length - 1; axis >= 0; axis--) index = index * (sizes[axis] ?? 1) + (place[axis] ?? 0);
  return index;
}

function averagePool(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const data = reals(x);
  const windows = poolWindows(call, x);
  const padded = call.int('count_include_pad', 0) !== 0;
  const counts = padded ? paddedCounts(call, windows) : undefined;
  return [
    pooled(x, windows, (plane, { from, count }, position) => {
      let sum = 0;
      for (let t = 0; t < count; t++) sum += data[plane + (from[t] ?? 0)] ?? 0;
      return sum / (counts?.[position] ?? count);
    }),
  ];
}

/** How many taps of each window lie in the data or its padding; what ceil_mode adds behind the padding does not count. */
function paddedCounts(call: Call, windows: Windows): readonly number[] {
  const rank = windows.data.length;
  const pads = call.ints('pads') ?? [];
  const auto = call.string('auto_pad', 'NOTSET');
  const data = windows.data.map((size, axis) => {
    if (auto !== 'NOTSET') return Infinity;
    return size + (windows.before[axis] ?? 0) + (pads[axis + rank] ?? 0);
  });
  const counts: number[] = [];
  eachWindow({ ...windows, data, before: windows.data.map(() => 0) }, (_, { count }) => counts.push(count));
  return counts;
}

function powerPool(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const data = reals(x);
  const p = call.int('p', 2);
  return [
    pooled(x, poolWindows(call, x), (plane, { from, count }) => {
      let sum = 0;
      for (let t = 0; t < count; t++) sum += Math.abs(data[plane + (from[t] ?? 0)] ?? 0) ** p;
      return sum ** (1 / p);
    }),
  ];
}

/** One number from all elements of each channel. */
function global(x: Dense, fold: (values: ArrayLike<number>, start: number, count: number) => number): readonly Dense[] {
  const planes = countOf(x.shape.slice(0, 2));
  const area = countOf(x.shape.slice(2));
  const data = reals(x);
  const shape = x.shape.map((size, axis) => (axis < 2 ? size : 1));
  return [
    made(
      x.dtype,
      shape,
      Array.from({ length: planes }, (_, plane) => fold(data, plane * area, area)),
    ),
  ];
}

/** Each value goes back to the position that MaxPool found it at. */
function unpool(call: Call): readonly Dense[] {
  const [x, positions] = [need(call, 0), need(call, 1)];
  const kernel = call.ints('kernel_shape') ?? [];
  const strides = call.ints('strides');
  const pads = call.ints('pads');
  const spatial = x.shape.slice(2).map((size, axis) => {
    const pad = (pads?.[axis] ?? 0) + (pads?.[axis + kernel.length] ?? 0);
    return (size - 1) * (strides?.[axis] ?? 1) + (kernel[axis] ?? 1) - pad;
  });
  const shape = wholes(call.dense(2)) ?? [...x.shape.slice(0, 2), ...spatial];
  const out = new Float64Array(countOf(shape));
  const data = reals(x);
  for (const [at, to] of positions.data.entries()) {
    const index = Number(to);
    if (index < 0 || index >= out.length) refuse(call, `its position ${String(index)} lies outside the output.`);
    out[index] = data[at] ?? 0;
  }
  return [made(x.dtype, shape, out)];
}

export const poolingEvaluations: Evaluations = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: powerPool,
  GlobalMaxPool: (call) =>
    global(need(call, 0), (values, start, count) => {
      let largest = -Infinity;
      for (let at = 0; at < count; at++) largest = Math.max(largest, values[start + at] ?? 0);
      return largest;
    }),
  GlobalAveragePool: (call) =>
    global(need(call, 0), (values, start, count) => {
      let sum = 0;
      for (let at = 0; at < count; at++) sum += values[start + at] ?? 0;
      return sum / count;
    }),
  GlobalLpPool: (call) => {
    const p = call.int('p', 2);
    return global(need(call, 0), (values, start, count) => {
      let sum = 0;
      for (let at = 0; at < count; at++) sum += Math.abs(values[start + at] ?? 0) ** p;
      return sum ** (1 / p);
    });
  },
  MaxUnpool: unpool,
  MaxRoiPool: roiPool,
  RoiAlign: roiAlign,
};
