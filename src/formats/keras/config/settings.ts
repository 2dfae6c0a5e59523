/** A layer's configuration, read with types: every wrong value is a sentence that names the layer and the setting. */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';
import { fieldOf, isList, type JsonObject } from './json.ts';

/** Larger sizes than this stand in no real model. */
const LARGEST = 2 ** 31;

export class Settings {
  /** The layer. */
  readonly place: string;
  readonly fields: JsonObject;

  constructor(place: string, fields: JsonObject) {
    this.place = place;
    this.fields = fields;
  }

  /** undefined where the file does not say; null where it says None. */
  raw(name: string): Json | undefined {
    return fieldOf(this.fields, name);
  }

  /** Whether the file gives a value other than None. */
  has(name: string): boolean {
    const value = this.raw(name);
    return value !== undefined && value !== null;
  }

  /** The first of these names that the file gives: Keras 2 and 3 call some settings differently. */
  either(...names: readonly string[]): string {
    return names.find((name) => this.has(name)) ?? names[0] ?? '';
  }

  whole(name: string, otherwise?: number): number {
    const value = this.raw(name);
    if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= LARGEST) return value;
    return this.#missing(name, value, otherwise, 'a whole number');
  }

  /** A size: at least 1. */
  size(name: string, otherwise?: number): number {
    const value = this.whole(name, otherwise);
    if (value >= 1) return value;
    throw this.wrong(name, 'a size of at least 1');
  }

  real(name: string, otherwise?: number): number {
    const value = this.raw(name);
    if (typeof value === 'number') return value;
    return this.#missing(name, value, otherwise, 'a number');
  }

  flag(name: string, otherwise?: boolean): boolean {
    const value = this.raw(name);
    if (typeof value === 'boolean') return value;
    return this.#missing(name, value, otherwise, 'true or false');
  }

  text(name: string, otherwise?: string): string {
    const value = this.raw(name);
    if (typeof value === 'string') return value;
    return this.#missing(name, value, otherwise, 'a word');
  }

  /** Whole numbers; one number stands for a list of `count` of them. */
  wholes(name: string, count?: number, otherwise?: readonly number[]): readonly number[] {
    const value = this.raw(name);
    if (value === undefined || value === null) {
      if (otherwise !== undefined) return otherwise;
      throw this.wrong(name, 'whole numbers');
    }
    const list = isList(value) ? value : Array.from({ length: count ?? 1 }, () => value);
    const numbers = list.filter((one): one is number => typeof one === 'number' && Number.isInteger(one));
    const sound = numbers.length === list.length && numbers.every((one) => Math.abs(one) <= LARGEST);
    if (sound && (count === undefined || numbers.length === count)) return numbers;
    throw this.wrong(name, count === 1 ? 'a whole number' : `${count === undefined ? '' : `${count} `}whole numbers`);
  }

  sizes(name: string, count?: number, otherwise?: readonly number[]): readonly number[] {
    const numbers = this.wholes(name, count, otherwise);
    if (numbers.every((one) => one >= 1)) return numbers;
    throw this.wrong(name, 'sizes of at least 1');
  }

  /** Pairs of whole numbers, one for each of `count` axes: a number, a list, or a list of pairs. */
  pairs(name: string, count: number): readonly (readonly [number, number])[] {
    const value = this.raw(name);
    if (typeof value === 'number') return this.wholes(name, count).map((one) => [one, one] as const);
    if (isList(value) && count === 1 && value.length === 2 && typeof value[0] === 'number') {
      const [before = 0, after = 0] = this.wholes(name, 2);
      return [[before, after]];
    }
    if (!isList(value) || value.length !== count) throw this.wrong(name, `${count} pairs of whole numbers`);
    return value.map((one) => {
      const pair = new Settings(this.place, { [name]: one }).wholes(name, 2);
      return [pair[0] ?? 0, pair[1] ?? 0] as const;
    });
  }

  /** Numbers in nested lists, flattened, with their shape. */
  array(name: string): { readonly values: readonly number[]; readonly shape: readonly number[] } {
    const values: number[] = [];
    const shape: number[] = [];
    const walk = (value: Json | undefined, depth: number): void => {
      if (typeof value === 'number') {
        if (depth !== shape.length || values.length > 1_000_000) throw this.wrong(name, 'an array of numbers');
        values.push(value);
        return;
      }
      if (!isList(value) || depth > 8) throw this.wrong(name, 'an array of numbers');
      if (shape[depth] === undefined && values.length === 0) shape.push(value.length);
      if (shape[depth] !== value.length) throw this.wrong(name, 'an array of numbers');
      for (const one of value) walk(one, depth + 1);
    };
    walk(this.raw(name), 0);
    return { values, shape };
  }

  #missing<T>(name: string, value: Json | undefined, otherwise: T | undefined, what: string): T {
    if ((value === undefined || value === null) && otherwise !== undefined) return otherwise;
    throw this.wrong(name, what);
  }

  wrong(name: string, what: string): PareError {
    const value = this.raw(name);
    const given = value === undefined ? 'it is not there' : `it is ${shown(value)}`;
    return new PareError({
      code: 'keras/setting',
      place: this.place,
      problem: `Its setting "${name}" should be ${what}, but ${given}.`,
      hint: 'The configuration is damaged, or of a version of Keras that is not known here: save the model again.',
    });
  }
}

function shown(value: Json): string {
  if (isList(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value).slice(0, 60);
}
