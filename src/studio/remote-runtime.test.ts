import { afterEach, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Session } from '#runtimes/runtime.ts';
import { ELEM, modelProto, valueProto } from '#runtimes/testing/tiny-onnx.ts';
import type { Port } from './door.ts';
import { openRemoteRuntime, serveRuntime, type RuntimeWorker } from './remote-runtime.ts';

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

async function between(outputsOf: Session['run'] | null = null) {
  const channel = new MessageChannel();
  channels.push(channel);
  serveRuntime(channel.port2 as unknown as Port, async () => {
    const runtime = await openOnnxruntimeWeb();
    if (outputsOf === null) return runtime;
    return { ...runtime, load: async (model) => ({ ...(await runtime.load(model)), run: outputsOf }) };
  });
  const worker = Object.assign(channel.port1, { terminate: () => {} }) as unknown as RuntimeWorker;
  return openRemoteRuntime(() => worker);
}

const model = modelProto({
  nodes: [
    { op: 'Neg', inputs: ['x'], outputs: ['y'] },
    { op: 'Identity', inputs: ['x'], outputs: ['z'] },
  ],
  inputs: [valueProto('x', ELEM.f32, [3])],
  outputs: [valueProto('y', ELEM.f32, [3]), valueProto('z', ELEM.f32, [3])],
});
const x: NdArray = { dtype: 'f32', shape: [3], data: Float32Array.of(1, -2, 3) };

it('runs a model behind a door, again and again, and leaves the inputs as they are', async () => {
  const { runtime, end } = await between();
  const session = await runtime.load({ name: 'negate.onnx', model });
  for (let run = 0; run < 3; run += 1) {
    const outputs = await session.run(new Map([['x', x]]));
    expect([...(outputs.get('y')?.data ?? [])]).toEqual([-1, 2, -3]);
    expect([...(outputs.get('z')?.data ?? [])]).toEqual([1, -2, 3]);
    expect([...x.data]).toEqual([1, -2, 3]);
  }
  end();
});

it('moves outputs instead of copying them, also when two share their memory', async () => {
  const memory = Float32Array.of(1, 2, 3, 4);
  const part = (from: number): NdArray => ({ dtype: 'f32', shape: [2], data: memory.subarray(from, from + 2) });
  const { runtime, end } = await between(
    async () =>
      new Map([
        ['y', part(0)],
        ['z', part(2)],
      ]),
  );
  const session = await runtime.load({ name: 'negate.onnx', model });
  const outputs = await session.run(new Map([['x', x]]));
  expect([...outputs.values()].map(({ data }) => [...data])).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(memory.length).toBe(0);
  end();
});
