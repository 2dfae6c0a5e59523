import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dataSettings } from '#data/settings.ts';
import type { DataSettings, DataSummary, ModelSummary } from '#studio/jobs.ts';
import { choiceOf, dataKey, formOf, otherSettings, patchSettings, settingsOf } from './settings.ts';

const schema = z.toJSONSchema(dataSettings, { io: 'input' });
const settings = (given: object = {}): DataSettings => dataSettings.parse(given);
const summary = (given: Partial<DataSummary> = {}): DataSummary => ({
  id: 'd1',
  name: 'cats',
  kind: 'images',
  items: 10,
  label: '',
  labelColumns: [],
  classNames: null,
  labelled: 0,
  notices: [],
  settings: settings(),
  samples: 10,
  calibration: 5,
  evaluation: 5,
  guesses: [],
  problem: null,
  ...given,
});
const model = (...shapes: (number | string)[][]): ModelSummary =>
  ({ inputs: shapes.map((shape, at) => ({ name: `in${at}`, dtype: 'f32', shape })) }) as unknown as ModelSummary;
const keys = (of: DataSummary, given: object = {}, about = model([1, 3, 224, 224])) =>
  formOf(schema, of, about, settings(given)).map(
    ({ part, fields }) => `${part ?? 'values'}: ${fields.map((field) => `${field.key}/${field.kind}`).join(' ')}`,
  );

describe('the form of data settings', () => {
  it('asks about pictures only what pictures have', () => {
    expect(keys(summary())).toEqual([
      'image: fit/choice cropShare/number filter/choice channels/choice invert/switch pad/number',
      'values: layout/choice mean/numbers std/numbers',
      'split: calibration/number seed/number',
    ]);
  });

  it('asks for a size where the model leaves it open, and for the input where there are several', () => {
    expect(keys(summary(), {}, model([1, 3, 'h', 'w'], [1, 2]))[1]).toBe(
      'values: input/choice layout/choice width/number height/number mean/numbers std/numbers',
    );
  });

  it('asks about spectra only where there are some', () => {
    const audio = summary({ kind: 'audio' });
    expect(keys(audio)[0]).not.toMatch(/fft|melBands|dialect/);
    expect(keys(audio, { audio: { feature: 'magnitude' } })[0]).toMatch(/fft.*dialect/);
    expect(keys(audio, { audio: { feature: 'magnitude' } })[0]).not.toMatch(/melBands/);
    expect(keys(audio, { audio: { feature: 'mfcc' } })[0]).toMatch(/melBands.*coefficients/);
  });

  it('asks about labels where there are some, and for a column where there are several', () => {
    const arrays = summary({ kind: 'arrays', labelled: 10 });
    expect(keys(arrays)).toEqual([
      'values: mean/numbers std/numbers',
      'labels: offset/number',
      'split: calibration/number seed/number',
    ]);
    expect(keys({ ...arrays, labelColumns: ['imagenet', 'darknet'] })[1]).toBe('labels: column/choice offset/number');
  });
});

describe('settings of data', () => {
  it('change part by part, and an emptied field goes back to its default', () => {
    const changed = patchSettings(settings(), 'split', { calibration: 50 });
    expect(changed.split).toEqual({ calibration: 50, seed: 1 });
    expect(patchSettings(changed, 'split', { calibration: null }).split).toEqual({ seed: 1 });
    expect(patchSettings(settings(), null, { mean: [1, 2, 3] }).mean).toEqual([1, 2, 3]);
    expect(patchSettings(settings(), 'image', { fit: 'stretch' }).image).toEqual({ fit: 'stretch' });
  });

  it('come from the recipe, or else from what was guessed', () => {
    const data = { summary: summary(), guessed: settings({ mean: 1 }), fitting: false };
    const recipe = { version: 1 as const, name: '', steps: [] };
    expect(settingsOf(recipe, data).mean).toBe(1);
    expect(settingsOf({ ...recipe, data: settings({ mean: 2 }) }, data).mean).toBe(2);
    expect(choiceOf(recipe, data)).toEqual({ dataId: 'd1', settings: data.guessed });
    expect(choiceOf(recipe, { ...data, summary: summary({ problem: 'no' }) })).toBeNull();
    expect(choiceOf(recipe, null)).toBeNull();
  });

  it('are the same whatever the order of their keys', () => {
    const a = dataKey({ dataId: 'd', settings: { mean: 1, std: 2, split: { calibration: 1, seed: 2 } } });
    const b = dataKey({ dataId: 'd', settings: { std: 2, split: { seed: 2, calibration: 1 }, mean: 1 } });
    expect(a).toBe(b);
  });

  it('say in words what the form does not show', () => {
    expect(otherSettings(settings({ constants: { sr: 16000 }, carry: { state: 'stateN' } }))).toEqual([
      'sr is always 16000',
      'state takes stateN of the sample before',
    ]);
  });
});
