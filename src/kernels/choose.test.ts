import { expect, test } from 'vitest';
import { Cancelled } from '#base/failure.ts';
import { chooseBackend, type Environment, thisEnvironment } from './choose.ts';
import { referenceKernels } from './reference/index.ts';

const plain: Environment = { processors: 8, isolated: true };

test('without workers WebAssembly runs on one thread, and the table is complete', async () => {
  const backend = await chooseBackend('auto', plain);
  expect(backend.name).toBe('wasm');
  expect(backend.description).toMatch(/^WebAssembly SIMD \((strict|relaxed)\), one thread\. WebGPU not used: /);
  expect(Object.keys(backend.kernels).toSorted()).toEqual(Object.keys(referenceKernels).toSorted());
  backend.close();
});

test('a page that is not isolated gets one thread and is told why', async () => {
  const spawn = () => {
    throw new Error('no worker may be started here');
  };
  const backend = await chooseBackend('wasm', { ...plain, isolated: false, spawn });
  expect(backend.description).toContain('one thread. More threads need a cross-origin isolated page');
  backend.close();
});

test('whoever wishes for WebGPU where there is none is told so', async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU;
  const backend = await chooseBackend('webgpu', { ...plain, gpu });
  expect(backend.name).toBe('wasm');
  expect(backend.description).toContain('WebGPU not used: the browser found no adapter.');
  backend.close();
});

test('a software adapter is never taken by itself', async () => {
  const info = { vendor: 'google', architecture: 'swiftshader', device: '', description: '', isFallbackAdapter: true };
  const gpu = { requestAdapter: async () => ({ info }) } as unknown as GPU;
  const backend = await chooseBackend('auto', { ...plain, gpu });
  expect(backend.description).toContain('WebGPU not used: only a software adapter');
  backend.close();
});

test('cancelling ends the running kernel and the waiting ones; later calls work', async () => {
  const backend = await chooseBackend('wasm', thisEnvironment());
  const data = new Float32Array(16 * 2 ** 20).map((_, i) => Math.sin(i));
  const search = { bits: 4, signed: true, low: -7, high: 7, symmetric: true, candidates: 80, divisor: 7 } as const;
  const rows = { data, rows: data.length / 32, rowLength: 32 };
  const running = backend.kernels.searchScale(rows, search);
  const waiting = backend.kernels.absMax(rows);
  setTimeout(() => backend.cancel?.(), 5);
  await expect(running).rejects.toThrow(Cancelled);
  await expect(waiting).rejects.toThrow(Cancelled);
  expect([...(await backend.kernels.absMax({ data: Float32Array.of(-2), rows: 1, rowLength: 1 }))]).toEqual([2]);
  backend.close();
});
