/**
 * Cuts rows into pieces that fit the second-level cache, and runs a kernel over them in rounds: inputs that lie outside the
 * arena are copied in round by round, results come out the same way, so that memory stays small whatever the tensor's size.
 */
import type { ErrorSums, Rows } from '#kernels/kernels.ts';
import type { Pool } from '#kernels/pool.ts';
import { elementCount, rowEnd } from '#kernels/rows.ts';
import type { Arena } from './memory.ts';
import { LAYOUT, MAXIMUM_TASKS, SUMS_BYTES, type Task, writeTask } from './tasks.ts';

/** Elements of one piece: 256 KiB of float32. */
const PIECE = 65536;
/** Pieces of one round when several threads share it: enough to balance, little enough to bound memory (16 MiB). */
const SHARED_ROUND = 64;
/** On one thread what is copied in or out should still be in the cache when it is used. */
const SINGLE_ROUND = 4;

export interface Piece {
  /** First element and number of elements. */
  readonly start: number;
  readonly count: number;
  /** First row; where a row is divided, the row that the piece belongs to. */
  readonly row: number;
  readonly rows: number;
  readonly rowLength: number;
  readonly lastLength: number;
}

/** Pieces of whole rows; `divisible` kernels may also have a long row cut into several pieces. */
export function piecesOf(x: Rows, divisible: boolean): Piece[] {
  const pieces: Piece[] = [];
  if (x.rowLength > PIECE && divisible) {
    for (let row = 0; row < x.rows; row++) {
      const end = rowEnd(x, row);
      for (let start = row * x.rowLength; start < end; start += PIECE) {
        const count = Math.min(PIECE, end - start);
        pieces.push({ start, count, row, rows: 1, rowLength: count, lastLength: count });
      }
    }
    return pieces;
  }
  const rowsPerPiece = Math.max(1, Math.floor(PIECE / Math.max(1, x.rowLength)));
  for (let row = 0; row < x.rows; row += rowsPerPiece) {
    const rows = Math.min(rowsPerPiece, x.rows - row);
    const start = row * x.rowLength;
    const end = rowEnd(x, row + rows - 1);
    const lastLength = end - (row + rows - 1) * x.rowLength;
    pieces.push({ start, count: end - start, row, rows, rowLength: x.rowLength, lastLength });
  }
  return pieces;
}

/** A flat array as pieces. */
export function flatPieces(length: number): Piece[] {
  return piecesOf({ data: new Float32Array(0), rows: length === 0 ? 0 : 1, rowLength: length }, true);
}

export type Input = Float32Array | Uint16Array | Int8Array | Uint8Array | Int16Array;

export interface Plan {
  /** Arrays of equal length that are read element by element. */
  readonly inputs: readonly Input[];
  readonly pieces: readonly Piece[];
  /** Bytes of result per element; 0 for none. */
  readonly resultBytes: number;
  /** Where results may go at once, when that lies in the arena; otherwise into memory of the round. */
  readonly resultAt?: number | undefined;
  /** The task of a piece; addresses are those of its first element. */
  task(piece: Piece, sources: readonly number[], target: number): Task;
  /** Takes the results of a round: `index` is the number of the task, `target` the address of the piece's results. */
  collect(piece: Piece, index: number, target: number): void;
}

/** What kernels run on. */
export interface Machine {
  readonly arena: Arena;
  readonly pool: Pool;
}

/** Runs a plan. Called inside `pool.exclusive`. */
export async function runPlan({ arena, pool }: Machine, plan: Plan): Promise<void> {
  const inArena = plan.inputs.map((input) => arena.addressOf(input));
  const copied = inArena.includes(undefined) || (plan.resultBytes > 0 && plan.resultAt === undefined);
  const perRound = pool.threads > 1 ? SHARED_ROUND : copied ? SINGLE_ROUND : MAXIMUM_TASKS;
  const elements = largestRound(plan.pieces, perRound);
  const allocated: number[] = [];
  const allocate = (bytes: number): number => {
    // 64 bytes more, because conversions write whole vectors.
    const address = arena.allocate(bytes + 64);
    allocated.push(address);
    return address;
  };
  try {
    const stages = plan.inputs.map((input, i) =>
      inArena[i] === undefined ? allocate(elements * input.BYTES_PER_ELEMENT) : 0,
    );
    const results = plan.resultBytes > 0 && plan.resultAt === undefined ? allocate(elements * plan.resultBytes) : 0;
    for (let first = 0; first < plan.pieces.length; first += perRound) {
      const round = plan.pieces.slice(first, first + perRound);
      const start = round[0]!.start;
      const end = round.at(-1)!.start + round.at(-1)!.count;
      const bases = plan.inputs.map((input, i) => {
        const there = inArena[i];
        if (there !== undefined) return there + start * input.BYTES_PER_ELEMENT;
        copyIn(arena, stages[i]!, input.subarray(start, end));
        return stages[i]!;
      });
      const targetOf = (piece: Piece): number =>
        plan.resultAt === undefined
          ? results + (piece.start - start) * plan.resultBytes
          : plan.resultAt + piece.start * plan.resultBytes;
      for (const [index, piece] of round.entries()) {
        const sources = bases.map((base, i) => base + (piece.start - start) * plan.inputs[i]!.BYTES_PER_ELEMENT);
        writeTask(arena.memory.buffer, index, plan.task(piece, sources, targetOf(piece)));
      }
      await pool.work(round.length);
      for (const [index, piece] of round.entries()) plan.collect(piece, index, targetOf(piece));
    }
  } finally {
    for (const address of allocated) arena.release(address);
  }
}

function largestRound(pieces: readonly Piece[], perRound: number): number {
  let largest = 0;
  for (let first = 0; first < pieces.length; first += perRound) {
    const last = pieces[Math.min(pieces.length, first + perRound) - 1]!;
    largest = Math.max(largest, last.start + last.count - pieces[first]!.start);
  }
  return largest;
}

function copyIn(arena: Arena, address: number, input: Input): void {
  const { buffer } = arena.memory;
  if (input instanceof Float32Array) new Float32Array(buffer, address, input.length).set(input);
  else new Uint8Array(buffer, address, input.byteLength).set(bytesOf(input));
}

function bytesOf(input: Input): Uint8Array {
  return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
}

/** Adds up the sums that tasks left behind. */
export class SumsReader {
  private count = 0;
  private squaredError = 0;
  private squaredSignal = 0;
  private squaredResult = 0;
  private largestSquare = 0;
  /** Zeros, as pruning counts them. */
  counted = 0;

  private readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  add(index: number, count: number): void {
    const { f64 } = this.arena;
    const at = (LAYOUT.sums + index * SUMS_BYTES) / 8;
    this.count += count;
    this.squaredError += f64[at]!;
    this.squaredSignal += f64[at + 1]!;
    this.squaredResult += f64[at + 2]!;
    this.largestSquare = Math.max(this.largestSquare, f64[at + 3]!);
    this.counted += f64[at + 4]!;
  }

  sums(): ErrorSums {
    const { count, squaredError, squaredSignal, squaredResult, largestSquare } = this;
    return { count, squaredError, squaredSignal, squaredResult, maxAbsError: Math.sqrt(largestSquare) };
  }
}

/** Elements of rows as they lie in `data`, which may be longer. */
export function exactData(x: Rows): Float32Array {
  const count = elementCount(x);
  return x.data.length === count ? x.data : x.data.subarray(0, count);
}
