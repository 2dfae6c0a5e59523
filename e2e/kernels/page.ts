/** Runs the agreement suite in a worker of this browser, where threads, relaxed SIMD and WebGPU are. */
import type { AgreementJob, AgreementResult } from './worker.ts';

declare global {
  // A page global is declared with var.
  var checkAgreement: ((job: AgreementJob) => Promise<AgreementResult>) | undefined;
}

globalThis.checkAgreement = (job) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<AgreementResult>) => {
      worker.terminate();
      resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(job);
  });
