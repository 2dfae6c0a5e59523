import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cancelled, PareError } from '#base/failure.ts';
import type { Progress } from '#base/progress.ts';
import { type Handlers, openDoor, type Port, serveDoor } from './door.ts';
import { createWorkerClient, type EnginePort } from './worker-client.ts';

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

/** Both ends of a door, the far one served. */
function between(handlers: Handlers): EnginePort {
  const channel = new MessageChannel();
  channels.push(channel);
  serveDoor(channel.port2 as unknown as Port, handlers);
  return channel.port1 as unknown as EnginePort;
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('a client', () => {
  it('gets answers, each to its own call', async () => {
    const client = createWorkerClient(
      between({ close: async ({ modelId }: { modelId: string }) => ({ echo: modelId }) }),
    );
    const answers = await Promise.all(['a', 'b', 'c'].map((modelId) => client.call('close', { modelId })));
    expect(answers).toEqual([{ echo: 'a' }, { echo: 'b' }, { echo: 'c' }]);
  });

  it('gets a refusal with its parts', async () => {
    const parts = { code: 'x/y', file: 'm.onnx', place: 'conv', problem: 'it is cut short.', hint: 'Get it again.' };
    const client = createWorkerClient(between({ info: () => Promise.reject(new PareError(parts)) }));
    const failure = await client.call('info', {}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PareError);
    expect((failure as PareError).parts).toEqual(parts);
    expect((failure as PareError).message).toBe('m.onnx, conv: it is cut short. Get it again.');
  });

  it('gets a fault in the code as a sentence, with where it was as its cause', async () => {
    const client = createWorkerClient(between({ info: () => Promise.reject(new TypeError('x is undefined')) }));
    const failure = await client.call('info', {}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PareError);
    expect((failure as PareError).parts.problem).toContain('x is undefined');
    expect(((failure as PareError).cause as Error).stack).toContain('worker-client.test.ts');
  });

  it('is told of progress until the answer comes', async () => {
    const client = createWorkerClient(
      between({
        info: async (_input: unknown, { onProgress }) => {
          onProgress({ label: 'half', done: 1, of: 2 });
          return 'done';
        },
      }),
    );
    const seen: Progress[] = [];
    await client.call('info', {}, { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ label: 'half', done: 1, of: 2 }]);
  });

  it('that cancels is answered at once, and the job learns of it', async () => {
    const aborted = vi.fn();
    const client = createWorkerClient(
      between({
        info: (_input: unknown, { signal }) => {
          signal.addEventListener('abort', aborted);
          return never();
        },
        close: async () => null,
      }),
    );
    const controller = new AbortController();
    const call = client.call('info', {}, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(Cancelled);
    // Messages keep their order: when this is answered, the cancel has arrived.
    await client.call('close', { modelId: 'x' });
    expect(aborted).toHaveBeenCalledOnce();
  });

  it('is refused at once with a signal that had fired', async () => {
    const client = createWorkerClient(between({ info: never }));
    await expect(client.call('info', {}, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(Cancelled);
  });

  it('hears in a sentence that the engine stopped, for calls that wait and for later ones', async () => {
    const { port1 } = new MessageChannel();
    const worker = Object.assign(new EventTarget(), {
      postMessage: (message: unknown) => port1.postMessage(message),
      terminate: vi.fn(),
    });
    const client = createWorkerClient(worker as unknown as EnginePort);
    const waiting = client.call('info', {});
    worker.dispatchEvent(new Event('error'));
    await expect(waiting).rejects.toThrow('the engine stopped');
    await expect(client.call('info', {})).rejects.toThrow('the engine stopped');
    client.close();
    expect(worker.terminate).toHaveBeenCalledOnce();
    port1.close();
  });
});

describe('a door', () => {
  it('refuses a job that nobody serves', async () => {
    await expect(openDoor(between({})).call('dance', null)).rejects.toThrow('there is no job called dance');
  });

  it('lets progress through at a pace', async () => {
    const door = openDoor(
      between({
        count: async (_input: unknown, { onProgress }) => {
          for (let done = 0; done < 10_000; done += 1) onProgress({ label: '', done, of: 10_000 });
        },
      }),
    );
    let told = 0;
    await door.call('count', null, { onProgress: () => (told += 1) });
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(100);
  });
});
