/**
 * Keeps previews following a recipe that changes many times a second. The first edit runs at once; while a run is under
 * way only the newest request waits. A short run is left to finish, so that a slider that is dragged without pause still
 * shows something on the way; a long one is cancelled for what is wanted now.
 */

export interface PreviewLoopOptions<Request, Result> {
  run(request: Request, signal: AbortSignal): Promise<Result>;
  onResult(request: Request, result: Result): void;
  onError(request: Request, error: unknown): void;
  onBusy(busy: boolean): void;
  /** Runs older than this are cancelled when something newer is asked for. */
  readonly patienceMs?: number;
  /** For tests. */
  now?(): number;
}

export interface PreviewLoop<Request> {
  request(request: Request): void;
  /** Drops what waits and cancels what runs. */
  stop(): void;
}

const PATIENCE_MS = 250;

export function createPreviewLoop<Request, Result>(options: PreviewLoopOptions<Request, Result>): PreviewLoop<Request> {
  const now = options.now ?? (() => performance.now());
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  let waiting: { readonly request: Request } | null = null;
  let running: { readonly abort: AbortController; readonly startedMs: number } | null = null;
  let impatience: ReturnType<typeof setTimeout> | undefined;

  async function runNext(): Promise<void> {
    while (waiting !== null) {
      const { request } = waiting;
      waiting = null;
      const abort = new AbortController();
      running = { abort, startedMs: now() };
      try {
        const result = await options.run(request, abort.signal);
        if (!abort.signal.aborted) options.onResult(request, result);
      } catch (error) {
        // What was cancelled has been replaced or is no longer wanted: its end is no news.
        if (!abort.signal.aborted) options.onError(request, error);
      }
      clearTimeout(impatience);
      running = null;
    }
    options.onBusy(false);
  }

  return {
    request(request) {
      waiting = { request };
      if (running === null) {
        options.onBusy(true);
        void runNext();
        return;
      }
      const { abort, startedMs } = running;
      clearTimeout(impatience);
      impatience = setTimeout(() => abort.abort(), Math.max(0, patienceMs - (now() - startedMs)));
    },
    stop() {
      waiting = null;
      running?.abort.abort();
    },
  };
}
