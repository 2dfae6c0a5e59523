import { describe, expect, it } from 'vitest';
import type { Recipe } from '#studio/jobs.ts';
import { readRecipe, recipeFileName, writeRecipe } from './recipe-file.ts';

const recipe: Recipe = {
  version: 1,
  name: 'Int8, per channel!',
  steps: [{ pass: 'quantize/weights', options: { bits: 8 } }],
  layers: { conv: { exclude: true } },
};

describe('recipe files', () => {
  it('reads what it writes', () => expect(readRecipe(writeRecipe(recipe))).toEqual({ recipe }));

  it.each([
    ['{', /not JSON/],
    ['[]', /JSON object/],
    ['{"steps":[]}', /version/],
    ['{"version":2,"steps":[]}', /version 2/],
    ['{"version":1}', /no list of "steps"/],
    ['{"version":1,"steps":[{"pass":"a"},{}]}', /Step 2/],
    ['{"version":1,"steps":[],"layers":[]}', /"layers"/],
  ])('refuses %s', (text, reason) => {
    const result = readRecipe(text);
    expect('problem' in result ? result.problem : '').toMatch(reason);
  });

  it('names files after the recipe', () => {
    expect(recipeFileName(recipe)).toBe('int8-per-channel.recipe.json');
    expect(recipeFileName({ ...recipe, name: '…' })).toBe('recipe.recipe.json');
  });
});
