/**
 * The agreement suite: holds a backend to the reference kernels. Integers, levels, kept weights and converted bits must be
 * equal to the bit; sums of squares may differ by the tolerances named here. Pure: returns what disagrees, in sentences.
 */
import { candidateGrid } from '#kernels/arithmetic.ts';
import type { Backend, Bits, ErrorSums, Grid, Kernels, Rows, ScaleSearch } from '#kernels/kernels.ts';
import { squaredErrorOf } from '#kernels/reference/search-scale.ts';
import { elementCount, rowEnd } from '#kernels/rows.ts';
import { type Distribution, DISTRIBUTIONS, weights } from './weights.ts';

/**
 * Sums: backends add squares in float32 for at most 2048 weights on 4 lanes, which loses at most 512 * 2^-24 = 3e-5 and
 * typically sqrt(512) * 2^-24 = 1.3e-6 of a sum, before they go to double precision.
 */
export const SUM_TOLERANCE = 1e-5;
/** Squares below the smallest normal float32 may be lost: so much per weight. */
export const LOST_SQUARE = 2 ** -126;
/** Largest error: one difference and one square in float32, a few roundings of 2^-24. */
export const MAXIMUM_TOLERANCE = 1e-6;
/** Search: error at the chosen scale against the best candidate of all (issue: within 0.1 %). */
export const SEARCH_TOLERANCE = 1e-3;
/** Search: reported against true error at the chosen scale; float32 sums of up to 4096 weights, as above, and WGSL may fuse x - scale * n. */
export const REPORTED_TOLERANCE = 1e-4;

export interface AgreementOptions {
  /** Kernels to look at; all that the backend has when absent. */
  readonly kernels?: readonly (keyof Kernels)[];
  /** Longest tensor tried; software WebGPU is slow. */
  readonly largest?: number;
  /** Distributions that a backend cannot be held to; say why where this is used. */
  readonly without?: readonly Distribution[];
}

type Shape = readonly [rows: number, rowLength: number, lastLength?: number];

const SHAPES: readonly Shape[] = [
  [1, 1],
  [3, 5],
  [4, 16],
  [7, 33, 10],
  [64, 32],
  [130, 32, 7],
  [9, 27],
  [5, 1024],
  [3, 4608, 4000],
  [2, 13_001],
  [1, 70001],
  [2, 66000, 65540],
  [1, 200_000],
];

interface Case {
  readonly name: string;
  readonly x: Rows;
}

function casesFor({ largest = Infinity, without = [] }: AgreementOptions): Case[] {
  const cases: Case[] = [];
  let seed = 1;
  for (const distribution of Object.keys(DISTRIBUTIONS) as Distribution[]) {
    if (without.includes(distribution)) continue;
    for (const [rows, rowLength, lastLength] of SHAPES) {
      const count = (rows - 1) * rowLength + (lastLength ?? rowLength);
      // The long shapes are there for cutting and joining, which does not depend on the values.
      if (count > largest || (count > 30_000 && distribution !== 'normal' && distribution !== 'heavyTails')) continue;
      const data = weights(distribution, count, seed++);
      const x = { data, rows, rowLength, ...(lastLength === undefined ? {} : { lastLength }) };
      cases.push({
        name: `${distribution} ${rows} x ${rowLength}${lastLength === undefined ? '' : `, last ${lastLength}`}`,
        x,
      });
    }
  }
  return cases;
}

/** What disagrees, one sentence each; empty when the backend keeps the contract. */
export async function disagreements(
  reference: Kernels,
  backend: Backend,
  options: AgreementOptions = {},
): Promise<string[]> {
  const found: string[] = [];
  const names = options.kernels ?? (Object.keys(backend.kernels) as (keyof Kernels)[]);
  const cases = casesFor(options);
  for (const kernel of names) {
    for (const [i, { name, x }] of cases.entries()) {
      // Every other case lies in the backend's own memory, where kernels take another path.
      const own = i % 2 === 0 ? backend.allocate(x.data.length) : undefined;
      own?.set(x.data);
      const input = own === undefined ? x : { ...x, data: own };
      const report = (problem: string): void => void found.push(`${kernel}, ${name}: ${problem}`);
      try {
        await CHECKS[kernel](reference, backend.kernels as Kernels, input, report);
      } catch (error) {
        report(`failed with ${String(error)}`);
      }
      if (own !== undefined) backend.release(own);
    }
  }
  return found;
}

type Report = (problem: string) => void;
type Check = (reference: Kernels, kernels: Kernels, x: Rows, report: Report) => Promise<void>;

/** First place where two arrays differ, as a sentence. -0 and 0 differ only where `signedZeros`. */
function sameNumbers(expected: ArrayLike<number>, got: ArrayLike<number>, report: Report, what = 'result'): void {
  if (expected.length !== got.length) return report(`${what} has ${got.length} elements instead of ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (expected[i] === got[i]) continue;
    return report(`${what}[${i}] is ${got[i]} instead of ${expected[i]}`);
  }
}

function closeTo(expected: number, got: number, relative: number, absolute: number): boolean {
  return Math.abs(expected - got) <= Math.max(Math.abs(expected), Math.abs(got)) * relative + absolute;
}

function sameSums(expected: ErrorSums, got: ErrorSums, report: Report): void {
  if (expected.count !== got.count) report(`count is ${got.count} instead of ${expected.count}`);
  for (const key of ['squaredError', 'squaredSignal', 'squaredResult'] as const) {
    if (closeTo(expected[key], got[key], SUM_TOLERANCE, LOST_SQUARE * expected.count)) continue;
    report(`${key} is ${got[key]} instead of ${expected[key]}`);
  }
  // The square root of a lost square is 2^-63.
  if (!closeTo(expected.maxAbsError, got.maxAbsError, MAXIMUM_TOLERANCE, Math.sqrt(LOST_SQUARE))) {
    report(`maxAbsError is ${got.maxAbsError} instead of ${expected.maxAbsError}`);
  }
}

const LEVELS: readonly (readonly [bits: Bits, signed: boolean, low: number, high: number, perRow: boolean])[] = [
  [8, true, -127, 127, true],
  [8, false, 0, 255, true],
  [4, true, -8, 7, true],
  [4, false, 0, 15, false],
  [2, true, -2, 1, true],
  [16, true, -32767, 32767, false],
  [16, false, 0, 65535, true],
];

/** Min-max grids of the rows; asymmetric where levels are unsigned. */
async function gridsFor(reference: Kernels, x: Rows): Promise<Grid[]> {
  const { min, max } = await reference.minMax(x);
  return LEVELS.map(([bits, signed, low, high, perRow]) => {
    const grids = Array.from({ length: perRow ? x.rows : 1 }, (_, row) => {
      const search = { bits, signed, low, high, symmetric: signed, candidates: 1, divisor: high } as const;
      return candidateGrid(search, min[row]!, max[row]!, 1);
    });
    return {
      bits,
      signed,
      low,
      high,
      scale: Float32Array.from(grids, (grid) => grid.scale),
      zeroPoint: Int32Array.from(grids, (grid) => grid.zeroPoint),
    };
  });
}

const SEARCHES: readonly ScaleSearch[] = [
  { bits: 8, signed: true, low: -127, high: 127, symmetric: true, candidates: 80, divisor: 127 },
  { bits: 4, signed: true, low: -8, high: 7, symmetric: true, candidates: 80, divisor: 7.5 },
  { bits: 4, signed: false, low: 0, high: 15, symmetric: false, candidates: 50, divisor: 15 },
  { bits: 2, signed: true, low: -1, high: 1, symmetric: true, candidates: 37, divisor: 1 },
  { bits: 8, signed: false, low: 0, high: 255, symmetric: false, candidates: 20, divisor: 255 },
];

function checkSearch(x: Rows, row: number, search: ScaleSearch, best: number, result: Choice, report: Report): void {
  const data = x.data.subarray(row * x.rowLength, rowEnd(x, row));
  const low = data.reduce((a, b) => Math.min(a, b), Infinity);
  const high = data.reduce((a, b) => Math.max(a, b), -Infinity);
  const grids = Array.from({ length: search.candidates }, (_, i) => candidateGrid(search, low, high, i + 1));
  const chosen = grids.some(({ scale, zeroPoint }) => scale === result.scale && zeroPoint === result.zeroPoint);
  if (!chosen) report(`row ${row}: scale ${result.scale}, zero point ${result.zeroPoint} is none of the candidates`);
  const error = squaredErrorOf(data, search, result.scale, result.zeroPoint);
  const lost = LOST_SQUARE * data.length;
  if (error > best * (1 + SEARCH_TOLERANCE) + lost) report(`row ${row}: squared error ${error}, best is ${best}`);
  if (!closeTo(error, result.squaredError, REPORTED_TOLERANCE, lost)) {
    report(`row ${row}: reports squared error ${result.squaredError}, but makes ${error}`);
  }
}

interface Choice {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly squaredError: number;
}

function flat(x: Rows): Float32Array {
  return x.data.subarray(0, elementCount(x));
}

/** One check for each kernel of the contract. */
const CHECKS: Readonly<Record<keyof Kernels, Check>> = {
  async minMax(reference, kernels, x, report) {
    const expected = await reference.minMax(x);
    const got = await kernels.minMax(x);
    sameNumbers(expected.min, got.min, report, 'min');
    sameNumbers(expected.max, got.max, report, 'max');
  },
  async absMax(reference, kernels, x, report) {
    sameNumbers(await reference.absMax(x), await kernels.absMax(x), report);
  },
  async quantize(reference, kernels, x, report) {
    for (const grid of await gridsFor(reference, x)) {
      const say: Report = (problem) => report(`${grid.bits} bits, ${grid.signed ? 'signed' : 'unsigned'}: ${problem}`);
      const expected = await reference.quantize(x, grid, 'levels');
      const got = await kernels.quantize(x, grid, 'levels');
      if (got.levels?.constructor !== expected.levels?.constructor) say('another type of levels');
      sameNumbers(expected.levels!, got.levels!, say, 'levels');
      sameSums(expected.error, got.error, say);
      const into = got.levels!.slice().fill(1);
      const again = await kernels.quantize(x, grid, 'levels', into);
      if (again.levels !== into) say('levels did not go where they were wanted');
      sameNumbers(expected.levels!, into, say, 'levels handed in');
      const errorOnly = await kernels.quantize(x, grid, 'error');
      if (errorOnly.levels !== undefined) say('levels come though only the error was wanted');
      sameSums(expected.error, errorOnly.error, say);
    }
  },
  async dequantize(reference, kernels, x, report) {
    for (const grid of await gridsFor(reference, x)) {
      const { levels } = await reference.quantize(x, grid, 'levels');
      const expected = await reference.dequantize(levels!, x.rows, x.rowLength, grid);
      sameNumbers(expected, await kernels.dequantize(levels!, x.rows, x.rowLength, grid), report);
    }
  },
  async searchScale(reference, kernels, x, report) {
    // Trying every candidate in plain TypeScript takes long; `wasm/search.test.ts` goes on with random rows.
    if (elementCount(x) > 30_000 || x.rows > 9) return;
    for (const search of SEARCHES) {
      const say: Report = (problem) => report(`${search.bits} bits, ${search.candidates} candidates: ${problem}`);
      const best = await reference.searchScale(x, search);
      const got = await kernels.searchScale(x, search);
      for (let row = 0; row < x.rows; row++) {
        const choice = {
          scale: got.scale[row]!,
          zeroPoint: got.zeroPoint[row]!,
          squaredError: got.squaredError[row]!,
        };
        checkSearch(x, row, search, best.squaredError[row]!, choice, say);
      }
    }
  },
  async histogram(reference, kernels, x, report) {
    for (const [bins, low, high] of [
      [64, -0.2, 0.2],
      [2048, -3, 3],
      [7, 1, 1],
    ] as const) {
      const expected = await reference.histogram(flat(x), bins, low, high);
      sameNumbers(expected.counts, (await kernels.histogram(flat(x), bins, low, high)).counts, report, `${bins} bins`);
    }
  },
  async selectMagnitude(reference, kernels, x, report) {
    const count = elementCount(x);
    for (const k of new Set([0, Math.floor(count / 3), Math.floor(count * 0.9), count - 1])) {
      const expected = await reference.selectMagnitude(flat(x), k);
      const got = await kernels.selectMagnitude(flat(x), k);
      if (expected !== got) report(`magnitude ${k} is ${got} instead of ${expected}`);
    }
  },
  async pruneBelow(reference, kernels, x, report) {
    const threshold = await reference.selectMagnitude(flat(x), Math.floor(elementCount(x) / 2));
    for (const ties of [0, 1, 3, elementCount(x)]) {
      const expected = await reference.pruneBelow(flat(x), threshold, ties);
      const got = await kernels.pruneBelow(flat(x), threshold, ties);
      sameNumbers(expected.data, got.data, report, `with ${ties} ties, data`);
      sameSums(expected.error, got.error, report);
      if (expected.zeros !== got.zeros) report(`${got.zeros} zeros instead of ${expected.zeros}`);
    }
  },
  async pruneNM(reference, kernels, x, report) {
    for (const [n, m] of [
      [2, 4],
      [1, 4],
      [4, 8],
      [1, 3],
    ] as const) {
      const expected = await reference.pruneNM(x, n, m);
      const got = await kernels.pruneNM(x, n, m);
      sameNumbers(expected.data, got.data, report, `${n}:${m} data`);
      sameSums(expected.error, got.error, report);
      if (expected.zeros !== got.zeros) report(`${got.zeros} zeros instead of ${expected.zeros}`);
    }
  },
  async toFloat16(reference, kernels, x, report) {
    sameNumbers(await reference.toFloat16(flat(x)), await kernels.toFloat16(flat(x)), report);
    const edges = flat(x).map((value, i) => (i % 3 === 0 ? value * 1e6 : i % 3 === 1 ? value * 1e-6 : value));
    sameNumbers(await reference.toFloat16(edges), await kernels.toFloat16(edges), report, 'edges');
  },
  async fromFloat16(reference, kernels, x, report) {
    const bits = await reference.toFloat16(flat(x));
    sameNumbers(await reference.fromFloat16(bits), await kernels.fromFloat16(bits), report);
    const all = Uint16Array.from({ length: 65536 }, (_, i) => ((i & 0x7c00) === 0x7c00 ? i & 0xfc00 : i));
    sameNumbers(await reference.fromFloat16(all), await kernels.fromFloat16(all), report, 'of all patterns');
  },
  async toBfloat16(reference, kernels, x, report) {
    sameNumbers(await reference.toBfloat16(flat(x)), await kernels.toBfloat16(flat(x)), report);
  },
  async fromBfloat16(reference, kernels, x, report) {
    const bits = await reference.toBfloat16(flat(x));
    sameNumbers(await reference.fromBfloat16(bits), await kernels.fromBfloat16(bits), report);
  },
  async compare(reference, kernels, x, report) {
    const y = flat(x).map((value, i) => value * (1 + (i % 5) * 0.01));
    sameSums(await reference.compare(flat(x), y), await kernels.compare(flat(x), y), report);
    sameSums(await reference.compare(flat(x), flat(x)), await kernels.compare(flat(x), flat(x)), report);
  },
  async transpose(reference, kernels, x, report) {
    const columns = x.rowLength;
    const rows = Math.floor(elementCount(x) / columns);
    const whole = flat(x).subarray(0, rows * columns);
    const expected = await reference.transpose(whole, rows, columns);
    sameNumbers(expected, await kernels.transpose(whole, rows, columns), report);
  },
};
