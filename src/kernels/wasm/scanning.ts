/** Kernels that look at weights or cut them: ranges, histogram, selection, pruning, comparison, on WASM threads. */
import type { Kernels, Rows } from '#kernels/kernels.ts';
import { checkSameLength } from '#kernels/reference/compare.ts';
import { binsPerUnitOf } from '#kernels/reference/histogram.ts';
import { checkRank } from '#kernels/reference/select-magnitude.ts';
import { elementCount } from '#kernels/rows.ts';
import { exactData, flatPieces, type Machine, type Piece, piecesOf, runPlan, SumsReader } from './rounds.ts';
import { LAYOUT, SUMS_BYTES, type Word } from './tasks.ts';

type Scanning = Pick<
  Kernels,
  'minMax' | 'absMax' | 'histogram' | 'selectMagnitude' | 'pruneBelow' | 'pruneNM' | 'compare'
>;

/** Shifts, masks and prefix shifts of the digits of a magnitude's 31 bits, highest first: 11 + 10 + 10. */
const DIGITS = [
  { shift: 20, bits: 11 },
  { shift: 10, bits: 10 },
  { shift: 0, bits: 10 },
] as const;

export function scanningKernels(machine: Machine): Scanning {
  const { arena, pool } = machine;

  /**
   * Runs a range kernel and hands over its results (largest magnitude, or smallest and largest weight) for each row of
   * each piece; a divided row comes several times.
   */
  async function eachRange(
    x: Rows,
    operation: 'absMax' | 'minMax',
    take: (row: number, first: number, second: number) => void,
  ): Promise<void> {
    const pieces = piecesOf(x, true);
    let rows = 0;
    const places = new Map(pieces.map((piece) => [piece, (rows += piece.rows) - piece.rows]));
    const target = arena.allocate(rows * 8);
    try {
      await runPlan(machine, {
        inputs: [exactData(x)],
        pieces,
        resultBytes: 0,
        task: (piece, [source]) => ({
          operation,
          source: source!,
          rows: piece.rows,
          rowLength: piece.rowLength,
          lastLength: piece.lastLength,
          target: target + places.get(piece)! * 4,
          own: [target + (rows + places.get(piece)!) * 4],
        }),
        collect: () => undefined,
      });
      const results = arena.f32.subarray(target / 4, target / 4 + 2 * rows);
      for (const piece of pieces) {
        const place = places.get(piece)!;
        for (let i = 0; i < piece.rows; i++) take(piece.row + i, results[place + i]!, results[rows + place + i]!);
      }
    } finally {
      arena.release(target);
    }
  }

  /** Counts of every piece added up; each has its own counters, so that threads never meet. */
  async function counted(x: Float32Array, size: number, operation: 'histogram' | 'digits', own: readonly Word[]) {
    const counts = new Uint32Array(size);
    const pieces = flatPieces(x.length);
    const slots = Math.min(pieces.length, 64);
    const target = arena.allocate(Math.max(1, slots) * size * 4);
    try {
      for (let first = 0; first < pieces.length; first += slots) {
        const batch = pieces.slice(first, first + slots);
        arena.u32.fill(0, target / 4, target / 4 + slots * size);
        await runPlan(machine, {
          inputs: [x],
          pieces: batch,
          resultBytes: 0,
          task: (piece, [source]) => ({
            operation,
            source: source!,
            rowLength: piece.count,
            target: target + batch.indexOf(piece) * size * 4,
            own,
          }),
          collect: () => undefined,
        });
        const { u32 } = arena;
        for (let slot = 0; slot < batch.length; slot++) {
          for (let i = 0; i < size; i++) counts[i]! += u32[target / 4 + slot * size + i]!;
        }
      }
      return counts;
    } finally {
      arena.release(target);
    }
  }

  return {
    absMax: (x) =>
      pool.exclusive(async () => {
        const largest = new Float32Array(x.rows);
        await eachRange(x, 'absMax', (row, magnitude) => (largest[row] = Math.max(largest[row]!, magnitude)));
        return largest;
      }),

    minMax: (x) =>
      pool.exclusive(async () => {
        const min = new Float32Array(x.rows).fill(Infinity);
        const max = new Float32Array(x.rows).fill(-Infinity);
        await eachRange(x, 'minMax', (row, low, high) => {
          min[row] = Math.min(min[row]!, low);
          max[row] = Math.max(max[row]!, high);
        });
        // A row whose last piece is empty has no weights at all.
        for (let row = 0; row < x.rows; row++) if (min[row] === Infinity) min[row] = max[row] = 0;
        return { min, max };
      }),

    histogram: (x, bins, low, high) =>
      pool.exclusive(async () => {
        const own = [{ float: low }, { float: binsPerUnitOf(bins, low, high) }, bins];
        return { counts: await counted(x, bins, 'histogram', own), low, high };
      }),

    selectMagnitude: (x, k) =>
      pool.exclusive(async () => {
        checkRank(x.length, k);
        let rank = k;
        let prefix = 0;
        for (const { shift, bits } of DIGITS) {
          const counts = await counted(x, 2 ** bits, 'digits', [shift, 2 ** bits - 1, shift + bits, prefix]);
          let digit = 0;
          while (rank >= counts[digit]!) rank -= counts[digit++]!;
          prefix = prefix * 2 ** bits + digit;
        }
        return new Float32Array(Uint32Array.of(prefix).buffer)[0]!;
      }),

    pruneBelow: (x, threshold, ties) =>
      pool.exclusive(async () => {
        const data = new Float32Array(x.length);
        const limit = Math.fround(threshold);
        const sums = new SumsReader(arena);
        const withTies: Piece[] = [];
        let equal = 0;
        await runPlan(machine, {
          inputs: [x],
          pieces: flatPieces(x.length),
          resultBytes: 4,
          task: (piece, [source], target) => ({
            operation: 'pruneBelow',
            source: source!,
            rowLength: piece.count,
            target,
            own: [{ float: limit }],
          }),
          collect: (piece, index, target) => {
            sums.add(index, piece.count);
            data.set(new Float32Array(arena.memory.buffer, target, piece.count), piece.start);
            const found = arena.f64[(LAYOUT.sums + index * SUMS_BYTES) / 8 + 5]!;
            if (found > 0) withTies.push(piece);
            equal += found;
          },
        });
        const cut = limit === 0 ? 0 : cutTies(data, limit, ties, withTies);
        const error = sums.sums();
        const square = limit * limit;
        return {
          data,
          zeros: sums.counted + cut,
          error: {
            ...error,
            squaredError: error.squaredError + cut * square,
            squaredResult: error.squaredResult + (equal - cut) * square,
            maxAbsError: cut > 0 ? Math.max(error.maxAbsError, limit) : error.maxAbsError,
          },
        };
      }),

    pruneNM: (x, n, m) =>
      pool.exclusive(async () => {
        const data = new Float32Array(elementCount(x));
        const sums = new SumsReader(arena);
        await runPlan(machine, {
          inputs: [exactData(x)],
          pieces: piecesOf(x, false),
          resultBytes: 4,
          task: (piece, [source], target) => ({
            operation: 'pruneNM',
            source: source!,
            rows: piece.rows,
            rowLength: piece.rowLength,
            lastLength: piece.lastLength,
            target,
            own: [n, m],
          }),
          collect: (piece, index, target) => {
            sums.add(index, piece.count);
            data.set(new Float32Array(arena.memory.buffer, target, piece.count), piece.start);
          },
        });
        return { data, error: sums.sums(), zeros: sums.counted };
      }),

    compare: (x, y) =>
      pool.exclusive(async () => {
        checkSameLength(x, y);
        const sums = new SumsReader(arena);
        await runPlan(machine, {
          inputs: [x, y],
          pieces: flatPieces(x.length),
          resultBytes: 0,
          task: (piece, [source, other]) => ({
            operation: 'compare',
            source: source!,
            rowLength: piece.count,
            target: other!,
          }),
          collect: (piece, index) => sums.add(index, piece.count),
        });
        return sums.sums();
      }),
  };
}

/** Sets the first `ties` weights of magnitude `limit` to zero; returns how many there were. */
function cutTies(data: Float32Array, limit: number, ties: number, pieces: readonly Piece[]): number {
  let cut = 0;
  for (const { start, count } of pieces) {
    for (let i = start; i < start + count && cut < ties; i++) {
      if (Math.abs(data[i]!) !== limit) continue;
      data[i] = 0;
      cut++;
    }
  }
  return cut;
}
