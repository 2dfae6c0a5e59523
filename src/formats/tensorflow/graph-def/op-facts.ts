/** What the operator tables say: which output a name means, how many there are, and what left-out attributes are. */
import { PareError } from '#base/failure.ts';
import { codeOfName } from './data-type.ts';
import { DEFAULT_ROWS } from './op-defaults.ts';
import { OUTPUT_ROWS } from './op-outputs.ts';
import type { RawAttr, RawNode } from './raw.ts';

/** Operators with one output that stands for many, and the attribute that says how many. */
const LISTS = new Map([
  ['Split', 'num_split'],
  ['SplitV', 'num_split'],
  ['Unpack', 'num'],
  ['IdentityN', 'T'],
  ['ShapeN', 'N'],
  ['DynamicPartition', 'num_partitions'],
  ['While', 'T'],
  ['StatelessWhile', 'T'],
  ['If', 'Tout'],
  ['StatelessIf', 'Tout'],
  ['Case', 'Tout'],
  ['StatelessCase', 'Tout'],
  ['PartitionedCall', 'Tout'],
  ['StatefulPartitionedCall', 'Tout'],
]);

const OUTPUTS = rowsOf(OUTPUT_ROWS);
const DEFAULTS = rowsOf(DEFAULT_ROWS);

/** Place among all outputs of the one that functions call `name:index`. */
export function outputIndex(node: RawNode, name: string | undefined, index: number): number {
  const outputs = OUTPUTS.get(node.op);
  if (outputs === undefined || name === undefined) return index;
  let at = 0;
  for (const output of outputs) {
    const [label, length] = lengthOf(node, output);
    if (label === name) return at + index;
    at += length;
  }
  throw new PareError({
    code: 'tensorflow/output-name',
    place: `node ${node.name}`,
    problem: `An output "${name}" of ${node.op} is read, which has none of that name.`,
    hint: 'The file is damaged, or was made by a TensorFlow that is newer than 2.21.',
  });
}

/** How many outputs a node has; 1 for operators that are not in the tables. */
export function outputCount(node: RawNode): number {
  const list = LISTS.get(node.op);
  if (list !== undefined) return lengthFrom(node, list);
  const outputs = OUTPUTS.get(node.op);
  return outputs === undefined ? 1 : outputs.reduce((sum, output) => sum + lengthOf(node, output)[1], 0);
}

function lengthOf(node: RawNode, output: string): readonly [name: string, length: number] {
  const [name = '', attr] = output.split(/[*@]/);
  return [name, attr === undefined ? 1 : lengthFrom(node, attr)];
}

function lengthFrom(node: RawNode, attr: string): number {
  const value = node.attrs.get(attr);
  if (value?.kind === 'int') return Math.min(Math.max(value.value, 0), 100_000);
  return value?.kind === 'list' ? value.value.length : 1;
}

const filled = new Map<string, ReadonlyMap<string, RawAttr>>();

/** Attributes that a file leaves out because they have their default value. */
export function defaultsOf(op: string): ReadonlyMap<string, RawAttr> {
  const known = filled.get(op);
  if (known !== undefined) return known;
  const attrs = new Map((DEFAULTS.get(op) ?? []).map(defaultOf));
  filled.set(op, attrs);
  return attrs;
}

/** `name:kind=JSON`, as op-defaults.ts explains. */
function defaultOf(fact: string): readonly [string, RawAttr] {
  const equals = fact.indexOf('=');
  const [name = '', kind = ''] = fact.slice(0, equals).split(':');
  const value: unknown = JSON.parse(fact.slice(equals + 1));
  return [name, attrOf(kind, value)];
}

function attrOf(kind: string, value: unknown): RawAttr {
  if (kind === 'i') return { kind: 'int', value: Number(value) };
  if (kind === 'f') return { kind: 'float', value: Number(value) };
  if (kind === 'b') return { kind: 'bool', value: value === true };
  if (kind === 's') return { kind: 'string', value: String(value) };
  if (kind === 't') return { kind: 'type', value: codeOfName(String(value)) };
  if (kind === 'h') return { kind: 'shape', value: Array.isArray(value) ? value.map(Number) : null };
  const items = Object.entries(value ?? {}).flatMap(([part, list]) =>
    Array.isArray(list) ? list.map((item: unknown) => attrOf(part, item)) : [],
  );
  return { kind: 'list', value: items };
}

/** Operators by name, with the facts of their row. */
function rowsOf(rows: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const row of rows.trim().split('\n')) {
    const [names = '', facts = ''] = row.split(' | ');
    for (const name of names.split(' ')) found.set(name, facts.split(' '));
  }
  return found;
}
