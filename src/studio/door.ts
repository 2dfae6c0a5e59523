/**
 * A door between two threads: named jobs one way, answers, progress and failures the other. A failure keeps its type: a
 * `PareError` arrives with its parts, a cancelled job arrives as `Cancelled`, and a fault in the code arrives with its stack.
 */
import { Cancelled, PareError, type FailureParts } from '#base/failure.ts';
import type { OnProgress, Progress } from '#base/progress.ts';

/** What both a `Worker`, the inside of one, and a `MessagePort` offer. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  start?(): void;
}

export interface JobContext {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** A job's answer with buffers that move instead of being copied. */
export interface Moved<T> {
  readonly moved: T;
  readonly transfer: Transferable[];
}

type Handler = (input: never, context: JobContext) => Promise<unknown>;
export type Handlers = Readonly<Record<string, Handler>>;

type Failure =
  | { readonly kind: 'pare'; readonly parts: FailureParts }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'fault'; readonly name: string; readonly message: string; readonly stack: string | undefined };

type Request =
  | { readonly type: 'call'; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly type: 'cancel'; readonly id: number };

type Reply =
  | { readonly type: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly type: 'done'; readonly id: number; readonly output: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure };

/** At most one progress message in this time, so that a job of many small steps does not flood the page. */
const PROGRESS_EVERY_MS = 50;

/** Answers calls that come through the port. */
export function serveDoor(port: Port, handlers: Handlers): void {
  const running = new Map<number, AbortController>();
  const reply = (message: Reply, transfer: Transferable[] = []): void => port.postMessage(message, transfer);

  const answer = async (id: number, job: string, input: unknown): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const handler = handlers[job];
      if (handler === undefined) throw new Error(`there is no job called ${job}`);
      let last = -PROGRESS_EVERY_MS;
      const onProgress: OnProgress = (progress) => {
        const now = performance.now();
        if (now - last < PROGRESS_EVERY_MS) return;
        last = now;
        reply({ type: 'progress', id, progress });
      };
      const output = await handler(input as never, { signal: controller.signal, onProgress });
      if (isMoved(output)) reply({ type: 'done', id, output: output.moved }, output.transfer);
      else reply({ type: 'done', id, output });
    } catch (error) {
      reply({ type: 'failed', id, failure: controller.signal.aborted ? { kind: 'cancelled' } : packFailure(error) });
    } finally {
      running.delete(id);
    }
  };

  port.addEventListener('message', ({ data }: MessageEvent) => {
    const request = data as Request;
    if (request.type === 'call') void answer(request.id, request.job, request.input);
    else if (request.type === 'cancel') running.get(request.id)?.abort();
  });
  port.start?.();
}

export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly transfer?: Transferable[];
}

export interface Door {
  call(job: string, input: unknown, settings?: CallSettings): Promise<unknown>;
  /** Refuses every call that waits, and all later ones, with this error: the other side is gone. */
  break(error: Error): void;
}

interface Waiting {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
  readonly settled: () => void;
}

/** Calls through the port to whoever serves its other end. */
export function openDoor(port: Port): Door {
  const waiting = new Map<number, Waiting>();
  let next = 1;
  let broken: Error | undefined;

  const take = (id: number): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    found?.settled();
    return found;
  };

  port.addEventListener('message', ({ data }: MessageEvent) => {
    const message = data as Reply;
    if (message.type === 'progress') waiting.get(message.id)?.onProgress?.(message.progress);
    else if (message.type === 'done') take(message.id)?.resolve(message.output);
    else if (message.type === 'failed') take(message.id)?.reject(unpackFailure(message.failure));
  });
  port.start?.();

  return {
    call(job, input, { signal, onProgress, transfer } = {}) {
      if (broken !== undefined) return Promise.reject(broken);
      if (signal?.aborted === true) return Promise.reject(new Cancelled());
      const id = next;
      next += 1;
      return new Promise((resolve, reject) => {
        const cancel = (): void => {
          port.postMessage({ type: 'cancel', id } satisfies Request);
          // The person is answered at once; the late answer of the other side finds nobody waiting.
          take(id)?.reject(new Cancelled());
        };
        signal?.addEventListener('abort', cancel, { once: true });
        waiting.set(id, { resolve, reject, onProgress, settled: () => signal?.removeEventListener('abort', cancel) });
        try {
          port.postMessage({ type: 'call', id, job, input } satisfies Request, transfer ?? []);
        } catch (error) {
          take(id);
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
    break(error) {
      broken = error;
      for (const id of waiting.keys()) take(id)?.reject(error);
    },
  };
}

function isMoved(output: unknown): output is Moved<unknown> {
  return typeof output === 'object' && output !== null && 'moved' in output && 'transfer' in output;
}

function packFailure(error: unknown): Failure {
  if (error instanceof PareError) return { kind: 'pare', parts: error.parts };
  if (error instanceof Cancelled) return { kind: 'cancelled' };
  if (error instanceof Error) return { kind: 'fault', name: error.name, message: error.message, stack: error.stack };
  return { kind: 'fault', name: 'Error', message: String(error), stack: undefined };
}

function unpackFailure(failure: Failure): Error {
  if (failure.kind === 'pare') return new PareError(failure.parts);
  if (failure.kind === 'cancelled') return new Cancelled();
  const fault = new Error(failure.message);
  fault.name = failure.name;
  if (failure.stack !== undefined) fault.stack = failure.stack;
  return new PareError(
    {
      code: 'studio/fault',
      problem: `something went wrong inside Pare: ${failure.message}.`,
      hint: 'The models that are open stay open; please report this with what you did.',
    },
    { cause: fault },
  );
}
