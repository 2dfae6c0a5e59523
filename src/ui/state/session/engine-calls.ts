/** Calls into the engine: the one client, and tasks that show their progress and can be cancelled. */
import type { CallOptions, Client } from '#studio/client.ts';
import type { JobName, Jobs } from '#studio/jobs.ts';
import { tell, useStudio } from '#ui/state/store.ts';

let connected: Client | null = null;

export function connect(client: Client): void {
  connected = client;
}

export function call<K extends JobName>(job: K, input: Jobs[K]['in'], options?: CallOptions): Promise<Jobs[K]['out']> {
  if (connected === null) return Promise.reject(new Error('The engine is not running. Reload the page.'));
  return connected.call(job, input, options);
}

let taskCount = 0;

/**
 * Runs a job that the person waits for. Resolves to null when it was cancelled or failed; a failure has been told by then.
 * One at a time: a second is refused while the first runs.
 */
export async function runTask<T>(
  label: string,
  work: (options: Required<CallOptions>) => Promise<T>,
): Promise<T | null> {
  if (useStudio.getState().task !== null) {
    tell('info', `${useStudio.getState().task?.label ?? 'A job'} is still running. Wait for it or cancel it first.`);
    return null;
  }
  const abort = new AbortController();
  taskCount += 1;
  const id = taskCount;
  useStudio.setState({ task: { id, label, progress: null, cancel: () => abort.abort() } });
  try {
    return await work({
      signal: abort.signal,
      onProgress: (progress) =>
        useStudio.setState(({ task }) => (task?.id === id ? { task: { ...task, progress } } : {})),
    });
  } catch (error) {
    if (!abort.signal.aborted && !isCancelled(error)) tell('error', sentenceOf(error));
    return null;
  } finally {
    useStudio.setState(({ task }) => (task?.id === id ? { task: null } : {}));
  }
}

export function isCancelled(error: unknown): boolean {
  return error instanceof Error && (error.name === 'Cancelled' || error.name === 'AbortError');
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
