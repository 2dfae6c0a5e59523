/** Looking at JSON from a file: what is an object, a list, a name. */
import type { Json } from '#formats/keras/archive.ts';

export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Only what the file itself says: never a property that every object has. */
export function fieldOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** `class_name` of `{ class_name, config }`, as Keras writes layers, activations and policies. */
export function classOf(value: Json | undefined): { readonly name: string; readonly config: Json } | undefined {
  if (!isObject(value)) return undefined;
  const name = fieldOf(value, 'class_name');
  return typeof name === 'string' ? { name, config: fieldOf(value, 'config') ?? null } : undefined;
}
