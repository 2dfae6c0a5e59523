/** The kernels that the command line computes with: WebAssembly on all cores where the weights are worth starting threads for. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CompleteBackend } from '#kernels/kernels.ts';
import type { ComputePort } from '#kernels/pool.ts';
import { referenceKernels } from '#kernels/reference/index.ts';
import { createWasmBackend } from '#kernels/wasm/backend.ts';

/** Starting a thread takes about as long as computing on this much. */
const WORTH_THREADS_BYTES = 16e6;
/** Weights stream through the cores: more threads than this wait for memory. */
const MOST_THREADS = 8;

/** Beside the bundle's entry; where the sources run as they are, in tests, there is none and one thread computes. */
const THREAD_ENTRY = new URL(['..', 'compute-thread.mjs'].join('/'), import.meta.url);

export async function openBackendForNode(weightBytes = 0): Promise<CompleteBackend> {
  const worth = weightBytes >= WORTH_THREADS_BYTES && existsSync(THREAD_ENTRY);
  const threads = worth ? Math.min(MOST_THREADS, availableParallelism()) : 1;
  const wasm = await createWasmBackend(threads > 1 ? { threads, spawn } : {});
  return { ...wasm, kernels: { ...referenceKernels, ...wasm.kernels } };
}

function spawn(): ComputePort {
  const worker = new Worker(THREAD_ENTRY);
  // A pool that nobody closed must not keep the process alive.
  worker.unref();
  return worker;
}
