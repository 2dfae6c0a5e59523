/**
 * Recipes to start from. Those that lose precision begin with the lossless clean-up that a runtime would do anyway:
 * folding constants, and BatchNormalization into the layer before it. Done first, the weights that are compressed are
 * the ones that run; done by the runtime afterwards, it could not fold into integers at all.
 */
import type { Recipe, Step } from './recipe.ts';

export interface Preset {
  readonly id: string;
  readonly title: string;
  /** One line. */
  readonly summary: string;
  readonly recipe: Recipe;
}

const CLEAN_UP: readonly Step[] = [
  { pass: 'simplify/fold-constants' },
  { pass: 'simplify/identity' },
  { pass: 'fuse/batch-norm' },
  { pass: 'simplify/duplicate-constants' },
  { pass: 'simplify/unused' },
];

function preset(id: string, title: string, summary: string, steps: readonly Step[]): Preset {
  return { id, title, summary, recipe: { version: 1, name: title, steps: [...steps] } };
}

function quantize(options: Record<string, unknown>): Step {
  return { pass: 'quantize/weights', options };
}

const TWO_OF_FOUR: Step = { pass: 'prune/n-m', options: { pattern: '2:4' } };

export const PRESETS: readonly Preset[] = [
  preset('none', 'Round trip', 'Reads and writes the model and changes nothing.', []),
  preset('clean-up', 'Clean up', 'Folds constants and BatchNormalization and drops what is not used; loses nothing.', [
    ...CLEAN_UP,
  ]),
  preset('int8-channel', '8 bits per channel', 'Quarter size; the safe start for every model.', [
    ...CLEAN_UP,
    quantize({ bits: 8, granularity: 'channel' }),
  ]),
  preset(
    'int8-mse',
    '8 bits per channel, least error',
    'As above, with the clip of least squared error for each channel.',
    [...CLEAN_UP, quantize({ bits: 8, granularity: 'channel', range: 'mse' })],
  ),
  preset(
    'int8-static',
    '8 bits, activations too',
    'Quarter size and integer arithmetic: ranges of activations are measured on your data.',
    [...CLEAN_UP, { pass: 'quantize/static' }],
  ),
  preset(
    'int8-dynamic',
    '8 bits, activations at run time',
    'Needs no data: matrix products and LSTMs run in integers; convolutions store 8-bit weights.',
    [...CLEAN_UP, { pass: 'quantize/dynamic' }],
  ),
  preset('int4-block32', '4 bits in blocks of 32', 'An eighth of the size; layers that no block fits get channels.', [
    ...CLEAN_UP,
    quantize({ bits: 4, granularity: 'block', block: 32 }),
  ]),
  preset('sparse-2-4', '2:4 sparsity', 'Keeps the two largest of every four weights; smaller after compression.', [
    ...CLEAN_UP,
    TWO_OF_FOUR,
  ]),
  preset('sparse-2-4-int8', '2:4 sparsity, then 8 bits', 'Half of the weights zero, the rest in 8 bits per channel.', [
    ...CLEAN_UP,
    TWO_OF_FOUR,
    quantize({ bits: 8, granularity: 'channel' }),
  ]),
  preset('float16', 'Half precision', 'Half size with almost no error; runs everywhere that float16 does.', [
    ...CLEAN_UP,
    { pass: 'convert/float16' },
  ]),
];

export function findPreset(id: string): Preset | undefined {
  return PRESETS.find((candidate) => candidate.id === id);
}
