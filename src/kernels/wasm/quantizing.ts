/** Kernels on rows with scales: quantize, dequantize and the search for scales, on WASM threads. */
import { levelsFor, symmetricZeroPoint } from '#kernels/arithmetic.ts';
import type { Grid, Kernels, Levels, SearchResult } from '#kernels/kernels.ts';
import { elementCount } from '#kernels/rows.ts';
import type { Arena } from './memory.ts';
import { exactData, type Machine, piecesOf, runPlan, SumsReader } from './rounds.ts';

const KINDS = { none: 0, i8: 1, u8: 2, i16: 3, u16: 4 } as const;

function kindOf(levels: Levels | undefined): number {
  if (levels === undefined) return KINDS.none;
  if (levels instanceof Int8Array) return KINDS.i8;
  if (levels instanceof Uint8Array) return KINDS.u8;
  return levels instanceof Int16Array ? KINDS.i16 : KINDS.u16;
}

/** Levels at an address, as the same kind of array as `like`. */
function levelsAt(arena: Arena, address: number, count: number, like: Levels): Levels {
  const { buffer } = arena.memory;
  if (like instanceof Int8Array) return new Int8Array(buffer, address, count);
  if (like instanceof Uint8Array) return new Uint8Array(buffer, address, count);
  return like instanceof Int16Array ? new Int16Array(buffer, address, count) : new Uint16Array(buffer, address, count);
}

/** Puts scales and zero points where the kernels see them, for as long as `work` runs. */
async function withGrid<T>(
  arena: Arena,
  grid: Grid,
  work: (words: (row: number, kind: number) => number[]) => Promise<T>,
): Promise<T> {
  const scales = arena.allocate(grid.scale.length * 4);
  const zeroPoints = arena.allocate(grid.zeroPoint.length * 4);
  try {
    arena.f32.set(grid.scale, scales / 4);
    arena.i32.set(grid.zeroPoint, zeroPoints / 4);
    const scaleStep = grid.scale.length === 1 ? 0 : 4;
    const zeroPointStep = grid.zeroPoint.length === 1 ? 0 : 4;
    return await work((row, kind) => [
      scales + row * scaleStep,
      zeroPoints + row * zeroPointStep,
      scaleStep,
      zeroPointStep,
      grid.low,
      grid.high,
      kind,
    ]);
  } finally {
    arena.release(scales);
    arena.release(zeroPoints);
  }
}

export function quantizingKernels(machine: Machine): Pick<Kernels, 'quantize' | 'dequantize' | 'searchScale'> {
  const { arena, pool } = machine;
  return {
    quantize: (x, grid, want, into) =>
      pool.exclusive(() =>
        withGrid(arena, grid, async (words) => {
          const levels = want === 'levels' ? (into ?? levelsFor(grid.bits, grid.signed, elementCount(x))) : undefined;
          const kind = kindOf(levels);
          const sums = new SumsReader(arena);
          await runPlan(machine, {
            inputs: [exactData(x)],
            pieces: piecesOf(x, true),
            resultBytes: levels?.BYTES_PER_ELEMENT ?? 0,
            ...(levels === undefined ? {} : { resultAt: arena.addressOf(levels) }),
            task: (piece, [source], target) => ({
              operation: 'quantize',
              source: source!,
              rows: piece.rows,
              rowLength: piece.rowLength,
              lastLength: piece.lastLength,
              target,
              own: words(piece.row, kind),
            }),
            collect: (piece, index, target) => {
              sums.add(index, piece.count);
              if (levels !== undefined && arena.addressOf(levels) === undefined)
                levels.set(levelsAt(arena, target, piece.count, levels), piece.start);
            },
          });
          return levels === undefined ? { error: sums.sums() } : { levels, error: sums.sums() };
        }),
      ),

    dequantize: (levels, rows, rowLength, grid) =>
      pool.exclusive(() =>
        withGrid(arena, grid, async (words) => {
          const data = new Float32Array(levels.length);
          const lastLength = levels.length - Math.max(0, rows - 1) * rowLength;
          await runPlan(machine, {
            inputs: [levels],
            pieces: piecesOf({ data, rows, rowLength, lastLength }, true),
            resultBytes: 4,
            task: (piece, [source], target) => ({
              operation: 'dequantize',
              source: source!,
              rows: piece.rows,
              rowLength: piece.rowLength,
              lastLength: piece.lastLength,
              target,
              own: words(piece.row, kindOf(levels)),
            }),
            collect: (piece, _index, target) =>
              data.set(new Float32Array(arena.memory.buffer, target, piece.count), piece.start),
          });
          return data;
        }),
      ),

    searchScale: (x, search) =>
      pool.exclusive(async () => {
        const result: SearchResult = {
          scale: new Float32Array(x.rows),
          zeroPoint: new Int32Array(x.rows),
          squaredError: new Float64Array(x.rows),
        };
        const scales = arena.allocate(x.rows * 4);
        const zeroPoints = arena.allocate(x.rows * 4);
        const errors = arena.allocate(x.rows * 8);
        const middle = symmetricZeroPoint(search);
        try {
          await runPlan(machine, {
            inputs: [exactData(x)],
            pieces: piecesOf(x, false),
            resultBytes: 0,
            task: (piece, [source]) => ({
              operation: 'searchScale',
              source: source!,
              rows: piece.rows,
              rowLength: piece.rowLength,
              lastLength: piece.lastLength,
              target: scales + piece.row * 4,
              own: [
                zeroPoints + piece.row * 4,
                errors + piece.row * 8,
                search.candidates,
                search.symmetric ? 1 : 0,
                search.low,
                search.high,
                middle,
                0,
                { double: search.divisor },
              ],
            }),
            collect: () => undefined,
          });
          result.scale.set(arena.f32.subarray(scales / 4, scales / 4 + x.rows));
          result.zeroPoint.set(arena.i32.subarray(zeroPoints / 4, zeroPoints / 4 + x.rows));
          result.squaredError.set(arena.f64.subarray(errors / 8, errors / 8 + x.rows));
          return result;
        } finally {
          for (const address of [scales, zeroPoints, errors]) arena.release(address);
        }
      }),
  };
}
