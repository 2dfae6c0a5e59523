/** The WASM backend: SIMD kernels on shared memory, on as many threads as it is given. */
import { PareError } from '#base/failure.ts';
import type { Backend, Kernels } from '#kernels/kernels.ts';
import { type ComputePort, Pool } from '#kernels/pool.ts';
import { Arena } from './memory.ts';
import { instantiate } from './instance.ts';
import { bestBuild, type Build, compileBuild } from './module.ts';
import { quantizingKernels } from './quantizing.ts';
import { flatPieces, type Input, type Machine, runPlan } from './rounds.ts';
import { scanningKernels } from './scanning.ts';
import { CONVERSIONS, LAYOUT, MAXIMUM_TASKS, writeTask } from './tasks.ts';

export interface WasmOptions {
  /** Threads in all, the calling one included; more than one needs `spawn`. */
  readonly threads?: number;
  /** Starts a compute worker; threads need shared memory that may be posted (a cross-origin isolated page, or Node). */
  readonly spawn?: () => ComputePort;
  /** The build to use; otherwise the fastest one that the engine accepts. */
  readonly build?: Build;
}

/** Makes the backend, or refuses with a `PareError` where WebAssembly SIMD or shared memory is missing. */
export async function createWasmBackend(options: WasmOptions = {}): Promise<Backend> {
  const build = options.build ?? bestBuild();
  if (build === undefined) {
    throw new PareError({ code: 'kernels/no-simd', problem: 'this browser has no WebAssembly SIMD.' });
  }
  const arena = new Arena(LAYOUT.end);
  const module = await compileBuild(build);
  const run = await instantiate(module, arena.memory);
  const { threads = 1, spawn } = options;
  const pool = new Pool({ module, memory: arena.memory, run, threads, ...(spawn === undefined ? {} : { spawn }) });
  const machine: Machine = { arena, pool };
  const count = pool.threads === 1 ? 'one thread' : `${pool.threads} threads`;
  return {
    name: 'wasm',
    description: `WebAssembly SIMD (${build}), ${count}.`,
    kernels: { ...quantizingKernels(machine), ...scanningKernels(machine), ...copyingKernels(machine) },
    allocate: (length) => {
      // In this order: allocating may grow the memory, and the view must be on the grown one.
      const address = arena.allocate(length * 4);
      return new Float32Array(arena.memory.buffer, address, length);
    },
    release: (data) => {
      const address = arena.addressOf(data);
      if (address !== undefined) arena.release(address);
    },
    cancel: () => pool.cancel(),
    close: () => pool.close(),
  };
}

type Copying = Pick<Kernels, 'toFloat16' | 'fromFloat16' | 'toBfloat16' | 'fromBfloat16' | 'transpose'>;

/** Kernels that only write their input in another form. */
function copyingKernels(machine: Machine): Copying {
  const { arena, pool } = machine;

  async function convert(x: Input, way: keyof typeof CONVERSIONS, result: Float32Array | Uint16Array): Promise<void> {
    await runPlan(machine, {
      inputs: [x],
      pieces: flatPieces(x.length),
      resultBytes: result.BYTES_PER_ELEMENT,
      task: (piece, [source], target) => ({
        operation: 'convert',
        source: source!,
        rowLength: piece.count,
        target,
        own: [CONVERSIONS[way]],
      }),
      collect: (piece, _index, target) => {
        const { buffer } = arena.memory;
        if (result instanceof Float32Array) result.set(new Float32Array(buffer, target, piece.count), piece.start);
        else result.set(new Uint16Array(buffer, target, piece.count), piece.start);
      },
    });
  }
  const narrow = (way: 'toFloat16' | 'toBfloat16') => (x: Float32Array) =>
    pool.exclusive(async () => {
      const result = new Uint16Array(x.length);
      await convert(x, way, result);
      return result;
    });
  const widen = (way: 'fromFloat16' | 'fromBfloat16') => (x: Uint16Array) =>
    pool.exclusive(async () => {
      const result = new Float32Array(x.length);
      await convert(x, way, result);
      return result;
    });

  return {
    toFloat16: narrow('toFloat16'),
    toBfloat16: narrow('toBfloat16'),
    fromFloat16: widen('fromFloat16'),
    fromBfloat16: widen('fromBfloat16'),

    transpose: (x, rows, columns) =>
      pool.exclusive(async () => {
        const result = new Float32Array(rows * columns);
        if (result.length === 0) return result;
        const there = arena.addressOf(x);
        const source = there ?? arena.allocate(x.byteLength);
        let target = 0;
        try {
          target = arena.allocate(result.byteLength);
          if (there === undefined) arena.f32.set(x, source / 4);
          const band = Math.max(32, Math.ceil(rows / MAXIMUM_TASKS / 32) * 32, Math.ceil(65536 / columns / 32) * 32);
          let count = 0;
          for (let row = 0; row < rows; row += band) {
            const own = [rows, columns, row, Math.min(rows, row + band)];
            writeTask(arena.memory.buffer, count++, {
              operation: 'transpose',
              source,
              rowLength: columns,
              target,
              own,
            });
          }
          await pool.work(count);
          result.set(arena.f32.subarray(target / 4, target / 4 + result.length));
          return result;
        } finally {
          if (there === undefined) arena.release(source);
          if (target !== 0) arena.release(target);
        }
      }),
  };
}
