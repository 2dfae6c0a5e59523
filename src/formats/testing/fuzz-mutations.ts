/** Damage that files meet, and that nobody means well with: one seeded mutation of a file at a time. */
import type { Random } from '#base/random.ts';

export interface Mutant {
  readonly bytes: Uint8Array;
  readonly what: string;
}

const EDGES_32 = [0, 1, 2, 4, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const EDGES_64 = [0n, 1n, 0xffffffffn, 0x100000000n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
/** What JSON may hold where something else was expected. */
const EDGES_JSON: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2147483648,
  4294967296,
  1e18,
  1e308,
  '',
  'x',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [null],
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
  [-1],
  [0, 0, 0, 0],
  [1e9, 1e9],
];

type Change = (bytes: Uint8Array, random: Random) => Mutant;

const CHANGES: readonly Change[] = [
  flipBytes,
  flipBytes,
  flipBytes,
  edge32,
  edge32,
  edge32,
  edge64,
  size32,
  truncate,
  swapBlocks,
  fillBlock,
  insert,
  remove,
  repeat,
  varint,
  digits,
  digits,
];

/** One to three changes. */
export function mutate(bytes: Uint8Array, random: Random): Mutant {
  const changes = random.below(4) === 0 ? 1 + random.below(3) : 1;
  let mutant: Mutant = { bytes: Uint8Array.from(bytes), what: '' };
  for (let i = 0; i < changes; i++) {
    const change = CHANGES[random.below(CHANGES.length)] ?? flipBytes;
    const next = mutant.bytes.byteLength === 0 ? insert(mutant.bytes, random) : change(mutant.bytes, random);
    mutant = { bytes: next.bytes, what: [mutant.what, next.what].filter((part) => part !== '').join(', ') };
  }
  return mutant;
}

/** A change to one place of a JSON document: a value of another kind, a member left out, doubled, or put elsewhere. */
export function mutateJson(text: string, random: Random): { readonly text: string; readonly what: string } {
  const root: unknown = JSON.parse(text);
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(root);
  const place = places[random.below(Math.max(1, places.length))];
  if (place === undefined) return { text: '[]', what: 'JSON emptied' };
  const { holder, key } = place;
  const other = places[random.below(places.length)] ?? place;
  const what = [`${key} replaced`, `${key} removed`, `${key} from elsewhere`, `${key} nudged`];
  const how = random.below(6);
  if (how <= 2) holder[key] = EDGES_JSON[random.below(EDGES_JSON.length)];
  else if (how === 3) delete holder[key];
  else if (how === 4) holder[key] = structuredClone(other.holder[other.key]);
  else holder[key] = nudged(holder[key], random);
  return { text: JSON.stringify(root), what: `JSON: ${what[Math.max(0, how - 2)] ?? ''}` };
}

function nudged(value: unknown, random: Random): unknown {
  if (typeof value === 'number') return [value + 1, value - 1, value * 2, -value, value * 1e6][random.below(5)];
  if (typeof value === 'string') return [value.slice(1), `${value}_`, value.toUpperCase(), ''][random.below(4)];
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return [value.slice(1), [...value, ...value], value.toReversed()][random.below(3)];
  return [value];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where structure is likelier than weights: half of all places lie in the first or last 4 kB. */
function placeIn(bytes: Uint8Array, random: Random, width = 1): number {
  const room = bytes.byteLength - width;
  if (room <= 0) return 0;
  const edge = Math.min(4096, room);
  const kind = random.below(4);
  if (kind === 0) return random.below(edge);
  if (kind === 1) return room - random.below(edge);
  return random.below(room);
}

function flipBytes(bytes: Uint8Array, random: Random): Mutant {
  const count = 1 + random.below(8);
  for (let i = 0; i < count; i++) {
    const at = placeIn(bytes, random);
    bytes[at] = random.below(2) === 0 ? random.below(256) : (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  return { bytes, what: `${count} bytes changed` };
}

function edge32(bytes: Uint8Array, random: Random): Mutant {
  if (bytes.byteLength < 4) return flipBytes(bytes, random);
  const at = placeIn(bytes, random, 4) & ~3;
  const value = EDGES_32[random.below(EDGES_32.length)] ?? 0;
  viewOf(bytes).setUint32(at, value, random.below(8) !== 0);
  return { bytes, what: `${value} at ${at}` };
}

function edge64(bytes: Uint8Array, random: Random): Mutant {
  if (bytes.byteLength < 8) return flipBytes(bytes, random);
  const at = placeIn(bytes, random, 8) & ~3;
  const value = EDGES_64[random.below(EDGES_64.length)] ?? 0n;
  viewOf(bytes).setBigUint64(at, value, true);
  return { bytes, what: `${value} at ${at}` };
}

/** Numbers near the file's own size and near what stands there pass for lengths and offsets. */
function size32(bytes: Uint8Array, random: Random): Mutant {
  if (bytes.byteLength < 4) return flipBytes(bytes, random);
  const at = placeIn(bytes, random, 4) & ~3;
  const view = viewOf(bytes);
  const was = view.getUint32(at, true);
  const near = [bytes.byteLength, bytes.byteLength - at, at, bytes.byteLength / 4, was + 1, was - 1, was * 2, was + 4];
  const value = Math.floor(near[random.below(near.length)] ?? 0) >>> 0;
  view.setUint32(at, value, true);
  return { bytes, what: `${value} at ${at}` };
}

function truncate(bytes: Uint8Array, random: Random): Mutant {
  const length =
    random.below(2) === 0
      ? random.below(bytes.byteLength)
      : bytes.byteLength - 1 - random.below(Math.min(64, bytes.byteLength));
  return { bytes: bytes.slice(0, Math.max(0, length)), what: `cut to ${length}` };
}

function swapBlocks(bytes: Uint8Array, random: Random): Mutant {
  const size = 1 + random.below(Math.min(256, bytes.byteLength));
  const [a, b] = [placeIn(bytes, random, size), placeIn(bytes, random, size)];
  const first = bytes.slice(a, a + size);
  bytes.copyWithin(a, b, b + size);
  bytes.set(first.subarray(0, bytes.byteLength - b), b);
  return { bytes, what: `${size} bytes of ${a} and ${b} swapped` };
}

function fillBlock(bytes: Uint8Array, random: Random): Mutant {
  const at = placeIn(bytes, random);
  const size = 1 + random.below(128);
  bytes.fill(random.below(2) === 0 ? 0 : 255, at, at + size);
  return { bytes, what: `${size} bytes filled at ${at}` };
}

function insert(bytes: Uint8Array, random: Random): Mutant {
  const at = placeIn(bytes, random);
  const added = Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256));
  return { bytes: spliced(bytes, at, at, added), what: `${added.byteLength} bytes inserted at ${at}` };
}

function remove(bytes: Uint8Array, random: Random): Mutant {
  const at = placeIn(bytes, random);
  const size = 1 + random.below(64);
  return {
    bytes: spliced(bytes, at, Math.min(bytes.byteLength, at + size), new Uint8Array()),
    what: `${size} bytes removed at ${at}`,
  };
}

function repeat(bytes: Uint8Array, random: Random): Mutant {
  const at = placeIn(bytes, random);
  const block = bytes.slice(at, at + 1 + random.below(256));
  return { bytes: spliced(bytes, at, at, block), what: `${block.byteLength} bytes repeated at ${at}` };
}

/** A length of protobuf that never ends, or one of many digits. */
function varint(bytes: Uint8Array, random: Random): Mutant {
  const at = placeIn(bytes, random);
  const long = [...Array.from({ length: random.below(10) }, () => 0xff), random.below(256)];
  return {
    bytes: spliced(bytes, at, Math.min(bytes.byteLength, at + 1), Uint8Array.from(long)),
    what: `a varint of ${long.length} bytes at ${at}`,
  };
}

/** Another number of as many digits, where numbers stand as text. */
function digits(bytes: Uint8Array, random: Random): Mutant {
  const isDigit = (at: number): boolean => (bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39;
  const start = placeIn(bytes, random);
  const found = bytes.subarray(start, start + 4096).findIndex((_, i) => isDigit(start + i));
  if (found < 0) return flipBytes(bytes, random);
  const at = start + found;
  let end = at;
  for (; isDigit(end); end++) bytes[end] = 0x30 + (random.below(3) === 0 ? 9 : random.below(10));
  if (random.below(4) === 0) bytes[at] = 0x2d;
  return { bytes, what: `other digits at ${at} to ${end}` };
}

function spliced(bytes: Uint8Array, from: number, to: number, added: Uint8Array): Uint8Array {
  const joined = new Uint8Array(bytes.byteLength - (to - from) + added.byteLength);
  joined.set(bytes.subarray(0, from));
  joined.set(added, from);
  joined.set(bytes.subarray(to), from + added.byteLength);
  return joined;
}
