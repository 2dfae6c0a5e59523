import { describe, expect, it } from 'vitest';
import type { PassInfo, Recipe } from '#studio/jobs.ts';
import { problemsOf } from './problems.ts';

const pass = (name: string, after: readonly string[] = [], keeps: PassInfo['keeps'] = 'accuracy'): PassInfo => ({
  name,
  title: `Do ${name}`,
  summary: '',
  keeps,
  needs: [],
  after,
  schema: {
    properties: {
      share: { type: 'number', minimum: 0, maximum: 1, title: 'Share', showIf: { mode: 'share' } },
      mode: { enum: ['share', 'all'], title: 'Mode' },
    },
  },
  defaults: { share: 0.5, mode: 'share' },
});
const passes = [pass('fold', [], 'values'), pass('prune', ['fold']), pass('quantize', ['fold', 'prune'])];
const recipe = (...steps: Recipe['steps']): Recipe => ({ version: 1, name: 'r', steps });
const texts = (one: Recipe) => problemsOf(one, passes, new Set(['conv'])).map((problem) => problem.text);

describe('recipe problems', () => {
  it.each<[string, Recipe, readonly string[]]>([
    ['nothing', recipe({ pass: 'fold' }, { pass: 'prune' }, { pass: 'quantize' }), []],
    ['an unknown pass', recipe({ pass: 'melt' }), ['There is no pass named melt. Remove the step.']],
    [
      'a wrong order',
      recipe({ pass: 'quantize' }, { pass: 'prune' }),
      ['Do quantize has to come after Do prune. Move it down.'],
    ],
    ['a repetition', recipe({ pass: 'fold' }, { pass: 'fold' }), ['Do fold is already in the recipe.']],
    ['a bound', recipe({ pass: 'prune', options: { share: 1.5 } }), ['Share must be at most 1.']],
    ['a hidden option', recipe({ pass: 'prune', options: { share: 1.5, mode: 'all' } }), []],
    ['no number', recipe({ pass: 'prune', options: { share: null } }), ['Share needs a number.']],
    ['a strange choice', recipe({ pass: 'prune', options: { mode: 'some' } }), ['Mode cannot be "some".']],
    [
      'layers of another model',
      { ...recipe(), layers: { conv: { exclude: true }, dense: { exclude: true } } },
      ['The recipe names layers that this model does not have: dense.'],
    ],
  ])('finds %s', (_what, one, expected) => expect(texts(one)).toEqual(expected));
});
