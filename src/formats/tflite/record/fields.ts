/**
 * Options of operators as declarations: which slot holds what, and its default where that is not zero. One list serves as
 * decoder and as type.
 */
import type { FlatTable } from '#wire/flatbuffers.ts';

/** Entries of an option list: squeezed axes, a shape. */
const MAX_LIST = 4096;

type Kind = 'byte' | 'int' | 'float' | 'bool' | 'ints' | 'text';

export interface Field<K extends Kind = Kind> {
  readonly kind: K;
  readonly slot: number;
  readonly fallback: number;
}

export type Fields = Readonly<Record<string, Field>>;

interface Held {
  readonly byte: number;
  readonly int: number;
  readonly float: number;
  readonly bool: boolean;
  readonly ints: readonly number[];
  readonly text: string;
}

/** What a list of fields reads to. */
export type Options<F extends Fields> = { readonly [Name in keyof F]: Held[F[Name]['kind']] };

export type OptionValue = Held[Kind];

export function byte(slot: number): Field<'byte'> {
  return { kind: 'byte', slot, fallback: 0 };
}

export function int(slot: number, fallback = 0): Field<'int'> {
  return { kind: 'int', slot, fallback };
}

export function float(slot: number): Field<'float'> {
  return { kind: 'float', slot, fallback: 0 };
}

export function bool(slot: number, fallback = false): Field<'bool'> {
  return { kind: 'bool', slot, fallback: fallback ? 1 : 0 };
}

export function ints(slot: number): Field<'ints'> {
  return { kind: 'ints', slot, fallback: 0 };
}

export function text(slot: number): Field<'text'> {
  return { kind: 'text', slot, fallback: 0 };
}

/** Values of all fields; a table that is absent has its defaults. */
export async function readFields(
  table: FlatTable | undefined,
  fields: Fields,
): Promise<Readonly<Record<string, OptionValue>>> {
  const values: Record<string, OptionValue> = {};
  for (const [name, field] of Object.entries(fields)) values[name] = await readField(table, field);
  return values;
}

async function readField(table: FlatTable | undefined, { kind, slot, fallback }: Field): Promise<OptionValue> {
  switch (kind) {
    case 'byte':
      return table?.int8(slot) ?? fallback;
    case 'int':
      return table?.int32(slot, fallback) ?? fallback;
    case 'float':
      return table?.float32(slot) ?? fallback;
    case 'bool':
      return table?.bool(slot, fallback !== 0) ?? fallback !== 0;
    case 'ints':
      return (await table?.int32s(slot, MAX_LIST)) ?? [];
    case 'text':
      return (await table?.text(slot)) ?? '';
  }
}
