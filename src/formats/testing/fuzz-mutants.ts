/** The mutants of a format, each by its number: the same number makes the same files. */
import { unzipSync, zipSync } from 'fflate';
import type { Random } from '#base/random.ts';
import { seededRandom } from '#base/random.ts';
import { memorySource } from '#base/sources.ts';
import { readTable } from '#wire/leveldb-table.ts';
import { writeTable } from '#wire/testing/leveldb-table.ts';
import { FUZZED, fuzzBases } from './fuzz-bases.ts';
import type { FuzzBase, Fuzzed } from './fuzz-bases.ts';
import { mutate, mutateJson } from './fuzz-mutations.ts';

export interface FuzzCase {
  readonly base: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly what: string;
}

/** Bases whose attacked files are larger than this take long to open, and say little more than small ones. */
const LIGHT_BYTES = 64 * 1024;
/** One in so many mutants is of a heavy base, where there are light ones. */
const HEAVY = 20;

export function fuzzCases(kind: Fuzzed): (index: number) => Promise<FuzzCase> {
  const bases = fuzzBases(kind);
  const light = bases.filter((base) => attackedBytes(base) <= LIGHT_BYTES);
  const heavy = bases.filter((base) => attackedBytes(base) > LIGHT_BYTES);
  const choose = (index: number): FuzzBase | undefined => {
    if (light.length === 0) return heavy[index % heavy.length];
    if (heavy.length > 0 && index % HEAVY === 0) return heavy[(index / HEAVY) % heavy.length];
    return light[index % light.length];
  };
  return async (index) => {
    const base = choose(index);
    if (base === undefined) throw new Error(`there is nothing to make mutants of for ${kind}`);
    return mutantOf(kind, base, seededRandom(1_000_000 * (1 + FUZZED.indexOf(kind)) + index));
  };
}

function attackedBytes({ files, attacked }: FuzzBase): number {
  return attacked.reduce((sum, path) => sum + (files.get(path)?.byteLength ?? 0), 0);
}

async function mutantOf(kind: Fuzzed, base: FuzzBase, random: Random): Promise<FuzzCase> {
  const files = new Map(base.files);
  if (files.size > 1 && random.below(50) === 0) {
    const path = [...files.keys()][random.below(files.size)] ?? '';
    files.delete(path);
    return { base: base.name, files, what: `${path} is missing` };
  }
  const path = base.attacked[random.below(4) === 0 ? random.below(base.attacked.length) : 0] ?? '';
  const whole = files.get(path) ?? new Uint8Array();
  const isTable = path.endsWith('.index') && random.below(3) > 0;
  const { bytes, what } = isTable ? await insideTable(whole, random) : damaged(kind, whole, random);
  return { base: base.name, files: files.set(path, bytes), what: `${path}: ${what}` };
}

function damaged(
  kind: Fuzzed,
  bytes: Uint8Array,
  random: Random,
): { readonly bytes: Uint8Array; readonly what: string } {
  const deeper = random.below(2) === 0;
  if (deeper && kind === 'tfjs') return asJson(bytes, random);
  if (deeper && kind === 'keras') return insideZip(bytes, random);
  if (deeper && kind === 'h5') return insideText(bytes, random) ?? mutate(bytes, random);
  return mutate(bytes, random);
}

function asJson(bytes: Uint8Array, random: Random): { readonly bytes: Uint8Array; readonly what: string } {
  const { text, what } = mutateJson(new TextDecoder().decode(bytes), random);
  return { bytes: new TextEncoder().encode(text), what };
}

/** A sound archive with a damaged member, which a damaged archive would hide. */
function insideZip(bytes: Uint8Array, random: Random): { readonly bytes: Uint8Array; readonly what: string } {
  const members = unzipSync(bytes);
  const paths = Object.keys(members).toSorted();
  const path = random.below(3) > 0 ? 'config.json' : (paths[random.below(paths.length)] ?? '');
  const member = members[path] ?? new Uint8Array();
  const change = path.endsWith('.json') && random.below(4) > 0 ? asJson(member, random) : mutate(member, random);
  return { bytes: zipSync({ ...members, [path]: change.bytes }, { level: 0 }), what: `${path}: ${change.what}` };
}

/** A sound table with one entry damaged, which the checksums of a damaged table would hide. */
async function insideTable(
  bytes: Uint8Array,
  random: Random,
): Promise<{ readonly bytes: Uint8Array; readonly what: string }> {
  const entries = [...(await readTable(memorySource('index', bytes)))];
  const at = random.below(Math.max(1, entries.length));
  const [key, value] = entries[at] ?? ['', new Uint8Array()];
  const how = random.below(8);
  if (how === 0) return { bytes: writeTable(entries.toSpliced(at, 1)), what: `entry ${key} removed` };
  if (how === 1) {
    const [, other] = entries[random.below(entries.length)] ?? ['', value];
    return { bytes: writeTable(entries.with(at, [key, other])), what: `entry ${key} from elsewhere` };
  }
  const change = mutate(value, random);
  return { bytes: writeTable(entries.with(at, [key, change.bytes])), what: `entry ${key}: ${change.what}` };
}

/** The JSON inside a binary file, changed and filled up to its old length; undefined where there is none or it grew too long. */
function insideText(
  bytes: Uint8Array,
  random: Random,
): { readonly bytes: Uint8Array; readonly what: string } | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const start = text.indexOf('{"class_name"');
  if (start < 0) return undefined;
  let end = start;
  for (let depth = 0; end < text.length; end++) {
    if (text[end] === '{') depth++;
    if (text[end] === '}' && --depth === 0) break;
  }
  const json = text.slice(start, end + 1);
  try {
    const changed = mutateJson(json, random);
    if (changed.text.length > json.length) return undefined;
    const copy = Uint8Array.from(bytes);
    copy.set(Buffer.from(changed.text.padEnd(json.length), 'latin1'), start);
    return { bytes: copy, what: changed.what };
  } catch {
    return undefined;
  }
}
