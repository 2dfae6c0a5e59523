/** The model as data is prepared for it: its name, what it takes and what it gives. */
import type { InputSlot } from './samples.ts';

export interface ModelSlots {
  /** Anything that tells which network it is: the file's name, the graph's, both. */
  readonly name: string;
  readonly inputs: readonly InputSlot[];
  readonly outputs: readonly InputSlot[];
}

/** Number of classes of a classifier: the one size of its first output, batch aside. null: it is none, or it is not known. */
export function classesOf({ outputs }: ModelSlots): number | null {
  const [first] = outputs;
  const [, ...sizes] = first?.shape ?? [];
  const larger = sizes.filter((size) => size !== 1);
  const [classes] = larger;
  return larger.length === 1 && typeof classes === 'number' ? classes : null;
}

/** Archives and exporters write `input:0` in several ways. */
export function sameName(a: string, b: string): boolean {
  return a === b || plain(a) === plain(b);
}

function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '_');
}
