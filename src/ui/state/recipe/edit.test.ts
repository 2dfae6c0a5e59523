import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Recipe } from '#studio/jobs.ts';
import {
  addStep,
  countExcluded,
  EMPTY_RECIPE,
  isExcluded,
  layerOptions,
  moveStep,
  recipeKey,
  removeStep,
  setExcluded,
  setLayerOptions,
  setOptions,
} from './edit.ts';

const steps = (recipe: Recipe) => recipe.steps.map((step) => step.pass).join(' ');
const abc = ['a', 'b', 'c'].reduce((recipe, pass) => addStep(recipe, { pass }), EMPTY_RECIPE);

describe('recipe edits', () => {
  it.each([
    [0, 1, 'b a c'],
    [0, 9, 'b c a'],
    [2, -1, 'a c b'],
    [0, -1, 'a b c'],
    [7, 1, 'a b c'],
  ])('moves step %d by %d', (from, by, order) => expect(steps(moveStep(abc, from, by))).toBe(order));

  it('adds in place and removes', () => {
    expect(steps(addStep(abc, { pass: 'x' }, 1))).toBe('a x b c');
    expect(steps(removeStep(abc, 1))).toBe('a c');
  });

  it('merges options and leaves the others', () => {
    const recipe = setOptions(setOptions(abc, 1, { bits: 8, symmetric: true }), 1, { bits: 4 });
    expect(recipe.steps[1]?.options).toEqual({ bits: 4, symmetric: true });
    expect(abc.steps[1]?.options).toBeUndefined();
  });

  it('excludes layers, takes them back, and leaves no trace', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 }), (names) => {
        const out = setExcluded(abc, names, true);
        expect(countExcluded(out)).toBe(names.length);
        expect(names.every((name) => isExcluded(out, name))).toBe(true);
        expect(recipeKey(setExcluded(out, names, false))).toBe(recipeKey(abc));
      }),
    );
  });

  it('keeps overrides and exclusion of one layer apart', () => {
    const both = setLayerOptions(setExcluded(abc, ['conv'], true), 'conv', 'quantize/weights', { bits: 4 });
    expect(layerOptions(both, 'conv', 'quantize/weights')).toEqual({ bits: 4 });
    const included = setExcluded(both, ['conv'], false);
    expect(layerOptions(included, 'conv', 'quantize/weights')).toEqual({ bits: 4 });
    expect(setLayerOptions(included, 'conv', 'quantize/weights', null)).toEqual(abc);
  });

  it('counts recipes that differ in name or key order as the same', () => {
    const one = setOptions(abc, 0, { bits: 4, symmetric: true });
    const two = { ...setOptions(abc, 0, { symmetric: true, bits: 4 }), name: 'other' };
    expect(recipeKey(one)).toBe(recipeKey(two));
    expect(recipeKey(one)).not.toBe(recipeKey(setOptions(one, 0, { bits: 8 })));
  });
});
