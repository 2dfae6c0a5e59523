/**
 * The arithmetic contract: what every backend computes, on contiguous float32 rows. A row is the set of weights that share
 * one scale: the whole tensor, one channel, or one block. `reference/` defines the meaning; WASM and WebGPU overlay it and
 * are held to it by one agreement suite. Integer results are bit-equal on every backend; sums agree within a tolerance
 * that the suite names.
 *
 * Arithmetic law (ONNX QuantizeLinear, with the product instead of the quotient, so that all backends can agree):
 *   q = clamp(roundHalfEven(fround(x * inverse)) + zeroPoint, low, high), inverse = fround(1 / scale), computed once in
 *   float32 on the CPU and handed in; x' = fround(scale * (q - zeroPoint)). Never fuse the product with the rounding.
 *   A zero or subnormal scale has inverse 0: its row becomes zero.
 */

/** Rows of equal length, row-major. The last row of a tensor may be cut short by `lastLength`. */
export interface Rows {
  /** length = (rows - 1) * rowLength + (lastLength ?? rowLength). */
  readonly data: Float32Array;
  readonly rows: number;
  readonly rowLength: number;
  readonly lastLength?: number;
}

/** Integer width of the stored levels. 2- and 4-bit results come one to a byte; packing belongs to the format. */
export type Bits = 2 | 4 | 8 | 16;

/** The levels that a quantizer may use, and the scale of each row. */
export interface Grid {
  readonly bits: Bits;
  readonly signed: boolean;
  /** Lowest and highest level, e.g. -127 and 127. */
  readonly low: number;
  readonly high: number;
  /** One per row, or a single one for all rows. */
  readonly scale: Float32Array;
  /** One per row or a single one; levels. */
  readonly zeroPoint: Int32Array;
}

export type Levels = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** Sums over all weights of a tensor, in double precision, from which SQNR, MSE and cosine follow. */
export interface ErrorSums {
  readonly count: number;
  /** Sum of (x - x')^2. */
  readonly squaredError: number;
  /** Sum of x^2. */
  readonly squaredSignal: number;
  /** Sum of x'^2. */
  readonly squaredResult: number;
  /** Largest |x - x'|. */
  readonly maxAbsError: number;
}

export interface QuantizeResult {
  /** Absent when only the error was asked for. */
  readonly levels?: Levels;
  readonly error: ErrorSums;
}

export interface ScaleSearch {
  readonly bits: Bits;
  readonly signed: boolean;
  readonly low: number;
  readonly high: number;
  /**
   * Symmetric grids search a clip of max|x|: clip = absmax * i / candidates, scale = fround(clip / divisor), zero point 0
   * (signed) or the upper middle level (unsigned). Asymmetric ones shrink [min(min, 0), max(max, 0)] by i / candidates:
   * scale = fround(range / (high - low)), zeroPoint = clamp(roundHalfEven(low - min / scale)). A row of zeros gets scale 0.
   * `arithmetic.ts` holds the code of this.
   */
  readonly symmetric: boolean;
  /** Number of clips tried: fraction i / candidates of the full range, i = candidates .. 1. */
  readonly candidates: number;
  /** Divisor of the clip that gives the scale, e.g. 127 for int8 narrow, 7.5 for int4 with 15 steps. */
  readonly divisor: number;
}

export interface SearchResult {
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
  /** Squared error of each row at the chosen scale. */
  readonly squaredError: Float64Array;
}

export interface Histogram {
  /** Counts; the first and last bin also hold what lies outside. */
  readonly counts: Uint32Array;
  readonly low: number;
  readonly high: number;
}

/** Every kernel. NaN and infinite inputs are refused by callers before they get here. */
export interface Kernels {
  /** Smallest and largest of each row (0 for an empty row). */
  minMax(x: Rows): Promise<{ readonly min: Float32Array; readonly max: Float32Array }>;
  /** Largest magnitude of each row. */
  absMax(x: Rows): Promise<Float32Array>;
  /**
   * Quantizes, dequantizes and sums the error in one go. `want` leaves the levels out when only the error is needed. `into`
   * takes the levels (as long as the weights, of the type that bits and sign call for): fresh memory costs as much time as
   * the arithmetic, so whoever quantizes piece after piece hands the same array in again.
   */
  quantize(x: Rows, grid: Grid, want: 'levels' | 'error', into?: Levels): Promise<QuantizeResult>;
  dequantize(levels: Levels, rows: number, rowLength: number, grid: Grid): Promise<Float32Array>;
  /** Scale of least squared error for each row among the candidate clips. */
  searchScale(x: Rows, search: ScaleSearch): Promise<SearchResult>;
  histogram(x: Float32Array, bins: number, low: number, high: number): Promise<Histogram>;
  /** The k-th smallest magnitude (k from 0), by selection: weights below it are the k smallest. */
  selectMagnitude(x: Float32Array, k: number): Promise<number>;
  /** Copy with every |x| < threshold set to zero, and among those equal to it the first `ties` in order; counts zeros made. */
  pruneBelow(
    x: Float32Array,
    threshold: number,
    ties: number,
  ): Promise<{ readonly data: Float32Array; readonly error: ErrorSums; readonly zeros: number }>;
  /** Copy that keeps the `n` largest magnitudes of every `m` consecutive elements of a row (ties: the earlier one is kept). */
  pruneNM(
    x: Rows,
    n: number,
    m: number,
  ): Promise<{ readonly data: Float32Array; readonly error: ErrorSums; readonly zeros: number }>;
  /** IEEE binary16 bits, round to nearest even; overflow gives infinity. */
  toFloat16(x: Float32Array): Promise<Uint16Array>;
  fromFloat16(x: Uint16Array): Promise<Float32Array>;
  /** bfloat16 bits, round to nearest even. */
  toBfloat16(x: Float32Array): Promise<Uint16Array>;
  fromBfloat16(x: Uint16Array): Promise<Float32Array>;
  /** Sums of the difference of two tensors; `y` stands for x'. */
  compare(x: Float32Array, y: Float32Array): Promise<ErrorSums>;
  /** [rows, columns] to [columns, rows], so that a scale axis that lies across memory becomes rows. */
  transpose(x: Float32Array, rows: number, columns: number): Promise<Float32Array>;
}

/** A backend whose table is whole: what passes and measures are handed. */
export interface CompleteBackend extends Backend {
  readonly kernels: Kernels;
}

/** What a backend offers. A missing kernel falls back to the one below it: `{...reference, ...wasm, ...webgpu}`. */
export interface Backend {
  readonly name: 'reference' | 'wasm' | 'webgpu';
  /** One sentence for people: which build, how many threads, and why this one. */
  readonly description: string;
  readonly kernels: Partial<Kernels>;
  /** Memory that kernels of this backend reach without copying; falls back to the ordinary heap. */
  allocate(length: number): Float32Array;
  /** Gives memory from `allocate` back. */
  release(data: Float32Array): void;
  /** Ends running and waiting kernels soon: their promises reject with `Cancelled`. Later calls work as before. */
  cancel?(): void;
  /** Ends its workers and gives its devices back; kernels must not be called any more. */
  close(): void;
}
