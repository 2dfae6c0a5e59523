/** The page of the kernel benchmark: hands the work to a worker, as the studio does, so that kernels may block. */
import type { KernelFigures } from './worker.ts';

declare global {
  // A page global is declared with var.
  var kernelBench: (() => Promise<KernelFigures>) | undefined;
}

globalThis.kernelBench = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<KernelFigures | { readonly error: string }>) => {
      worker.terminate();
      if ('error' in data) reject(new Error(data.error));
      else resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message));
  });
