/**
 * Threads that work through a list of tasks in shared memory. Each thread, the calling one included, takes the next task
 * by counting down one shared number, so that the load balances itself and a small job costs no message. Workers own
 * nothing: they may be ended at any time, which is how a job is cancelled for good.
 */
import { Cancelled, PareError } from '#base/failure.ts';
import type { Run } from './wasm/instance.ts';
import { LAYOUT, MAXIMUM_THREADS, SCRATCH_BYTES, TASK_BYTES } from './wasm/tasks.ts';

/** A started worker, as the environment sees it: a web worker or a `worker_threads` one. */
export interface ComputePort {
  postMessage(message: ComputeMessage): void;
  terminate(): void;
}

/** The one message a compute worker gets; it then serves until it is ended. */
export interface ComputeMessage {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** 1 and up; the calling thread is 0. */
  readonly thread: number;
}

// Words of the control block.
const GENERATION = 0;
/** Tasks left to take; taken by subtracting one, so that a late thread can never take a task of a job it has not seen. */
const LEFT = 1;
const FINISHED = 2;
const FAILED = 3;

/** How long the calling thread works before other events of its worker get their turn. */
const SLICE_MS = 12;

function controlOf(memory: WebAssembly.Memory): Int32Array {
  return new Int32Array(memory.buffer, LAYOUT.control, 16);
}

/** Takes one task and runs it; false when none is left. */
function takeTask(control: Int32Array, run: Run, thread: number): boolean {
  const left = Atomics.sub(control, LEFT, 1);
  if (left <= 0) return false;
  try {
    run(LAYOUT.tasks + (left - 1) * TASK_BYTES, LAYOUT.scratch + thread * SCRATCH_BYTES);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
  Atomics.add(control, FINISHED, 1);
  Atomics.notify(control, FINISHED);
  return true;
}

/** What a compute worker does for the rest of its life. Blocks. */
export function serveTasks(run: Run, memory: WebAssembly.Memory, thread: number): never {
  const control = controlOf(memory);
  for (;;) {
    const generation = Atomics.load(control, GENERATION);
    while (takeTask(control, run, thread));
    Atomics.wait(control, GENERATION, generation);
  }
}

export interface PoolOptions {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Runs a task on the calling thread. */
  readonly run: Run;
  /** Threads in all; 1 needs no workers. */
  readonly threads: number;
  readonly spawn?: () => ComputePort;
}

export class Pool {
  readonly threads: number;
  private readonly control: Int32Array;
  private readonly run: Run;
  private readonly ports: ComputePort[] = [];
  private last: Promise<unknown> = Promise.resolve();
  /** Counts cancellations: a job that was asked for before the latest one ends. */
  private epoch = 0;
  private jobEpoch = 0;
  private sliceStart = 0;

  constructor(options: PoolOptions) {
    this.control = controlOf(options.memory);
    this.run = options.run;
    this.threads = options.spawn === undefined ? 1 : Math.max(1, Math.min(MAXIMUM_THREADS, options.threads));
    for (let thread = 1; thread < this.threads; thread++) {
      const port = options.spawn!();
      port.postMessage({ module: options.module, memory: options.memory, thread });
      this.ports.push(port);
    }
  }

  /** Runs `work` when all earlier work is done: jobs share one list of tasks. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const { epoch } = this;
    const result = this.last.then(async () => {
      if (epoch !== this.epoch) throw new Cancelled();
      this.jobEpoch = epoch;
      this.sliceStart = performance.now();
      return work();
    });
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Works through the first `count` tasks of the list; resolves when all are finished. Called inside `exclusive`. */
  async work(count: number): Promise<void> {
    const { control } = this;
    Atomics.store(control, FINISHED, 0);
    Atomics.store(control, FAILED, 0);
    Atomics.store(control, LEFT, count);
    if (count > 1 && this.threads > 1) {
      Atomics.add(control, GENERATION, 1);
      Atomics.notify(control, GENERATION);
    }
    let taken = 0;
    while (takeTask(control, this.run, 0)) {
      taken++;
      if (performance.now() - this.sliceStart > SLICE_MS) await this.pause(count);
    }
    if (taken < count) await this.settle(count);
    if (Atomics.load(control, FAILED) !== 0) {
      const problem = 'a compute kernel stopped unexpectedly.';
      throw new PareError({ code: 'kernels/trap', problem, hint: 'Reload the page and try again.' });
    }
  }

  /** Makes the running job, and those that wait, end with `Cancelled`. */
  cancel(): void {
    this.epoch++;
  }

  close(): void {
    this.cancel();
    for (const port of this.ports.splice(0)) port.terminate();
  }

  /** Waits for tasks that other threads have taken. */
  private async settle(count: number): Promise<void> {
    for (;;) {
      const finished = Atomics.load(this.control, FINISHED);
      if (finished >= count) return;
      // A short block is cheaper than an event turn; a page's main thread may not block and yields instead.
      if (!tryWait(this.control, FINISHED, finished)) await nextTurn();
      if (performance.now() - this.sliceStart > SLICE_MS) await this.pause(count);
    }
  }

  private async pause(count: number): Promise<void> {
    await nextTurn();
    this.sliceStart = performance.now();
    if (this.jobEpoch === this.epoch) return;
    const untaken = Math.max(0, Atomics.exchange(this.control, LEFT, 0));
    // Threads may still be writing results: nobody may free that memory before they are done, unless they were ended.
    while (this.ports.length > 0 && Atomics.load(this.control, FINISHED) < count - untaken) await nextTurn();
    throw new Cancelled();
  }
}

function tryWait(control: Int32Array, index: number, value: number): boolean {
  try {
    Atomics.wait(control, index, value, 5);
    return true;
  } catch {
    return false;
  }
}

/** Lets other events of this thread run. A message channel has no minimum delay, unlike a timer. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
