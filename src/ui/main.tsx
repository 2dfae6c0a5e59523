/** The page's entry: starts the engine in its worker and puts the studio in front of it. */
import { createWorkerClient } from '#studio/worker-client.ts';
import { mountStudio } from './mount.tsx';
import { keepOffline } from './state/session/offline.ts';

const engine = new Worker(new URL('../../workers/engine.ts', import.meta.url), { type: 'module', name: 'engine' });
mountStudio(createWorkerClient(engine));
keepOffline();
