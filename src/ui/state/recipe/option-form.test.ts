import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { optionsAt, stopIndex } from './granularity.ts';
import { fieldsOf, isShown } from './option-form.ts';

const quantize = z.strictObject({
  bits: z.literal([2, 4, 8]).default(8).meta({ title: 'Bits', description: 'Width of a stored weight.', unit: 'bits' }),
  symmetric: z.boolean().default(true).meta({ title: 'Symmetric' }),
  granularity: z.enum(['tensor', 'channel', 'block']).default('channel').meta({ title: 'Granularity' }),
  block: z
    .literal([16, 32, 64, 128, 256])
    .default(32)
    .meta({ title: 'Block', showIf: { granularity: 'block' } }),
  range: z.enum(['min-max', 'percentile', 'least-mse']).default('min-max').meta({ title: 'Range' }),
  percentile: z
    .number()
    .min(90)
    .max(100)
    .default(99.99)
    .meta({ title: 'Percentile', unit: '%', showIf: { range: ['percentile'] } }),
  smallest: z.int().min(0).default(1024).meta({ title: 'Smallest layer' }),
  ops: z.array(z.string()).default([]).meta({ title: 'Operators' }),
  seed: z.number().nullable().default(null),
});
const fields = fieldsOf(z.toJSONSchema(quantize, { io: 'input' }));
const field = (key: string) => fields.find((one) => one.key === key);

describe('option form', () => {
  it('gives each property a field, in order, with granularity and block as one', () => {
    expect(fields.map((one) => `${one.key}:${one.kind}`)).toEqual([
      'bits:choice',
      'symmetric:switch',
      'granularity:granularity',
      'range:choice',
      'percentile:number',
      'smallest:number',
      'ops:names',
      'seed:number',
    ]);
  });

  it('keeps choices with their types and readable labels', () => {
    expect(field('bits')).toMatchObject({ unit: 'bits', choices: [{ value: 2 }, { value: 4 }, { value: 8 }] });
    expect(field('range')).toMatchObject({ choices: [{ label: 'Min max' }, {}, { value: 'least-mse' }] });
  });

  it('takes bounds from the schema and drops the ones nobody wrote', () => {
    expect(field('percentile')).toMatchObject({ min: 90, max: 100, integer: false, optional: false });
    expect(field('smallest')).toMatchObject({ min: 0, max: null, integer: true });
    expect(field('seed')).toMatchObject({ optional: true });
  });

  it('hides fields that do not matter', () => {
    const percentile = field('percentile');
    expect(percentile && isShown(percentile, { range: 'percentile' })).toBe(true);
    expect(percentile && isShown(percentile, { range: 'min-max' })).toBe(false);
  });

  it('lays granularity out from coarse to fine', () => {
    const granularity = field('granularity');
    if (granularity?.kind !== 'granularity') throw new Error('granularity is not a scale');
    const { stops, blockKey } = granularity;
    expect(stops.map((stop) => stop.label)).toEqual([
      'Tensor',
      'Channel',
      'Block of 256',
      'Block of 128',
      'Block of 64',
      'Block of 32',
      'Block of 16',
    ]);
    for (const [index, stop] of stops.entries()) {
      const options = optionsAt(stop, blockKey);
      expect(stopIndex(stops, options['granularity'], options['block'])).toBe(index);
    }
    expect(stopIndex(stops, 'block', 48)).toBe(4);
    expect(stopIndex(stops, 'channel', 32)).toBe(1);
  });
});
