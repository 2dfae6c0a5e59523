/** What the page calls: a job by name, with progress and cancel. The engine lives behind it in a worker. */
import type { OnProgress } from '#base/progress.ts';
import type { JobName, Jobs } from './jobs.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface Client {
  call<K extends JobName>(job: K, input: Jobs[K]['in'], options?: CallOptions): Promise<Jobs[K]['out']>;
  close(): void;
}
