/** How tasks lie in shared memory; mirrors `assembly/task.ts`. A task is 32 words; a job is up to 1024 of them. */

export const TASK_WORDS = 32;
export const TASK_BYTES = TASK_WORDS * 4;
export const MAXIMUM_TASKS = 1024;
/** Result doubles of one task: error, signal, result, largest square, a count, ties; two spare. */
export const SUMS_BYTES = 64;
/** Scratch memory of one thread. */
export const SCRATCH_BYTES = 512 * 1024;
export const MAXIMUM_THREADS = 32;

/** Numbers of `run` in `assembly/index.ts`. */
export const OPERATIONS = {
  absMax: 0,
  minMax: 1,
  quantize: 2,
  dequantize: 3,
  searchScale: 4,
  histogram: 5,
  digits: 6,
  pruneBelow: 7,
  pruneNM: 8,
  convert: 9,
  compare: 10,
  transpose: 11,
} as const;

export const CONVERSIONS = { toFloat16: 0, fromFloat16: 1, toBfloat16: 2, fromBfloat16: 3 } as const;

/** A word of a task that is not a plain integer. */
export type Word = number | { readonly float: number } | { readonly double: number };

export interface Task {
  readonly operation: keyof typeof OPERATIONS;
  readonly source: number;
  readonly rows?: number;
  readonly rowLength: number;
  readonly lastLength?: number;
  readonly target?: number;
  /** Words from number 8 on; a double takes two and starts at an even place. */
  readonly own?: readonly Word[];
}

/** Addresses of the fixed parts in front of the arena: below 64 KiB lies what the compiled module keeps for itself. */
export const LAYOUT = (() => {
  const control = 65536;
  const tasks = control + 4096;
  const sums = tasks + MAXIMUM_TASKS * TASK_BYTES;
  const scratch = sums + MAXIMUM_TASKS * SUMS_BYTES;
  const end = scratch + MAXIMUM_THREADS * SCRATCH_BYTES;
  return { control, tasks, sums, scratch, end } as const;
})();

/** Writes task number `index` into memory. */
export function writeTask(buffer: ArrayBufferLike, index: number, task: Task): void {
  const view = new DataView(buffer, LAYOUT.tasks + index * TASK_BYTES, TASK_BYTES);
  const rows = task.rows ?? 1;
  const fixed = [
    OPERATIONS[task.operation],
    task.source,
    rows,
    task.rowLength,
    task.lastLength ?? task.rowLength,
    task.target ?? 0,
    LAYOUT.sums + index * SUMS_BYTES,
    0,
  ];
  for (const [place, value] of fixed.entries()) view.setUint32(place * 4, value, true);
  let place = 8;
  for (const value of task.own ?? []) {
    if (typeof value === 'number') view.setInt32(place++ * 4, value, true);
    else if ('float' in value) view.setFloat32(place++ * 4, value.float, true);
    else {
      view.setFloat64(place * 4, value.double, true);
      place += 2;
    }
  }
}
