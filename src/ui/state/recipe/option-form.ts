/** Turns a pass's option schema (JSON Schema made from its zod object) into the fields of a form. */
import { granularityStops, type GranularityStop } from './granularity.ts';

export type OptionValue = string | number | boolean | null | readonly OptionValue[];
export type Options = Readonly<Record<string, unknown>>;

interface FieldFacts {
  readonly key: string;
  readonly title: string;
  readonly description: string | null;
  readonly unit: string | null;
  /** The field matters only while these other options have one of these values. */
  readonly showIf: Readonly<Record<string, readonly unknown[]>>;
}

export type Field = FieldFacts &
  (
    | { readonly kind: 'choice'; readonly choices: readonly Choice[] }
    | {
        readonly kind: 'number';
        readonly integer: boolean;
        readonly min: number | null;
        readonly max: number | null;
        /** May be left empty, which stands for null. */
        readonly optional: boolean;
      }
    | { readonly kind: 'switch' }
    | { readonly kind: 'text' }
    | { readonly kind: 'names' }
    /** One number, or one for each channel. */
    | { readonly kind: 'numbers' }
    /** Granularity and block size are one decision, coarse to fine. */
    | { readonly kind: 'granularity'; readonly blockKey: string | null; readonly stops: readonly GranularityStop[] }
  );

export interface Choice {
  readonly value: string | number | boolean | null;
  readonly label: string;
}

const BLOCK_KEYS = ['block', 'blockSize', 'block_size'];

/** Fields in the order of the schema. Parts of a schema that no field can show are left to the recipe file. */
export function fieldsOf(schema: object): readonly Field[] {
  const properties = recordAt(schema, 'properties');
  const blockKey = BLOCK_KEYS.find((key) => key in properties) ?? null;
  const joined = 'granularity' in properties ? blockKey : null;
  return Object.entries(properties).flatMap(([key, property]) => {
    if (key === joined || !isRecord(property)) return [];
    const field = fieldOf(key, property, joined === null ? null : properties[joined], joined);
    return field === null ? [] : [field];
  });
}

/** Whether the other options make this field matter. */
export function isShown(field: Field, options: Options): boolean {
  return Object.entries(field.showIf).every(([key, values]) => values.includes(options[key]));
}

function fieldOf(
  key: string,
  property: Readonly<Record<string, unknown>>,
  block: unknown,
  blockKey: string | null,
): Field | null {
  const facts: FieldFacts = {
    key,
    title: textAt(property, 'title') ?? titleFrom(key),
    description: textAt(property, 'description'),
    unit: textAt(property, 'unit'),
    showIf: showIfOf(property['showIf']),
  };
  const choices = choicesOf(property);
  if (key === 'granularity' && choices !== null) {
    const values = choices.map((choice) => String(choice.value));
    const blocks = isRecord(block) ? blockSizesOf(block) : [];
    return { ...facts, kind: 'granularity', blockKey, stops: granularityStops(values, blocks) };
  }
  if (choices !== null && choices.length > 0) return { ...facts, kind: 'choice', choices };
  if (isNumbers(property)) return { ...facts, kind: 'numbers' };
  const type = typeOf(property);
  if (type === 'boolean') return { ...facts, kind: 'switch' };
  if (type === 'integer' || type === 'number') {
    const source = numberPart(property);
    return {
      ...facts,
      kind: 'number',
      integer: type === 'integer',
      min: numberAt(source, 'minimum') ?? numberAt(source, 'exclusiveMinimum'),
      max: sane(numberAt(source, 'maximum') ?? numberAt(source, 'exclusiveMaximum')),
      optional: source !== property || Array.isArray(property['type']),
    };
  }
  if (type === 'array') return { ...facts, kind: 'names' };
  return type === 'string' ? { ...facts, kind: 'text' } : null;
}

/** Values of an enum, of a single constant, or of a union of constants; null when the property is none of these. */
function choicesOf(property: Readonly<Record<string, unknown>>): readonly Choice[] | null {
  const labels = recordAt(property, 'labels');
  const listed = property['enum'];
  const union = property['anyOf'] ?? property['oneOf'];
  const values = Array.isArray(listed)
    ? listed
    : Array.isArray(union) && union.every((part) => isRecord(part) && 'const' in part)
      ? union.map((part: Readonly<Record<string, unknown>>) => part['const'])
      : null;
  return (
    values
      ?.filter(isChoiceValue)
      .map((value) => ({ value, label: textAt(labels, String(value)) ?? titleFrom(value) })) ?? null
  );
}

function blockSizesOf(block: Readonly<Record<string, unknown>>): readonly number[] {
  const listed = (choicesOf(block) ?? []).map((choice) => choice.value).filter((value) => typeof value === 'number');
  if (listed.length > 0) return listed;
  const low = numberAt(block, 'minimum') ?? 16;
  const high = numberAt(block, 'maximum') ?? 256;
  return [256, 128, 64, 32, 16].filter((size) => size >= low && size <= high);
}

function isNumbers(property: Readonly<Record<string, unknown>>): boolean {
  const union = property['anyOf'] ?? property['oneOf'];
  return Array.isArray(union) && union.some((part) => isRecord(part) && part['type'] === 'array');
}

/** `number | null` arrives as a union; its number part holds the bounds. */
function numberPart(property: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const union = property['anyOf'] ?? property['oneOf'];
  const part = Array.isArray(union)
    ? union.find((one) => isRecord(one) && (one['type'] === 'number' || one['type'] === 'integer'))
    : undefined;
  return isRecord(part) ? part : property;
}

/** The type, of those that are not null: `["number", "null"]` is a number that may be left empty. */
function typeOf(property: Readonly<Record<string, unknown>>): string | null {
  const type = numberPart(property)['type'];
  const named: unknown = Array.isArray(type) ? type.find((one) => one !== 'null') : type;
  return typeof named === 'string' ? named : null;
}

function showIfOf(showIf: unknown): Readonly<Record<string, readonly unknown[]>> {
  if (!isRecord(showIf)) return {};
  return Object.fromEntries(
    Object.entries(showIf).map(([key, value]) => [key, Array.isArray(value) ? value : [value]]),
  );
}

/** zod writes the largest safe integer as the bound of every integer; no person wants to read it. */
function sane(bound: number | null): number | null {
  return bound !== null && Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? null : bound;
}

/** Terms that letters alone do not spell. */
const SPELLED: Readonly<Record<string, string>> = {
  minmax: 'Min-max',
  mse: 'Least MSE',
  nbits: 'n-bits',
  nhwc: 'NHWC',
  nchw: 'NCHW',
  rgb: 'RGB',
  bgr: 'BGR',
  mfcc: 'MFCC',
};

function titleFrom(value: unknown): string {
  if (value === null) return 'None';
  if (value === true) return 'Yes';
  if (value === false) return 'No';
  const spelled = typeof value === 'string' ? SPELLED[value] : undefined;
  if (spelled !== undefined) return spelled;
  const words = String(value)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_]/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function isChoiceValue(value: unknown): value is Choice['value'] {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordAt(value: object, key: string): Readonly<Record<string, unknown>> {
  const part = isRecord(value) ? value[key] : undefined;
  return isRecord(part) ? part : {};
}

function textAt(value: Readonly<Record<string, unknown>>, key: string): string | null {
  const part = value[key];
  return typeof part === 'string' ? part : null;
}

function numberAt(value: Readonly<Record<string, unknown>>, key: string): number | null {
  const part = value[key];
  return typeof part === 'number' ? part : null;
}
