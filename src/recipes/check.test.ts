import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { PASSES } from '#passes/index.ts';
import { checkRecipe, readRecipe, requireSound } from './check.ts';
import { findPreset, PRESETS } from './presets.ts';
import type { Recipe } from './recipe.ts';
import { smallModel } from './testing/small-model.ts';
import { matchesName } from './where.ts';

function recipe(change: Partial<Recipe>): Recipe {
  return { version: 1, name: 'test', steps: [], ...change };
}

describe('checkRecipe', () => {
  const CASES: readonly (readonly [string, Recipe, string])[] = [
    [
      'an unknown pass',
      recipe({ steps: [{ pass: 'quantise' }] }),
      'asks for the pass "quantise", which does not exist',
    ],
    [
      'a value outside the choices',
      recipe({ steps: [{ pass: 'quantize/weights', options: { granularity: 'row' } }] }),
      'Step 1 (quantize/weights): option granularity must be "tensor", "channel" or "block", not "row".',
    ],
    [
      'a number out of bounds',
      recipe({ steps: [{ pass: 'quantize/weights', options: { range: 'percentile', percentile: 101 } }] }),
      'option percentile must be at most 100, not 101.',
    ],
    [
      'the wrong kind of value',
      recipe({ steps: [{ pass: 'quantize/weights', options: { symmetric: 'yes' } }] }),
      'option symmetric must be a boolean, not "yes".',
    ],
    [
      'an option that the pass does not have',
      recipe({ steps: [{ pass: 'prune/n-m', options: { n: 2 } }] }),
      'Step 1 (prune/n-m): there is no option called "n". Options are pattern',
    ],
    [
      'the wrong order',
      recipe({ steps: [{ pass: 'quantize/weights' }, { pass: 'prune/n-m' }] }),
      'Step 1 (quantize/weights) must come after prune/n-m',
    ],
    [
      'options of one layer',
      recipe({
        steps: [{ pass: 'quantize/weights' }],
        layers: { conv: { options: { 'quantize/weights': { percentile: 1 } } } },
      }),
      'Layer "conv" (quantize/weights): option percentile must be at least 50, not 1.',
    ],
  ];
  it.each(CASES)('refuses %s with a sentence', (_name, asked, sentence) => {
    const notices = checkRecipe(asked);
    expect(notices.map((notice) => notice.text).join('\n')).toContain(sentence);
    expect(() => requireSound(asked, notices)).toThrow(PareError);
  });

  it('warns of layers that the model does not have, and runs all the same', () => {
    const { layers } = smallModel();
    const asked = recipe({
      steps: [{ pass: 'quantize/weights', where: { names: ['fc*', 'dense*'], ops: ['LSTM'] } }],
      layers: { conv9: { exclude: true } },
    });
    const notices = checkRecipe(asked, { layers });
    expect(notices.map((notice) => [notice.level, notice.code])).toEqual([
      ['warning', 'recipe/no-such-layer'],
      ['warning', 'recipe/no-such-operator'],
      ['warning', 'recipe/no-such-layer'],
    ]);
    expect(() => requireSound(asked, notices)).not.toThrow();
  });
});

describe('readRecipe', () => {
  it.each([
    ['not JSON', '{', 'it is not JSON'],
    ['another version', '{"version": 2, "name": "x", "steps": []}', '"version" must be 1, not 2.'],
    ['a missing field', '{"version": 1, "name": "x"}', '"steps" is missing'],
    ['a field too many', '{"version": 1, "name": "x", "steps": [], "speed": 9}', 'there is no field called "speed"'],
  ])('refuses %s', (_name, text, sentence) => {
    expect(() => readRecipe(text, 'my.json')).toThrow(sentence);
    expect(() => readRecipe(text, 'my.json')).toThrow('my.json');
  });

  it('gives back what was written', () => {
    for (const { recipe: preset } of PRESETS) expect(readRecipe(JSON.stringify(preset), 'preset')).toEqual(preset);
  });
});

describe('the presets', () => {
  it.each(PRESETS.map((preset) => [preset.id, preset] as const))('%s is sound', (_id, preset) => {
    expect(checkRecipe(preset.recipe)).toEqual([]);
  });

  it('have the ids that the command line promises', () => {
    for (const id of ['none', 'int8-channel', 'int4-block32', 'sparse-2-4', 'float16']) {
      expect(findPreset(id), id).toBeDefined();
    }
    expect(new Set(PRESETS.map((preset) => preset.id)).size).toBe(PRESETS.length);
  });

  it('use no pass that is not there', () => {
    const known = new Set(PASSES.map((pass) => pass.name));
    const used = PRESETS.flatMap(({ recipe: preset }) => preset.steps.map((step) => step.pass));
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('matchesName', () => {
  it.each([
    ['conv1', 'conv1', true],
    ['conv1', 'conv10', false],
    ['conv*', 'conv10', true],
    ['*conv', 'my/conv', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['*', '', true],
    ['ab*ba', 'aba', false],
    ['.*', 'conv', false],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(matchesName(pattern, name)).toBe(expected);
  });
});
