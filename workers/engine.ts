/** The engine's worker: hands the engine what a browser has, and opens its door to the page. */
import { chooseBackend, thisEnvironment } from '#kernels/choose.ts';
import { type Port, serveDoor } from '#studio/door.ts';
import { type BackendChoice, createEngine, type ThreadedBackend } from '#studio/engine.ts';
import { decodePicture } from '#studio/picture-decoder.ts';
import { openOpfsShelf } from '#studio/opfs-shelf.ts';
import { openRemoteRuntime } from '#studio/remote-runtime.ts';

async function openBackend(choice: BackendChoice): Promise<ThreadedBackend> {
  let threads = 1;
  const environment = thisEnvironment(() => {
    threads += 1;
    return new Worker(new URL('./compute.ts', import.meta.url), { type: 'module', name: 'compute' });
  });
  const backend = await chooseBackend(choice, environment);
  return { backend, threads };
}

function inference(): Worker {
  return new Worker(new URL('./inference.ts', import.meta.url), { type: 'module', name: 'inference' });
}

serveDoor(
  self as unknown as Port,
  createEngine({
    openBackend,
    openRuntime: (signal) => openRemoteRuntime(inference, signal),
    decode: decodePicture,
    openShelf: openOpfsShelf,
  }),
);
