/** A thread of the compute pool in Node: instantiates the kernels on the shared memory it is handed, then serves tasks until ended. */
import { parentPort } from 'node:worker_threads';
import { type ComputeMessage, serveTasks } from '#kernels/pool.ts';
import { instantiate } from '#kernels/wasm/instance.ts';

parentPort?.once('message', ({ module, memory, thread }: ComputeMessage) => {
  void instantiate(module, memory).then((run) => serveTasks(run, memory, thread));
});
