/** One run of the agreement suite on a backend that is chosen as the studio chooses it. */
import { type BackendWish, chooseBackend, thisEnvironment } from '#kernels/choose.ts';
import { referenceKernels } from '#kernels/reference/index.ts';
import { type AgreementOptions, disagreements } from '#kernels/testing/agreement.ts';

export interface AgreementJob {
  readonly wish: BackendWish;
  readonly threads: number;
  readonly options: AgreementOptions;
}

export interface AgreementResult {
  readonly description: string;
  readonly failures: readonly string[];
}

async function check({ wish, threads, options }: AgreementJob): Promise<AgreementResult> {
  const spawn = () => new Worker(new URL('../../workers/compute.ts', import.meta.url), { type: 'module' });
  const backend = await chooseBackend(wish, { ...thisEnvironment(spawn), processors: threads });
  const failures = await disagreements(referenceKernels, backend, options);
  backend.close();
  return { description: backend.description, failures };
}

self.onmessage = async ({ data }: MessageEvent<AgreementJob>) => {
  try {
    postMessage(await check(data));
  } catch (error) {
    postMessage({ description: 'failed', failures: [String((error as Error).stack)] });
  }
};
