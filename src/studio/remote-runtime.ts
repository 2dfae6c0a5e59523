/**
 * A runtime that lives in a worker of its own. Its memory never shrinks, so the worker is ended after each use, which is
 * also how a run in progress is cancelled.
 */
import type { NdArray } from '#base/nd-array.ts';
import { Cancelled, PareError } from '#base/failure.ts';
import type { HostedRuntime, RunnableModel, Runtime, Session, SlotInfo } from '#runtimes/runtime.ts';
import { openDoor, serveDoor, type Moved, type Port } from './door.ts';

interface Loaded {
  readonly session: number;
  readonly inputs: readonly SlotInfo[];
  readonly outputs: readonly SlotInfo[];
}

type Arrays = ReadonlyMap<string, NdArray>;

interface Described {
  readonly id: Runtime['id'];
  readonly description: string;
}

/** The inside of the worker: loads models and runs them for whoever holds the other end of the port. */
export function serveRuntime(port: Port, open: () => Promise<Runtime>): void {
  let opened: Promise<Runtime> | undefined;
  const runtime = (): Promise<Runtime> => (opened ??= open());
  const sessions = new Map<number, Session>();
  let next = 1;
  const sessionOf = (id: number): Session => {
    const session = sessions.get(id);
    if (session === undefined) throw new Error(`there is no session ${id}`);
    return session;
  };
  serveDoor(port, {
    async describe(): Promise<Described> {
      const { id, description } = await runtime();
      return { id, description };
    },
    async load(model: RunnableModel): Promise<Loaded> {
      const session = await (await runtime()).load(model);
      const id = next;
      next += 1;
      sessions.set(id, session);
      return { session: id, inputs: session.inputs, outputs: session.outputs };
    },
    async run({ session, feeds }: { readonly session: number; readonly feeds: Arrays }): Promise<Moved<Arrays>> {
      const outputs = await sessionOf(session).run(feeds);
      return { moved: outputs, transfer: buffersOf(outputs) };
    },
    async close({ session }: { readonly session: number }): Promise<null> {
      await sessionOf(session).close();
      sessions.delete(session);
      return null;
    },
  });
}

/** Outputs are made for whoever asked, so their memory goes there instead of being copied; shared memory stays. */
function buffersOf(arrays: Arrays): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of arrays.values()) {
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  }
  return [...buffers];
}

/** A worker that can be ended. */
export interface RuntimeWorker extends Port {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'error', listener: (event: Event) => void): void;
  terminate(): void;
}

/** Starts a worker, waits for its runtime, and speaks with it as with any runtime. */
export async function openRemoteRuntime(spawn: () => RuntimeWorker, signal?: AbortSignal): Promise<HostedRuntime> {
  const worker = spawn();
  const door = openDoor(worker);
  const end = (): void => {
    signal?.removeEventListener('abort', cancel);
    door.break(new PareError({ code: 'runtime/ended', problem: 'the runtime was ended.' }));
    worker.terminate();
  };
  const cancel = (): void => {
    door.break(new Cancelled());
    worker.terminate();
  };
  signal?.addEventListener('abort', cancel, { once: true });
  worker.addEventListener('error', (event) => {
    const message = 'message' in event && typeof event.message === 'string' ? ` (${event.message})` : '';
    door.break(
      new PareError({
        code: 'runtime/crashed',
        problem: `the runtime's worker stopped${message}.`,
        hint: 'The model may need more memory than the browser gives one tab.',
      }),
    );
  });
  try {
    const { id, description } = (await door.call('describe', null)) as Described;
    const runtime: Runtime = {
      id,
      description,
      async load(model) {
        const { session, inputs, outputs } = (await door.call('load', model)) as Loaded;
        return {
          inputs,
          outputs,
          run: async (feeds) => (await door.call('run', { session, feeds })) as Arrays,
          close: async () => {
            await door.call('close', { session });
          },
        };
      },
    };
    return { runtime, end };
  } catch (error) {
    end();
    throw error;
  }
}
