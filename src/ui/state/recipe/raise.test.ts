import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PassInfo, Recipe } from '#studio/jobs.ts';
import { raiseLayer, raiseOf } from './raise.ts';

const options = z.strictObject({
  activations: z.enum(['uint8', 'int8', 'uint16', 'int16']).default('uint8'),
  weights: z.literal([8, 16]).default(8),
});
const pass: PassInfo = {
  name: 'quantize/static',
  title: 'Quantize',
  summary: '',
  keeps: 'accuracy',
  needs: ['ranges'],
  after: [],
  schema: z.toJSONSchema(options, { io: 'input' }),
  defaults: options.parse({}),
};
const recipe: Recipe = { version: 1, name: '', steps: [{ pass: pass.name, options: { activations: 'int8' } }] };

describe('raising a layer to 16 bits', () => {
  it('widens the activations, of the sign they have, and nothing else', () => {
    expect(raiseLayer(recipe, [pass], 'conv').layers).toEqual({
      conv: { options: { 'quantize/static': { activations: 'int16' } } },
    });
  });

  it('has nothing to do twice, or where no step is calibrated', () => {
    const raised = raiseLayer(recipe, [pass], 'conv');
    expect(raiseOf(raised, [pass], 'conv')).toBeNull();
    expect(raiseLayer(raised, [pass], 'conv')).toBe(raised);
    expect(raiseOf(recipe, [{ ...pass, needs: [] }], 'conv')).toBeNull();
  });
});
