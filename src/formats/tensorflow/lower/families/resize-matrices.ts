/** Weights of resizing along one axis as TensorFlow counts them: [to, from], row-major. */

interface Options {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

const f = Math.fround;
/** Places between two pixels that TensorFlow's cubic kernel knows. */
const TABLE = 1024;

function scaleOf(from: number, to: number, alignCorners: boolean): number {
  return alignCorners && to > 1 ? f((from - 1) / f(to - 1)) : f(from / f(to));
}

/** Cubic kernel (tensorflow/core/kernels/image/resize_bicubic_op.cc): a table of weights, of a = -0.5 with half pixel centers. */
export function cubicMatrix(from: number, to: number, { alignCorners, halfPixelCenters }: Options): Float32Array {
  const a = halfPixelCenters ? -0.5 : -0.75;
  const scale = scaleOf(from, to, alignCorners);
  const matrix = new Float32Array(from * to);
  for (let row = 0; row < to; row++) {
    const place = halfPixelCenters ? f(f(f(row + 0.5) * scale) - 0.5) : f(row * scale);
    const base = Math.floor(place);
    const offset = Math.round(f(f(place - base) * TABLE));
    const weights = [
      far(a, offset / TABLE + 1),
      near(a, offset / TABLE),
      near(a, (TABLE - offset) / TABLE),
      far(a, (TABLE - offset) / TABLE + 1),
    ];
    const places = [base - 1, base, base + 1, base + 2];
    // With half pixel centers, what lies outside counts nothing; else the edge is repeated.
    const inside = places.map((at) => at >= 0 && at < from);
    const kept = halfPixelCenters ? weights.map((weight, at) => (inside[at] === true ? weight : 0)) : weights;
    const sum = kept.reduce((total, weight) => f(total + weight), 0);
    const norm = halfPixelCenters && Math.abs(sum) >= 1000 * 2 ** -126 ? f(1 / sum) : 1;
    for (const [at, weight] of kept.entries()) {
      const column = Math.min(from - 1, Math.max(0, places[at] ?? 0));
      matrix[row * from + column] = f((matrix[row * from + column] ?? 0) + f(weight * norm));
    }
  }
  return matrix;
}

/** |x| <= 1 */
function near(a: number, x: number): number {
  return f(((a + 2) * x - (a + 3)) * x * x + 1);
}

/** 1 < |x| < 2 */
function far(a: number, x: number): number {
  return f(((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
}

/** Means over the pixels that an output pixel covers, parts of pixels in proportion. */
export function areaMatrix(from: number, to: number, { alignCorners }: Options): Float32Array {
  const scale = scaleOf(from, to, alignCorners);
  const matrix = new Float32Array(from * to);
  for (let row = 0; row < to; row++) {
    const [start, end] = [f(row * scale), f((row + 1) * scale)];
    for (let at = Math.floor(start); at < Math.ceil(end); at++) {
      const part = Math.min(at + 1, end) - Math.max(at, start);
      const column = Math.min(from - 1, Math.max(0, at));
      matrix[row * from + column] = (matrix[row * from + column] ?? 0) + part / scale;
    }
  }
  return matrix;
}
