import { describe, expect, it, vi } from 'vitest';
import { buildTensor } from '#ir/testing/build.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { CompleteBackend } from '#kernels/kernels.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import { createFloatCache } from './float-cache.ts';
import { layerOver } from './layered-store.ts';

/** A backend that counts what is asked of it. */
function counting(): { backend: CompleteBackend; allocated: () => number; calls: Record<string, number> } {
  const plain = referenceBackend();
  const living = new Set<Float32Array>();
  const calls = { minMax: 0, transpose: 0 };
  const backend: CompleteBackend = {
    ...plain,
    kernels: {
      ...plain.kernels,
      minMax: (x) => ((calls.minMax += 1), plain.kernels.minMax(x)),
      transpose: (...all) => ((calls.transpose += 1), plain.kernels.transpose(...all)),
    },
    allocate: (length) => {
      const data = plain.allocate(length);
      living.add(data);
      return data;
    },
    release: (data) => {
      if (!living.delete(data)) throw new Error('released what was not allocated');
    },
  };
  return { backend, allocated: () => [...living].reduce((sum, data) => sum + data.byteLength, 0), calls };
}

function weights(count: number, elements = 100) {
  const store = createWeightStore();
  const tensors = Array.from({ length: count }, (_, index) =>
    buildTensor(store, { dtype: 'f32', shape: [elements], data: new Float32Array(elements).fill(index + 1) }),
  );
  return { store, tensors };
}

describe('the float cache', () => {
  it('reads a weight once, and gives the same array to all who ask at the same time', async () => {
    const { store, tensors } = weights(1);
    const read = vi.spyOn(store, 'read');
    const run = createFloatCache(referenceBackend()).begin();
    const [a, b] = await Promise.all(tensors.concat(tensors).map((tensor) => run.floats(store, tensor, 'w')));
    expect(a).toBe(b);
    expect(await run.floats(store, tensors[0]!, 'w')).toBe(a);
    expect(read).toHaveBeenCalledOnce();
  });

  it('lets idle weights go, oldest first, and never one that a run may hold', async () => {
    const { store, tensors } = weights(4);
    const { backend, allocated } = counting();
    const cache = createFloatCache(backend, 800);
    const first = cache.begin();
    const held = await first.floats(store, tensors[0]!, 'a');
    await first.floats(store, tensors[1]!, 'b');
    expect(cache.heldBytes).toBe(800);
    // Full, and both are in use: this one is handed out without being kept.
    const extra = await first.floats(store, tensors[2]!, 'c');
    expect([extra[0], held[0], cache.heldBytes, allocated()]).toEqual([3, 1, 800, 800]);
    first.end();
    const second = cache.begin();
    expect(await second.floats(store, tensors[0]!, 'a')).toBe(held);
    await second.floats(store, tensors[3]!, 'd');
    expect([cache.heldBytes, allocated()]).toEqual([800, 800]);
    // The one that was not asked for again went.
    expect(await second.floats(store, tensors[0]!, 'a')).toBe(held);
    second.end();
    cache.clear();
    expect([cache.heldBytes, allocated()]).toEqual([0, 0]);
  });

  it('computes once what follows from a weight alone, and frees it with the weight', async () => {
    const { store, tensors } = weights(1);
    const { backend, allocated, calls } = counting();
    const cache = createFloatCache(backend);
    const run = cache.begin();
    const data = await run.floats(store, tensors[0]!, 'w');
    const turned = await run.kernels.transpose(data, 20, 5);
    expect(await run.kernels.transpose(data, 20, 5)).toBe(turned);
    await run.kernels.minMax({ data: turned, rows: 5, rowLength: 20 });
    await run.kernels.minMax({ data: turned, rows: 5, rowLength: 20 });
    await run.kernels.minMax({ data, rows: 5, rowLength: 20 });
    expect(calls).toEqual({ minMax: 2, transpose: 1 });
    const own = await run.derive(data, 'doubled', async () => data.map((value) => value * 2));
    expect(await run.derive(data, 'doubled', () => Promise.reject(new Error('made twice')))).toBe(own);
    expect(cache.heldBytes).toBe(1200);
    // A pass that tidies up after itself must not take what the next preview needs.
    run.backend.release(turned);
    expect(allocated()).toBe(1200);
    cache.drop(store);
    // The run may still hold it.
    expect(allocated()).toBe(1200);
    run.end();
    expect([cache.heldBytes, allocated()]).toEqual([0, 0]);
  });

  it('does not keep what follows from a failed computation', async () => {
    const { store, tensors } = weights(1);
    const run = createFloatCache(referenceBackend()).begin();
    const data = await run.floats(store, tensors[0]!, 'w');
    await expect(run.derive(data, 'x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await run.derive(data, 'x', async () => new Float32Array([1]))).toEqual(new Float32Array([1]));
  });

  it('knows a weight of the store below through a layer, and drops a layer alone', async () => {
    const { store, tensors } = weights(1);
    const layer = layerOver(store);
    const above = layer.put('f32', [2], new Uint8Array(8));
    const cache = createFloatCache(referenceBackend());
    const run = cache.begin();
    const below = await run.floats(store, tensors[0]!, 'w');
    expect(await run.floats(layer, tensors[0]!, 'w')).toBe(below);
    await run.floats(layer, above, 'v');
    run.end();
    expect(cache.heldBytes).toBe(408);
    cache.drop(layer);
    expect(cache.heldBytes).toBe(400);
  });

  it.each([
    ['f64', [1.5, -2]],
    ['f16', [1.5, -2]],
    ['bf16', [1.5, -2]],
  ] as const)('reads %s as float32', async (dtype, data) => {
    const store = createWeightStore();
    const tensor = buildTensor(store, { dtype, shape: [2], data });
    const run = createFloatCache(referenceBackend()).begin();
    expect(await run.floats(store, tensor, 'w')).toEqual(new Float32Array([1.5, -2]));
  });

  it.each([
    ['NaN', NaN],
    ['infinity', -Infinity],
  ])('refuses %s by name and place, and keeps nothing of it', async (_name, bad) => {
    const store = createWeightStore();
    const tensor = buildTensor(store, { dtype: 'f32', shape: [3], data: [1, 2, bad] });
    const cache = createFloatCache(referenceBackend());
    await expect(cache.begin().floats(store, tensor, 'weight "w"')).rejects.toThrow('weight "w", element 2');
    expect(cache.heldBytes).toBe(0);
  });

  it('refuses integers', async () => {
    const store = createWeightStore();
    const tensor = buildTensor(store, { dtype: 'i8', shape: [1], data: [1] });
    await expect(createFloatCache(referenceBackend()).begin().floats(store, tensor, 'w')).rejects.toThrow('i8');
  });
});

describe('a layered store', () => {
  it('keeps what is put apart from the store below, under keys of its own', async () => {
    const { store, tensors } = weights(1);
    const layer = layerOver(store);
    const put = layer.put('u8', [3], new Uint8Array([1, 2, 3]));
    expect(put.key).not.toBe(tensors[0]?.key);
    expect(await layer.read(put)).toEqual(new Uint8Array([1, 2, 3]));
    expect(await layer.read(tensors[0]!)).toEqual(await store.read(tensors[0]!));
    expect([layer.sizeBytes(put), layer.heldBytes, layer.chunks(put)]).toEqual([3, 3, [new Uint8Array([1, 2, 3])]]);
    expect(() => store.sizeBytes(put)).toThrow();
    expect([layer.home(put) === layer, layer.home(tensors[0]!) === store]).toEqual([true, true]);
    expect(layerOver(layer).home(put)).toBe(layer);
  });
});
