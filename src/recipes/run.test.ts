import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Cancelled, PareError } from '#base/failure.ts';
import type { Progress } from '#base/progress.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import type { Desk, Pass } from '#passes/pass.ts';
import { createFloatCache } from './float-cache.ts';
import type { Recipe } from './recipe.ts';
import { lastLossyStep, runSteps, type RunOptions, type RunState } from './run.ts';
import { type SmallModel, smallModel } from './testing/small-model.ts';

const NOTHING = { ledger: [], notices: [] };

/** A pass for tests: `work` gets the editor, the parsed options and the desk. */
function pass(name: string, work: Pass['run'], change: Partial<Pass> = {}): Pass {
  const options = z.object({ strength: z.number().max(9).default(1) });
  return { name, title: name, summary: name, keeps: 'accuracy', options, run: work, ...change };
}

function recipe(change: Partial<Recipe>): Recipe {
  return { version: 1, name: 'test', steps: [], ...change };
}

function start({ model, weights }: SmallModel): RunState {
  return { model, weights, references: null, steps: [] };
}

function run(asked: Recipe, passes: readonly Pass[], change: Partial<RunOptions> = {}, small = smallModel()) {
  const floats = createFloatCache(referenceBackend());
  return runSteps(start(small), { recipe: asked, passes, floats, ...change });
}

const id = (small: SmallModel, name: string) =>
  [...small.model.graph.values.values()].find((value) => value.name === name)!.id;

describe('a run', () => {
  it('hands each step the model of the one before, and counts what it added and removed', async () => {
    const passes = [
      pass('a/remove', async (edit) => {
        const relu = edit.nodes().find((node) => node.op === 'Relu')!;
        edit.replaceUses(relu.outputs[0]!, relu.inputs[0]!, true);
        edit.removeNode(relu);
        return NOTHING;
      }),
      pass('b/look', async (edit) => {
        const text = edit
          .nodes()
          .map((node) => node.op)
          .join(' ');
        return { ledger: [{ layer: '', action: 'left', code: 'seen', text }], notices: [] };
      }),
    ];
    const { steps } = await run(recipe({ steps: [{ pass: 'a/remove' }, { pass: 'b/look' }] }), passes);
    expect(steps.map(({ pass: name, added, removed }) => [name, added, removed])).toEqual([
      ['a/remove', 0, 1],
      ['b/look', 0, 0],
    ]);
    expect(steps[1]?.ledger[0]?.text).toBe('Conv Flatten MatMul MatMul MatMul');
  });

  it('refuses a step that leaves the model malformed, naming the step', async () => {
    const vandal = pass('a/vandal', async (edit) => {
      const conv = edit.nodes()[0]!;
      edit.setInputs(edit.nodes()[3]!, [edit.nodes()[4]!.outputs[0]!, edit.nodes()[3]!.inputs[1]!]);
      edit.setInputs(conv, conv.inputs);
      return NOTHING;
    });
    const failure = await run(recipe({ steps: [{ pass: 'a/vandal' }] }), [vandal]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PareError);
    expect((failure as PareError).message).toContain('after a/vandal the model is not well formed');
  });

  it('tells a pass which layers it is about, and why not the others', async () => {
    const seen: Record<string, string | null> = {};
    const look = pass('a/look', async (edit, _options, desk) => {
      for (const { name, op } of edit.nodes()) seen[name] = desk.includes(name, op) ? null : desk.whyNot(name, op);
      return NOTHING;
    });
    const steps = [{ pass: 'a/look', where: { ops: ['MatMul', 'Conv'], names: ['f*', 'conv'] } }];
    await run(recipe({ steps, layers: { fc2: { exclude: true } } }), [look]);
    expect(seen).toEqual({
      conv: null,
      relu: 'This step is only about MatMul, Conv layers, and this is Relu.',
      flatten: 'This step is only about MatMul, Conv layers, and this is Flatten.',
      fc1: null,
      fc2: 'Excluded in the recipe: set exclude to false to include it.',
      again: 'The names this step is about do not include this layer.',
    });
    // What loses nothing may work on excluded layers.
    await run(recipe({ steps: [{ pass: 'a/look' }], layers: { fc2: { exclude: true } } }), [
      { ...look, keeps: 'bits' },
    ]);
    expect(seen['fc2']).toBeNull();
  });

  it('gives each layer its own options over those of the step, and bounds to both', async () => {
    const seen: unknown[] = [];
    const look = pass('a/look', async (_edit, options, desk) => {
      seen.push(options, desk.optionsFor('fc1', options), desk.optionsFor('fc2', options));
      return NOTHING;
    });
    const asked = recipe({
      steps: [{ pass: 'a/look', options: { strength: 5 } }],
      layers: { fc1: { options: { 'a/look': { strength: 7 } } }, fc2: { options: { 'a/other': { strength: 8 } } } },
    });
    await run(asked, [look]);
    expect(seen).toEqual([{ strength: 5 }, { strength: 7 }, { strength: 5 }]);
  });

  it('measures against the weights before the first lossy step, or those a later lossless step made', async () => {
    const small = smallModel();
    const values = { conv: id(small, 'conv.w'), fc1: id(small, 'fc1.w') };
    const originals: (readonly [string, string])[] = [];
    const note = (desk: Desk, edit: Parameters<Pass['run']>[0]): void => {
      const keys = Object.values(values).map((value) => desk.original(value, edit.constantOf(value)!).key);
      originals.push(keys as unknown as readonly [string, string]);
    };
    const replace =
      (value: keyof typeof values): Pass['run'] =>
      async (edit, _options, desk) => {
        note(desk, edit);
        const { dtype, shape } = edit.constantOf(values[value])!;
        edit.setConstant(
          values[value],
          desk.weights.put(dtype, shape, await desk.weights.read(edit.constantOf(values[value])!)),
        );
        return NOTHING;
      };
    const passes = [
      pass('a/lossy', replace('conv')),
      pass('b/lossless', replace('fc1'), { keeps: 'values' }),
      pass('c/lossy', replace('conv')),
    ];
    const steps = passes.map(({ name }) => ({ pass: name }));
    const { model } = await run(recipe({ steps }), passes, {}, small);
    const [convBefore, fc1Before] = Object.values(values).map(
      (value) => small.model.graph.values.get(value)?.constant?.key,
    );
    expect(originals[0]).toEqual([convBefore, fc1Before]);
    expect(originals[2]?.[0]).toBe(convBefore);
    expect(originals[2]?.[1]).toBe(model.graph.values.get(values.fc1)?.constant?.key);
    expect(originals[2]?.[1]).not.toBe(fc1Before);
  });

  it('leaves the model as it is in a preview', async () => {
    const small = smallModel();
    const eager = pass('a/eager', async (edit, _options, desk) => {
      expect(desk.preview).toBe(true);
      edit.setMetadata('touched', 'yes');
      return NOTHING;
    });
    const { model } = await run(recipe({ steps: [{ pass: 'a/eager' }] }), [eager], { preview: true }, small);
    expect(model).toBe(small.model);
  });

  it('reports progress over all steps, and stops between them when cancelled', async () => {
    const controller = new AbortController();
    const seen: Progress[] = [];
    const slow = pass('a/slow', async (_edit, _options, desk) => {
      desk.onProgress?.({ label: 'half of it', done: 1, of: 2 });
      return NOTHING;
    });
    const last = pass('b/last', async () => {
      controller.abort();
      return NOTHING;
    });
    const steps = [{ pass: 'a/slow' }, { pass: 'b/last' }];
    const call = run(recipe({ steps }), [slow, last], {
      signal: controller.signal,
      onProgress: (progress) => seen.push(progress),
    });
    await expect(call).rejects.toBeInstanceOf(Cancelled);
    expect(seen).toContainEqual({ label: 'half of it', done: 0.5, of: 2 });
  });

  it('names the passes there are when one is not', async () => {
    await expect(run(recipe({ steps: [{ pass: 'x/y' }] }), [pass('a/b', async () => NOTHING)])).rejects.toThrow(
      'Passes are a/b.',
    );
  });
});

describe('the last lossy step', () => {
  it.each([
    [[], -1],
    [['bits'], -1],
    [['accuracy', 'values'], 0],
    [['bits', 'accuracy', 'accuracy', 'bits'], 2],
  ] as const)('of %j is %i', (keeps, expected) => {
    const passes = keeps.map((keep, index) => pass(`p/${index}`, async () => NOTHING, { keeps: keep }));
    expect(lastLossyStep(recipe({ steps: passes.map(({ name }) => ({ pass: name })) }), passes)).toBe(expected);
  });
});
