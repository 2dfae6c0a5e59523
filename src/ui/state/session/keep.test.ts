import { describe, expect, it } from 'vitest';
import type { ModelSummary } from '#studio/jobs.ts';
import { EMPTY_RECIPE } from '#ui/state/recipe/edit.ts';
import { commit, startHistory } from '#ui/state/recipe/history.ts';
import { FIRST_LOOKS, type Studio, type Work } from '#ui/state/store.ts';
import { fingerprint, keptOf, type Kept } from './keep.ts';

const model = (id: string, name: string): ModelSummary => ({
  id,
  name,
  format: 'onnx',
  formatLabel: 'ONNX',
  fileBytes: 100,
  parameters: 25,
  weightBytes: 100,
  macs: null,
  inputs: [],
  outputs: [],
  layers: [],
  notices: [],
  kept: true,
});

const recipe = { ...EMPTY_RECIPE, name: 'mine' };
const work: Work = {
  history: commit(startHistory(EMPTY_RECIPE), recipe),
  preview: null,
  previewProblem: null,
  previewing: false,
  variants: [],
  result: null,
  data: null,
  baseline: null,
  calibratedFor: null,
  pair: [null, null],
  selected: 'conv',
};

const studio: Studio = {
  info: null,
  ready: true,
  models: [model('a', 'one'), model('b', 'two')],
  works: { a: work, b: work },
  activeId: 'b',
  task: null,
  question: null,
  messages: [],
  samples: [],
  search: '',
  looks: FIRST_LOOKS,
  offlineReady: false,
};

describe('what is kept of the page', () => {
  it('is found again when the engine gives the model another id', () => {
    const kept = keptOf(studio, null);
    const again = kept.works[fingerprint(model('z', 'two'))];
    expect(again).toMatchObject({ present: recipe, past: [EMPTY_RECIPE], selected: 'conv' });
    expect(kept.active).toBe(fingerprint(model('z', 'two')));
  });

  it('holds on to work on models that are closed now', () => {
    const before: Kept = keptOf(studio, null);
    const after = keptOf({ ...studio, models: [], works: {}, activeId: null }, before);
    expect(Object.keys(after.works)).toHaveLength(2);
    expect(after.active).toBeNull();
  });

  it('can be stored: it is plain data', () => {
    const kept = keptOf(studio, null);
    expect(structuredClone(kept)).toEqual(kept);
  });
});
