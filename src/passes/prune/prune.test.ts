import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model } from '#ir/model.ts';
import { buildModel } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';
import { originalsOf, runPass } from '#passes/testing/desk.ts';
import { quantizeWeights } from '#passes/quantize/weights.ts';
import { pruneMagnitude } from './magnitude.ts';
import { pruneNM } from './n-m.ts';

function convs(...shapes: readonly (readonly number[])[]) {
  const random = seededRandom(11);
  return buildModel({
    inputs: { x: { dtype: 'f32', shape: null } },
    outputs: Object.fromEntries(shapes.map((_, i) => [`y${String(i)}`, { dtype: 'f32' as const, shape: null }])),
    initializers: Object.fromEntries(
      shapes.map((shape, i) => [
        `w${String(i)}`,
        {
          dtype: 'f32' as const,
          shape,
          data: Float32Array.from({ length: countOf(shape) }, () => random.normal() * (i + 1)),
        },
      ]),
    ),
    nodes: shapes.map((_, i) => ({
      op: 'Conv',
      name: `c${String(i)}`,
      inputs: ['x', `w${String(i)}`],
      outputs: [`y${String(i)}`],
    })),
  });
}

async function weight(model: Model, store: WeightStore, index = 0): Promise<Float32Array> {
  const edit = openEditor(model);
  const tensor = edit.constantOf(edit.nodes()[index]!.inputs[1])!;
  return new Float32Array((await store.read(tensor)).slice().buffer);
}

const zerosIn = (data: ArrayLike<number>): number => Array.from(data).filter((value) => value === 0).length;

describe('prune/magnitude', () => {
  it('makes exactly the share of each layer zero, the smallest ones, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 95 }), async (percent) => {
        const { model, store } = convs([6, 5, 3, 3]);
        const before = await weight(model, store);
        const result = await runPass(pruneMagnitude, model, store, { sparsity: percent / 100, minimumElements: 0 });
        const after = await weight(result.model, store);
        expect(zerosIn(after)).toBe(Math.round((270 * percent) / 100));
        const largestCut = Math.max(0, ...before.filter((_, i) => after[i] === 0).map(Math.abs));
        for (const [i, value] of after.entries()) {
          if (value === 0) continue;
          expect(value).toBe(before[i]);
          expect(Math.abs(value)).toBeGreaterThanOrEqual(largestCut);
        }
        expect(result.ledger[0]!.outcome!.sparsity).toBe(zerosIn(after) / 270);
      }),
      { numRuns: 20 },
    );
  });

  it('spends a global budget where weights are small', async () => {
    const { model, store } = convs([8, 8, 3, 3], [8, 8, 3, 3]);
    const result = await runPass(pruneMagnitude, model, store, { sparsity: 0.5, budget: 'global', minimumElements: 0 });
    const zeros = [zerosIn(await weight(result.model, store, 0)), zerosIn(await weight(result.model, store, 1))];
    expect(zeros[0]! + zeros[1]!).toBe(576);
    expect(zeros[0]!).toBeGreaterThan(zeros[1]!);
  });
});

describe('prune/n-m', () => {
  it.each([
    ['2:4', [3, 8, 2, 2], 'pruned'],
    ['1:4', [3, 8, 1, 1], 'pruned'],
    ['1:2', [4, 3, 2, 2], 'pruned-flattened'],
    ['2:4', [4, 3, 3, 3], 'group-does-not-divide'],
  ] as const)('%s on %s', async (pattern, shape, code) => {
    const { model, store } = convs(shape);
    const result = await runPass(pruneNM, model, store, { pattern, minimumElements: 0 });
    expect(result.ledger.map((line) => line.code)).toEqual([code]);
    const after = await weight(result.model, store);
    const before = await weight(model, store);
    const [n = 0, m = 0] = pattern.split(':').map(Number);
    if (code === 'group-does-not-divide') {
      expect(after).toEqual(before);
      return;
    }
    const [outputs, inputs] = shape;
    const kernel = shape[2] * shape[3];
    const step = code === 'pruned' ? kernel : 1;
    const lines = code === 'pruned' ? kernel : 1;
    const length = code === 'pruned' ? inputs : inputs * kernel;
    for (let o = 0; o < outputs; o++) {
      for (let line = 0; line < lines; line++) {
        for (let start = 0; start < length; start += m) {
          const at = Array.from({ length: m }, (_, j) => o * inputs * kernel + line + (start + j) * step);
          const magnitudes = at.map((i) => Math.abs(before[i]!)).sort((a, b) => b - a);
          expect(
            at
              .map((i) => Math.abs(after[i]!))
              .filter((value) => value > 0)
              .sort((a, b) => b - a),
          ).toEqual(magnitudes.slice(0, n));
        }
      }
    }
  });

  it('stays exactly zero through every kind of quantization, and errors stay against the first weights', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          bits: fc.constantFrom(4 as const, 8 as const),
          symmetric: fc.boolean(),
          signed: fc.boolean(),
          granularity: fc.constantFrom('tensor' as const, 'channel' as const, 'block' as const),
          block: fc.constant(16 as const),
          range: fc.constantFrom('minmax' as const, 'percentile' as const, 'mse' as const),
          convention: fc.constantFrom('auto' as const, 'narrow' as const, 'full' as const, 'nbits' as const),
          minimumElements: fc.constant(0),
        }),
        async (options) => {
          const { model, store } = convs([4, 24, 3, 1]);
          const spec = { ...model, opsets: new Map([['', 21]]) };
          const originals = originalsOf(model);
          const pruned = await runPass(pruneNM, spec, store, { minimumElements: 0 });
          const result = await runPass(quantizeWeights, pruned.model, store, options, { originals });
          const edit = openEditor(result.model);
          const value = edit.value(edit.nodes()[0]!.inputs[1]!);
          const { floatTwin } = await import('#measure/testing/run-model.ts');
          const restored = await weight(await floatTwin(result.model, store), store);
          const zeros = await weight(pruned.model, store);
          zeros.forEach((weightBefore, i) => {
            if (weightBefore === 0) expect(Math.abs(restored[i]!)).toBe(0);
          });
          const first = await weight(model, store);
          const squared = first.reduce((sum, x, i) => sum + (x - restored[i]!) ** 2, 0);
          expect(result.ledger[0]!.outcome!.error.squaredError).toBeCloseTo(squared, 6);
          expect(value.quantization).toBeDefined();
        },
      ),
      { numRuns: 40 },
    );
  });
});
