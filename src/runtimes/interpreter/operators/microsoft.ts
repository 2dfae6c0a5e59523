/** Values of the fused operators of com.microsoft that transformers are exported with, and of those of packed weights. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { made, need, reals, type Evaluate, type Evaluations, type Reals } from '#runtimes/interpreter/evaluation.ts';
import { quantize } from '#runtimes/interpreter/grid.ts';
import { lessZeroPoint, requantize } from '#runtimes/interpreter/integers.ts';
import { multiply, turned, type Matrix } from '#runtimes/interpreter/products.ts';
import { integerOperands } from './matrix.ts';
import { layerNormalization } from './normalization.ts';
import { dynamicGrid } from './quantization.ts';

/** Layer normalization of input + skip + bias; the sum comes out too. */
function skipNorm(centred: boolean): Evaluate {
  return (call) => {
    const [x, skip, scale] = [need(call, 0), need(call, 1), need(call, 2)];
    const bias = call.dense(centred ? 4 : 3);
    const [data, other] = [reals(x), reals(skip)];
    const shift = bias === undefined ? undefined : reals(bias);
    const width = x.shape.at(-1) ?? 1;
    // The skip connection may have no batch axis.
    const sum = data.map((value, at) => value + (other[at % other.length] ?? 0) + (shift?.[at % width] ?? 0));
    const total = made(x.dtype, x.shape, sum);
    const parts = {
      scale,
      shift: centred ? call.dense(3) : undefined,
      axis: -1,
      epsilon: call.float('epsilon', 1e-12),
      centred,
    };
    const [y, mean, inverse] = layerNormalization(total, parts);
    return [y, mean, inverse, total];
  };
}

/** Sum of the embeddings of words, positions and segments, normalized. */
const embedNorm: Evaluate = (call) => {
  const [ids, words, places] = [need(call, 0), need(call, 2), need(call, 3)];
  const [segmentIds, segments, mask, positions] = [call.dense(1), call.dense(4), call.dense(7), call.dense(8)];
  const [batch = 1, steps = 1] = ids.shape;
  const width = words.shape[1] ?? 1;
  const [ofWords, ofPlaces] = [reals(words), reals(places)];
  const ofSegments = segments === undefined ? undefined : reals(segments);
  const sum = Float64Array.from({ length: batch * steps * width }, (_, at) => {
    const row = Math.floor(at / width);
    const column = at % width;
    const position = positions === undefined ? row % steps : Number(positions.data[row % positions.data.length] ?? 0);
    const segment = Number(segmentIds?.data[row] ?? 0);
    return (
      (ofWords[Number(ids.data[row] ?? 0) * width + column] ?? 0) +
      (ofPlaces[position * width + column] ?? 0) +
      (ofSegments?.[segment * width + column] ?? 0)
    );
  });
  const total = made(words.dtype, [batch, steps, width], sum);
  const parts = {
    scale: call.dense(5),
    shift: call.dense(6),
    axis: -1,
    epsilon: call.float('epsilon', 1e-12),
    centred: true,
  };
  const [y] = layerNormalization(total, parts);
  const seen = Array.from({ length: batch }, (_, b) => {
    if (mask === undefined) return 0;
    let count = 0;
    for (let s = 0; s < steps; s++) count += Number(mask.data[b * steps + s] ?? 0) === 0 ? 0 : 1;
    return count;
  });
  return [y, made('i32', [batch], seen), total];
};

/** Element `index` of integers of `bits` that lie packed from the low end on. */
function packed(bytes: ArrayLike<number | bigint>, start: number, index: number, bits: number): number {
  const at = index * bits;
  return (Number(bytes[start + (at >> 3)] ?? 0) >> (at & 7)) & (2 ** bits - 1);
}

/** B: [N, blocks, bytes of a block], packed along K; one scale and zero point for each block. */
function unpackedWeight(call: Call): Matrix {
  const [b, scales, zeros] = [need(call, 1), need(call, 2), call.dense(3)];
  const [rows, columns, bits] = [call.int('N', 0), call.int('K', 0), call.int('bits', 4)];
  const block = call.int('block_size', 32);
  const blocks = Math.ceil(columns / block);
  const bytes = (block * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const scale = reals(scales);
  const zeroOf = (row: number, k: number): number => {
    if (zeros === undefined) return 2 ** (bits - 1);
    if (zeros.dtype === 'u8') return packed(zeros.data, row * zeroBytes, k, bits);
    return Number(zeros.data[row * blocks + k] ?? 0);
  };
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const k = Math.floor(column / block);
      const level = packed(b.data, (row * blocks + k) * bytes, column % block, bits);
      values[row * columns + column] = (scale[row * blocks + k] ?? 0) * (level - zeroOf(row, k));
    }
  }
  return { values, shape: [rows, columns] };
}

/** x times the weight, turned, plus a bias for each column. */
function product(x: Dense, weight: Matrix, bias: Dense | undefined): readonly Dense[] {
  const { values, shape } = multiply({ values: reals(x), shape: x.shape }, turned(weight));
  return [made(x.dtype, shape, withBias(values, bias))];
}

function withBias(values: Float64Array, bias: Dense | undefined): Float64Array {
  if (bias === undefined) return values;
  const shift = reals(bias);
  return values.map((value, at) => value + (shift[at % shift.length] ?? 0));
}

/** Values of 4-bit normal floats and of 4-bit floats (bitsandbytes, csrc/kernels.cu). */
const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];
const FP4_SIZES = [0, 0.00520833333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25];
const FP4 = [...FP4_SIZES, ...FP4_SIZES.map((value) => -value)];

/** B: [N * K / 2] bytes, the first of two in the high bits, in blocks along the flat matrix. */
const bitsAndBytes: Evaluate = (call) => {
  const [x, b, largest] = [need(call, 0), need(call, 1), reals(need(call, 2))];
  const [rows, columns, block] = [call.int('N', 0), call.int('K', 0), call.int('block_size', 64)];
  const table = call.int('quant_type', 1) === 0 ? FP4 : NF4;
  const values = Float64Array.from({ length: rows * columns }, (_, at) => {
    const byte = Number(b.data[at >> 1] ?? 0);
    return (table[at % 2 === 0 ? byte >> 4 : byte & 15] ?? 0) * (largest[Math.floor(at / block)] ?? 0);
  });
  return product(x, { values, shape: [rows, columns] }, undefined);
};

/** Rows of a table of integers in blocks along an axis, gathered and made real. */
const gatherBlocks: Evaluate = (call) => {
  const [data, indices, scales, zeros] = [need(call, 0), need(call, 1), need(call, 2), call.dense(3)];
  const bits = call.int('bits', 4);
  const perByte = data.dtype === 'u8' ? 8 / bits : 1;
  const last = data.shape.length - 1;
  const shape = data.shape.map((size, axis) => (axis === last ? size * perByte : size));
  const front = (axis: number): number => (axis < 0 ? axis + shape.length : axis);
  const gatherAxis = front(call.int('gather_axis', 0));
  const along = front(call.int('quantize_axis', 1));
  const block = call.int('block_size', 128);
  const scale = reals(scales);
  const inner = countOf(shape.slice(along + 1));
  const size = shape[along] ?? 1;
  const blocks = Math.ceil(size / block);
  const levelOf = (x: Dense, at: number): number =>
    perByte === 1 ? Number(x.data[at] ?? 0) : packed(x.data, 0, at, bits);
  const real = (at: number): number => {
    const outer = Math.floor(at / (inner * size));
    const of = (outer * blocks + Math.floor((Math.floor(at / inner) % size) / block)) * inner + (at % inner);
    const middle = data.dtype === 'u8' ? 2 ** (bits - 1) : 0;
    const row = shape.slice(0, -1).length === 0 ? 0 : Math.floor(of / blocks);
    // Packed zero points start a byte anew in each row.
    const zero =
      zeros === undefined
        ? middle
        : perByte === 1
          ? levelOf(zeros, of)
          : packed(zeros.data, row * Math.ceil(blocks / perByte), of % blocks, bits);
    return (scale[of] ?? 0) * (levelOf(data, at) - zero);
  };
  const rest = countOf(shape.slice(gatherAxis + 1));
  const height = shape[gatherAxis] ?? 1;
  const count = countOf(indices.shape);
  const values = Float64Array.from({ length: countOf(shape.slice(0, gatherAxis)) * count * rest }, (_, at) => {
    const outer = Math.floor(at / (count * rest));
    const index = Number(indices.data[Math.floor(at / rest) % count] ?? 0);
    return real((outer * height + (index < 0 ? index + height : index)) * rest + (at % rest));
  });
  return [
    made(scales.dtype, [...shape.slice(0, gatherAxis), ...indices.shape, ...shape.slice(gatherAxis + 1)], values),
  ];
};

/** Sums of products of levels made real: one scale for A, one or one a column for B. */
function scaled(sums: Float64Array, aScale: Reals, bScale: Reals, columns: number): Float64Array {
  return sums.map((sum, at) => sum * (aScale[0] ?? 1) * (bScale[bScale.length === 1 ? 0 : at % columns] ?? 1));
}

const toFloat: Evaluate = (call) => {
  const [a, b] = integerOperands(need(call, 0), call.dense(4), need(call, 1), call.dense(5));
  const { values, shape } = multiply(a, b);
  const real = scaled(values, reals(need(call, 2)), reals(need(call, 3)), b.shape.at(-1) ?? 1);
  return [made(need(call, 2).dtype, shape, withBias(real, call.dense(6)))];
};

/** A is rounded to 256 levels over its own range first. */
const dynamicProduct: Evaluate = (call) => {
  const x = need(call, 0);
  const { scale, zero } = dynamicGrid(x);
  const [scaleOf, zeroOf] = [made('f32', [], [scale]), made('u8', [], [zero])];
  const levels = quantize(x, { scale: scaleOf, zeroPoint: zeroOf }, 'u8');
  const [a, b] = integerOperands(levels, zeroOf, need(call, 1), call.dense(3));
  const { values, shape } = multiply(a, b);
  const real = scaled(values, reals(scaleOf), reals(need(call, 2)), b.shape.at(-1) ?? 1);
  return [made(x.dtype, shape, withBias(real, call.dense(4)))];
};

/** A and B of levels, a bias of whole numbers in steps of their scales; the result on a grid, or real without one. */
const integerGemm: Evaluate = (call) => {
  const [a, b, c] = [need(call, 0), need(call, 3), call.dense(6)];
  const transB = call.int('transB', 0) !== 0;
  const left = { values: lessZeroPoint(a, call.dense(2), null), shape: a.shape };
  const right = { values: lessZeroPoint(b, call.dense(5), transB ? 0 : 1), shape: b.shape };
  const { values, shape } = multiply(call.int('transA', 0) === 0 ? left : turned(left), transB ? turned(right) : right);
  const sums = withBias(values, c);
  const columns = shape.at(-1) ?? 1;
  const alpha = call.float('alpha', 1);
  const [aScale, bScale, out, zero] = [need(call, 1), need(call, 4), call.dense(7), call.dense(8)];
  if (out === undefined || zero === undefined) {
    return [
      made(
        'f32',
        shape,
        scaled(sums, reals(aScale), reals(bScale), columns).map((value) => alpha * value),
      ),
    ];
  }
  if (alpha !== 1) return undefined;
  return [requantize(sums, shape, { a: aScale, b: bScale, out, zero }, (at) => at % columns)];
};

export const microsoftEvaluations: Evaluations = {
  'com.microsoft.SkipLayerNormalization': skipNorm(true),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipNorm(false),
  'com.microsoft.EmbedLayerNormalization': embedNorm,
  'com.microsoft.MatMulNBits': (call) =>
    call.has(4) ? undefined : product(need(call, 0), unpackedWeight(call), call.dense(5)),
  'com.microsoft.MatMulBnb4': bitsAndBytes,
  'com.microsoft.GatherBlockQuantized': gatherBlocks,
  'com.microsoft.MatMulIntegerToFloat': toFloat,
  'com.microsoft.DynamicQuantizeMatMul': dynamicProduct,
  'com.microsoft.QGemm': integerGemm,
};
