/** Values of convolutions: every output element is one sum in double precision, rounded once. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { activationOf } from '#runtimes/interpreter/activations.ts';
import { deformable } from '#runtimes/interpreter/deformable.ts';
import { made, need, reals, wholes, type Evaluations, type Reals } from '#runtimes/interpreter/evaluation.ts';
import { lessZeroPoint, requantize } from '#runtimes/interpreter/integers.ts';
import { eachWindow, windowsOf, type Windows } from '#runtimes/interpreter/windows.ts';

interface Operands {
  readonly x: Reals;
  readonly xShape: readonly number[];
  readonly w: Reals;
  readonly wShape: readonly number[];
  readonly bias: Reals | undefined;
  readonly groups: number;
}

/**
 * Sums of [N, C, ...] with the kernel [M, C / groups, ...], one for each element of [N, M, ...positions]. What lies under the
 * kernel is laid out as a row of the kernel is, zeros where it hangs over, so that each sum runs over two rows.
 */
function sums({ x, xShape, w, wShape, bias, groups }: Operands, windows: Windows): Float64Array {
  const [batch = 1, channels = 1] = xShape;
  const [filters = 1, depth = 1] = wShape;
  const area = countOf(windows.data);
  const taps = countOf(windows.kernel);
  const count = countOf(windows.positions);
  const perGroup = filters / groups;
  const weights = new Float64Array(w);
  const row = depth * taps;
  const under = new Float64Array(row);
  const out = new Float64Array(batch * filters * count);
  eachWindow(windows, (position, met) => {
    for (let n = 0; n < batch; n++) {
      for (let group = 0; group < groups; group++) {
        const first = (n * channels + group * depth) * area;
        if (met.count < taps) under.fill(0);
        for (let c = 0; c < depth; c++) {
          for (let t = 0; t < met.count; t++) {
            under[c * taps + (met.tap[t] ?? 0)] = x[first + c * area + (met.from[t] ?? 0)] ?? 0;
          }
        }
        for (let m = group * perGroup; m < (group + 1) * perGroup; m++) {
          let sum = bias?.[m] ?? 0;
          const start = m * row;
          for (let at = 0; at < row; at++) sum += (under[at] ?? 0) * (weights[start + at] ?? 0);
          out[(n * filters + m) * count + position] = sum;
        }
      }
    }
  });
  return out;
}

function convolve(
  call: Call,
  x: Dense,
  w: Dense,
  given: { readonly x?: Reals; readonly w?: Reals; readonly bias?: Reals | undefined } = {},
): { readonly values: Float64Array; readonly shape: readonly number[] } {
  const windows = windowsOf(call, x.shape.slice(2), call.ints('kernel_shape') ?? w.shape.slice(2));
  const operands: Operands = {
    x: given.x ?? reals(x),
    xShape: x.shape,
    w: given.w ?? reals(w),
    wShape: w.shape,
    bias: given.bias,
    groups: call.int('group', 1),
  };
  return {
    values: sums(operands, windows),
    shape: [x.shape[0] ?? 1, w.shape[0] ?? 1, ...windows.positions],
  };
}

function bias(call: Call, input: number): Reals | undefined {
  const dense = call.dense(input);
  return dense === undefined ? undefined : reals(dense);
}

/** Kernel [C, M / groups, ...]; each input element is spread over the window it stands for. */
function convolveTransposed(call: Call): readonly Dense[] {
  const [x, w] = [need(call, 0), need(call, 1)];
  const groups = call.int('group', 1);
  const kernel = call.ints('kernel_shape') ?? w.shape.slice(2);
  const windows = transposedWindows(call, x.shape.slice(2), kernel);
  const [batch = 1, channels = 1] = x.shape;
  const depth = w.shape[1] ?? 1;
  const filters = depth * groups;
  const perGroup = channels / groups;
  const [area, taps, read] = [countOf(windows.data), countOf(kernel), countOf(windows.positions)];
  const out = new Float64Array(batch * filters * area);
  const added = bias(call, 2);
  if (added !== undefined)
    for (let at = 0; at < out.length; at++) out[at] = added[Math.floor(at / area) % filters] ?? 0;
  const [data, weights] = [reals(x), reals(w)];
  eachWindow(windows, (position, { from, tap, count }) => {
    for (let n = 0; n < batch; n++) {
      for (let c = 0; c < channels; c++) {
        const value = data[(n * channels + c) * read + position] ?? 0;
        const first = n * filters + Math.floor(c / perGroup) * depth;
        for (let m = 0; m < depth; m++) {
          const into = (first + m) * area;
          const ofKernel = (c * depth + m) * taps;
          for (let t = 0; t < count; t++) {
            const at = into + (from[t] ?? 0);
            out[at] = (out[at] ?? 0) + value * (weights[ofKernel + (tap[t] ?? 0)] ?? 0);
          }
        }
      }
    }
  });
  return [made(x.dtype, [batch, filters, ...windows.data], out)];
}

/** As a convolution's windows with data and positions in each other's place (ONNX specification, ConvTranspose). */
function transposedWindows(call: Call, sizes: readonly number[], kernel: readonly number[]): Windows {
  const strides = call.ints('strides') ?? sizes.map(() => 1);
  const dilations = call.ints('dilations') ?? sizes.map(() => 1);
  const pads = call.ints('pads');
  const outputPads = call.ints('output_padding');
  const fixed = call.ints('output_shape');
  const auto = call.string('auto_pad', 'NOTSET');
  const data: number[] = [];
  const before: number[] = [];
  for (const [axis, size] of sizes.entries()) {
    const stride = strides[axis] ?? 1;
    const extent = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const full = stride * (size - 1) + (outputPads?.[axis] ?? 0) + extent;
    const wanted = fixed?.[fixed.length - sizes.length + axis] ?? (auto.startsWith('SAME') ? size * stride : undefined);
    if (wanted === undefined) {
      const [low, high] = auto === 'VALID' ? [0, 0] : [pads?.[axis] ?? 0, pads?.[axis + sizes.length] ?? 0];
      data.push(full - low - high);
      before.push(low);
    } else {
      const all = Math.max(full - wanted, 0);
      data.push(wanted);
      before.push(auto === 'SAME_UPPER' ? Math.floor(all / 2) : Math.ceil(all / 2));
    }
  }
  return { data, positions: sizes, kernel, strides, dilations, before };
}

/** Columns [N, C * taps, positions] are summed back into the image. */
function columnsToImage(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const image = wholes(call.dense(1)) ?? [];
  const block = wholes(call.dense(2)) ?? [];
  const strides = call.ints('strides') ?? image.map(() => 1);
  const dilations = call.ints('dilations') ?? image.map(() => 1);
  const pads = call.ints('pads') ?? [...image, ...image].map(() => 0);
  const positions = image.map((size, axis) => {
    const extent = ((block[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const padded = size + (pads[axis] ?? 0) + (pads[axis + image.length] ?? 0);
    return Math.floor((padded - extent) / (strides[axis] ?? 1)) + 1;
  });
  const [area, taps, count] = [countOf(image), countOf(block), countOf(positions)];
  const batch = x.shape[0] ?? 1;
  const channels = (x.shape[1] ?? 1) / taps;
  const out = new Float64Array(batch * channels * area);
  const data = reals(x);
  eachWindow(
    { data: image, positions, kernel: block, strides, dilations, before: pads },
    (position, { from, tap, count: met }) => {
      for (let plane = 0; plane < batch * channels; plane++) {
        for (let t = 0; t < met; t++) {
          const at = plane * area + (from[t] ?? 0);
          out[at] = (out[at] ?? 0) + (data[(plane * taps + (tap[t] ?? 0)) * count + position] ?? 0);
        }
      }
    },
  );
  return [made(x.dtype, [batch, channels, ...image], out)];
}

export const convolutionEvaluations: Evaluations = {
  Conv: (call) => {
    const x = need(call, 0);
    const { values, shape } = convolve(call, x, need(call, 1), { bias: bias(call, 2) });
    return [made(x.dtype, shape, values)];
  },
  'com.microsoft.FusedConv': (call) => {
    const x = need(call, 0);
    const { values, shape } = convolve(call, x, need(call, 1), { bias: bias(call, 2) });
    const residual = call.dense(3);
    const activate = activationOf(call.string('activation', ''), call.floats('activation_params') ?? []);
    const added = residual === undefined ? undefined : reals(residual);
    return [
      made(
        x.dtype,
        shape,
        values.map((value, at) => activate(value + (added?.[at] ?? 0))),
      ),
    ];
  },
  ConvTranspose: convolveTransposed,
  Col2Im: columnsToImage,
  DeformConv: deformable,
  ConvInteger: (call) => {
    const [x, w] = [need(call, 0), need(call, 1)];
    const given = { x: lessZeroPoint(x, call.dense(2), null), w: lessZeroPoint(w, call.dense(3), 0) };
    const { values, shape } = convolve(call, x, w, given);
    return [made('i32', shape, values)];
  },
  QLinearConv: (call) => {
    const [x, w] = [need(call, 0), need(call, 3)];
    const given = {
      x: lessZeroPoint(x, call.dense(2), null),
      w: lessZeroPoint(w, call.dense(5), 0),
      bias: bias(call, 8),
    };
    const { values, shape } = convolve(call, x, w, given);
    const area = countOf(shape.slice(2));
    const filters = w.shape[0] ?? 1;
    const scales = { a: need(call, 1), b: need(call, 4), out: need(call, 6), zero: need(call, 7) };
    return [requantize(values, shape, scales, (at) => Math.floor(at / area) % filters)];
  },
};
