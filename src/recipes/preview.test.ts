import { describe, expect, it } from 'vitest';
import { Cancelled } from '#base/failure.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import { createFloatCache } from './float-cache.ts';
import { createPreviewer } from './preview.ts';
import type { Recipe, Step } from './recipe.ts';
import { smallModel } from './testing/small-model.ts';
import { transform } from './transform.ts';

function quantize(options: Record<string, unknown>): Step {
  return { pass: 'quantize/weights', options: { minimumElements: 0, ...options } };
}

function recipe(steps: Step[], layers?: Recipe['layers']): Recipe {
  return { version: 1, name: 'test', steps, ...(layers === undefined ? {} : { layers }) };
}

const RECIPES: readonly (readonly [string, Recipe])[] = [
  ['nothing', recipe([])],
  ['8 bits per channel', recipe([quantize({ bits: 8, granularity: 'channel' })])],
  ['8 bits for the tensor, asymmetric', recipe([quantize({ bits: 8, granularity: 'tensor', symmetric: false })])],
  ['4 bits in blocks', recipe([quantize({ bits: 4, granularity: 'block', block: 32 })])],
  [
    '4 bits in blocks as DequantizeLinear',
    recipe([quantize({ bits: 4, granularity: 'block', block: 32, form: 'dequantize' })]),
  ],
  ['4 bits, least error', recipe([quantize({ bits: 4, granularity: 'channel', range: 'mse' })])],
  ['2:4 pruning', recipe([{ pass: 'prune/n-m' }])],
  ['2:4 pruning, then 8 bits', recipe([{ pass: 'prune/n-m' }, quantize({ bits: 8 })])],
  ['magnitude pruning, then 4 bits', recipe([{ pass: 'prune/magnitude' }, quantize({ bits: 4 })])],
  ['half precision', recipe([{ pass: 'convert/float16' }])],
  ['2:4 pruning, then half precision', recipe([{ pass: 'prune/n-m' }, { pass: 'convert/float16' }])],
  ['a layer excluded', recipe([quantize({ bits: 8 })], { fc1: { exclude: true } })],
  [
    'a layer with more bits',
    recipe([quantize({ bits: 4 })], { fc1: { options: { 'quantize/weights': { bits: 8 } } } }),
  ],
  ['only Conv', recipe([{ ...quantize({ bits: 8 }), where: { ops: ['Conv'] } }])],
];

describe('a preview', () => {
  it.each(RECIPES)('gives the same figures as the run: %s', async (_name, asked) => {
    const opened = smallModel();
    const floats = createFloatCache(referenceBackend());
    const previewed = await createPreviewer(opened, floats).measure(asked);
    const made = await transform(opened, asked, { floats });
    expect(previewed.layers).toEqual(made.layers);
    expect(previewed.sums).toEqual(made.sums);
  });

  it('counts the bytes that the layers of the result then have', async () => {
    const opened = smallModel();
    const floats = createFloatCache(referenceBackend());
    const made = await transform(opened, recipe([quantize({ bits: 8, granularity: 'channel' })]), { floats });
    for (const layer of made.after) {
      const result = made.layers.find((one) => one.layer === layer.name);
      expect(result?.bytesAfter, layer.name).toBe(layer.weightBytes);
    }
  });

  it('reads each weight once, however often options change', async () => {
    const opened = smallModel();
    const reads = new Map<string, number>();
    const weights = {
      ...opened.weights,
      read: (tensor: Parameters<typeof opened.weights.read>[0]) => {
        reads.set(tensor.key, (reads.get(tensor.key) ?? 0) + 1);
        return opened.weights.read(tensor);
      },
    };
    const previewer = createPreviewer({ ...opened, weights }, createFloatCache(referenceBackend()));
    for (const bits of [8, 4, 2, 8]) {
      for (const granularity of ['tensor', 'channel'])
        await previewer.measure(recipe([quantize({ bits, granularity })]));
    }
    expect([...reads.values()].every((count) => count === 1)).toBe(true);
  });

  it('runs the steps before the last lossy one once', async () => {
    const opened = smallModel();
    const previewer = createPreviewer(opened, createFloatCache(referenceBackend()));
    const first = await previewer.measure(recipe([{ pass: 'prune/n-m' }, quantize({ bits: 8 })]));
    const second = await previewer.measure(recipe([{ pass: 'prune/n-m' }, quantize({ bits: 4 })]));
    // The same step report, not one like it.
    expect(second.steps[0]).toBe(first.steps[0]);
    expect(second.steps[1]).not.toBe(first.steps[1]);
  });

  it('measures errors against the weights before the first lossy step', async () => {
    const opened = smallModel();
    const previewer = createPreviewer(opened, createFloatCache(referenceBackend()));
    const quantized = await previewer.measure(recipe([quantize({ bits: 8 })]));
    const both = await previewer.measure(recipe([{ pass: 'prune/n-m' }, quantize({ bits: 8 })]));
    const sqnr = (of: typeof both): number => of.layers.find((layer) => layer.layer === 'fc1')?.error?.sqnrDb ?? NaN;
    // Half of the weights gone costs far more than rounding the rest to 8 bits.
    expect(sqnr(both)).toBeLessThan(sqnr(quantized) - 10);
    expect(both.layers.find((layer) => layer.layer === 'fc1')?.sparsity).toBeCloseTo(0.5, 2);
  });

  it('says why a layer was left alone', async () => {
    const opened = smallModel();
    const previewer = createPreviewer(opened, createFloatCache(referenceBackend()));
    const { layers } = await previewer.measure(recipe([quantize({ bits: 8 })], { conv: { exclude: true } }));
    const conv = layers.find((layer) => layer.layer === 'conv');
    expect(conv?.error).toBeNull();
    expect(conv?.skipped).toContain('Excluded in the recipe');
    expect(layers.find((layer) => layer.layer === 'fc1')?.skipped).toBeUndefined();
  });

  it('that was cancelled leaves the next one whole', async () => {
    const opened = smallModel();
    const previewer = createPreviewer(opened, createFloatCache(referenceBackend()));
    const asked = recipe([{ pass: 'prune/n-m' }, quantize({ bits: 8 })]);
    const controller = new AbortController();
    const cancelled = previewer.measure(asked, { signal: controller.signal });
    const second = previewer.measure(asked);
    controller.abort();
    await expect(cancelled).rejects.toBeInstanceOf(Cancelled);
    expect((await second).layers.some((layer) => layer.error !== null)).toBe(true);
  });

  it('measures a layer whose weights are not finite as left alone, by name', async () => {
    const opened = smallModel({ 'conv.w': Array.from({ length: 216 }, (_, i) => (i === 5 ? NaN : i)) });
    const previewer = createPreviewer(opened, createFloatCache(referenceBackend()));
    const { layers } = await previewer.measure(recipe([quantize({ bits: 8 })]));
    expect(layers.find((layer) => layer.layer === 'conv')?.skipped).toContain('"conv.w", element 5');
    expect(layers.find((layer) => layer.layer === 'fc1')?.error).not.toBeNull();
  });
});
