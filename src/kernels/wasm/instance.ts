/** Instantiating the compiled kernels on the shared memory; apart from their bytes, which workers are handed compiled. */

/** What the compiled module offers: runs the task at an address with 512 KiB of scratch memory of the calling thread. */
export type Run = (task: number, scratch: number) => void;

export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Run> {
  const env = { memory, abort: () => undefined };
  const instance = await WebAssembly.instantiate(module, { env });
  return instance.exports['run'] as Run;
}
