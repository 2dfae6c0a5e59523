/** Settings of data: which data and settings are in use, edits as pure functions, and the form for one kind of data. */
import type { DataChoice, DataSettings, DataSummary, ModelSummary, Recipe } from '#studio/jobs.ts';
import { fieldsOf, type Field, type Options } from '#ui/state/recipe/option-form.ts';

/** Data that is open beside a model. */
export interface OpenData {
  readonly summary: DataSummary;
  /** Settings as they were when the data was opened: what counts while the recipe has none. */
  readonly guessed: DataSettings;
  /** The settings are being tried on the data. */
  readonly fitting: boolean;
}

/** Parts of the settings, each with a form of its own; null is the settings themselves. */
export type SettingsPart = 'image' | 'audio' | 'split' | 'labels' | null;

export interface FormPart {
  readonly part: SettingsPart;
  readonly title: string;
  readonly fields: readonly Field[];
}

export function settingsOf(recipe: Recipe, data: OpenData): DataSettings {
  return recipe.data ?? data.guessed;
}

/** The data that jobs are given; null while nothing is open or it does not suit the model. */
export function choiceOf(recipe: Recipe, data: OpenData | null): DataChoice | null {
  if (data === null || data.summary.problem !== null) return null;
  return { dataId: data.summary.id, settings: settingsOf(recipe, data) };
}

/** Tells whether two figures were measured on the same samples, prepared alike. */
export function dataKey(choice: DataChoice): string {
  return `${choice.dataId} ${stable(choice.settings)}`;
}

/** JSON with keys in order. */
export function stable(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Changes some settings; an empty field goes back to its default. */
export function patchSettings(settings: DataSettings, part: SettingsPart, change: Options): DataSettings {
  const merged = (old: object): object =>
    Object.fromEntries(
      Object.entries({ ...old, ...change }).filter(
        ([, value]) => value !== null && value !== undefined && value !== '',
      ),
    );
  const next = part === null ? merged(settings) : { ...settings, [part]: merged(settings[part] ?? {}) };
  return next as DataSettings;
}

export function optionsOf(settings: DataSettings, part: SettingsPart): Options {
  return part === null ? { ...settings } : { ...settings[part] };
}

/** The form, with nothing in it that this data or this model gives no meaning. */
export function formOf(
  schema: object,
  summary: DataSummary,
  model: ModelSummary,
  settings: DataSettings,
): readonly FormPart[] {
  const of = (part: SettingsPart, keep: (field: Field) => boolean = () => true) =>
    fieldsOf(part === null ? schema : partOf(schema, part)).filter(keep);
  const general = of(null).flatMap((field): readonly Field[] => {
    switch (field.key) {
      case 'input':
        return model.inputs.length > 1
          ? [
              choiceField(
                field,
                model.inputs.map((input) => input.name),
              ),
            ]
          : [];
      case 'layout':
        return summary.kind === 'images' ? [field] : [];
      case 'width':
      case 'height':
        return summary.kind === 'images' && (settings[field.key] !== undefined || isFreeSize(model)) ? [field] : [];
      case 'mean':
      case 'std':
        return [field];
      default:
        return [];
    }
  });
  const parts: FormPart[] = [];
  if (summary.kind === 'images') parts.push({ part: 'image', title: 'Picture', fields: of('image') });
  if (summary.kind === 'audio') {
    parts.push({ part: 'audio', title: 'Sound', fields: audioFields(of('audio'), settings) });
  }
  parts.push({ part: null, title: 'Values', fields: general });
  if (summary.labelled > 0 || summary.labelColumns.length > 0) {
    parts.push({ part: 'labels', title: 'Labels', fields: labelFields(of('labels'), summary.labelColumns) });
  }
  parts.push({ part: 'split', title: 'Split', fields: of('split') });
  return parts.filter((part) => part.fields.length > 0);
}

/** Settings that the form leaves to the recipe file, in words. */
export function otherSettings(settings: DataSettings): readonly string[] {
  return [
    ...Object.entries(settings.constants ?? {}).map(([input, value]) => `${input} is always ${value}`),
    ...Object.entries(settings.carry ?? {}).map(([input, output]) => `${input} takes ${output} of the sample before`),
  ];
}

const SPECTRAL = new Set(['fft', 'dialect']);
const MEL = new Set(['melBands', 'lowHz', 'highHz']);

function audioFields(fields: readonly Field[], settings: DataSettings): readonly Field[] {
  const feature = settings.audio?.feature ?? 'waveform';
  return fields.filter((field) => {
    if (SPECTRAL.has(field.key)) return feature !== 'waveform';
    if (MEL.has(field.key)) return feature === 'log-mel' || feature === 'mfcc';
    return true;
  });
}

function labelFields(fields: readonly Field[], columns: readonly string[]): readonly Field[] {
  return fields.flatMap((field) => {
    if (field.key !== 'column') return [field];
    return columns.length > 1 ? [choiceField({ ...field, title: 'Column' }, columns)] : [];
  });
}

function choiceField(field: Field, values: readonly string[]): Field {
  const { key, title, description, unit, showIf } = field;
  return {
    key,
    title,
    description,
    unit,
    showIf,
    kind: 'choice',
    choices: values.map((value) => ({ value, label: value })),
  };
}

function partOf(schema: object, part: string): object {
  const properties = (schema as { properties?: Record<string, object> }).properties;
  return properties?.[part] ?? {};
}

/** Whether some picture of the model has a side that the caller chooses. */
function isFreeSize(model: ModelSummary): boolean {
  return model.inputs.some(
    ({ shape }) => shape?.length === 4 && shape.slice(1).some((size) => typeof size !== 'number'),
  );
}
