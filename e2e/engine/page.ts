/** A page with the engine and nothing drawn: journeys of the engine call its jobs from here. */
import type { Client } from '#studio/client.ts';
import type { DroppedFile } from '#studio/jobs.ts';
import { createWorkerClient } from '#studio/worker-client.ts';

export interface EnginePage {
  readonly client: Client;
  dropped(): readonly DroppedFile[];
}

declare global {
  // A page global is declared with var.
  var enginePage: EnginePage;
}

const worker = new Worker(new URL('../../workers/engine.ts', import.meta.url), { type: 'module', name: 'engine' });

globalThis.enginePage = {
  client: createWorkerClient(worker),
  dropped() {
    const input = document.querySelector<HTMLInputElement>('#model');
    return Array.from(input?.files ?? [], (file) => ({ path: file.name, file }));
  },
};
