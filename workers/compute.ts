/** A thread of the compute pool: instantiates the kernels on the shared memory it is handed, then serves tasks until ended. */
import { type ComputeMessage, serveTasks } from '#kernels/pool.ts';
import { instantiate } from '#kernels/wasm/instance.ts';

self.onmessage = async (event: MessageEvent<ComputeMessage>) => {
  const { module, memory, thread } = event.data;
  serveTasks(await instantiate(module, memory), memory, thread);
};
