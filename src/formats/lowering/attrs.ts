/** Attributes of nodes from plain values. */
import type { Attr } from '#ir/model.ts';
import type { AttrInput } from './lowering.ts';

export function attrsOf(given: Readonly<Record<string, AttrInput>> = {}): ReadonlyMap<string, Attr> {
  return new Map(Object.entries(given).map(([name, value]) => [name, attrOf(value)]));
}

function attrOf(value: AttrInput): Attr {
  if (typeof value === 'number') return { type: 'int', value };
  if (typeof value === 'string') return { type: 'string', value: new TextEncoder().encode(value) };
  if (isList(value)) return { type: 'ints', value };
  if ('type' in value) return value;
  if ('float' in value) return { type: 'float', value: value.float };
  if ('floats' in value) return { type: 'floats', value: value.floats };
  return { type: 'graph', value: value.graph };
}

function isList(value: AttrInput): value is readonly number[] {
  return Array.isArray(value);
}

/** Whole numbers of an attribute, where it is there. */
export function intsOf(value: AttrInput | undefined): readonly number[] | undefined {
  if (value === undefined || typeof value === 'string' || typeof value === 'number') return undefined;
  if (isList(value)) return value;
  return 'type' in value && value.type === 'ints' ? value.value.map(Number) : undefined;
}

export function intOf(value: AttrInput | undefined, otherwise: number): number {
  if (typeof value === 'number') return value;
  if (value === undefined || typeof value === 'string' || isList(value)) return otherwise;
  return 'type' in value && value.type === 'int' ? Number(value.value) : otherwise;
}
