/** The page's side of the engine: calls its worker through a door and says so in one sentence if the worker dies. */
import { PareError } from '#base/failure.ts';
import type { CallOptions, Client } from './client.ts';
import { openDoor, type Door, type Port } from './door.ts';
import type { JobName, Jobs } from './jobs.ts';

/** A worker as far as the client needs it; a `MessagePort` will do where nothing can crash. */
export interface EnginePort extends Port {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'error', listener: (event: Event) => void): void;
  terminate?(): void;
  close?(): void;
}

export function createWorkerClient(worker: EnginePort): Client {
  const door: Door = openDoor(worker);
  worker.addEventListener('error', (event: Event) => {
    const message = 'message' in event && typeof event.message === 'string' ? event.message : '';
    door.break(
      new PareError({
        code: 'studio/engine-stopped',
        problem: `the engine stopped${message === '' ? '' : ` (${message})`}.`,
        hint: 'Reload the page: models that were kept open again.',
      }),
    );
  });
  return {
    call<K extends JobName>(job: K, input: Jobs[K]['in'], options: CallOptions = {}): Promise<Jobs[K]['out']> {
      return door.call(job, input, options) as Promise<Jobs[K]['out']>;
    },
    close() {
      door.break(new PareError({ code: 'studio/closed', problem: 'the engine was closed.' }));
      worker.terminate?.();
      worker.close?.();
    },
  };
}
