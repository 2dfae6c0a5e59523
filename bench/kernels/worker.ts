/** Times the kernels: every figure of a round is taken once per round, one after the other, and medians are reported. */
import { seededRandom } from '#base/random.ts';
import type { Grid, Kernels, Rows, ScaleSearch } from '#kernels/kernels.ts';
import { referenceKernels } from '#kernels/reference/index.ts';
import { squaredErrorOf } from '#kernels/reference/search-scale.ts';
import { createWasmBackend } from '#kernels/wasm/backend.ts';
import { quantizePlainly } from './plain.ts';

const ROUNDS = 7;
/** 256 MiB of weights: more than any cache holds. */
const CHANNELS = 4096;
const CHANNEL_LENGTH = 16384;
/** Rows of the searches: 3 x 3 x 512, and a block. */
const SEARCHED = [
  { name: 'int8, rows of 4608, normal', rowLength: 4608, bits: 8, heavy: false },
  { name: 'int8, rows of 16384, normal', rowLength: 16384, bits: 8, heavy: false },
  { name: 'int8, rows of 4608, heavy tails', rowLength: 4608, bits: 8, heavy: true },
  { name: 'int4, rows of 4608, normal', rowLength: 4608, bits: 4, heavy: false },
  { name: 'int4, rows of 4608, heavy tails', rowLength: 4608, bits: 4, heavy: true },
  { name: 'int4, blocks of 128, normal', rowLength: 128, bits: 4, heavy: false },
  { name: 'int4, blocks of 32, normal', rowLength: 32, bits: 4, heavy: false },
] as const;
/** 72 MiB. */
const SEARCH_ELEMENTS = 147_456 * 128;

export interface SearchFigures {
  readonly name: string;
  readonly searchMs: number;
  readonly quantizeMs: number;
  readonly quantizeAgainMs: number;
  /** Largest squared error of a row over that of the best of all candidates, minus 1, on the rows checked. */
  readonly excess: number;
  readonly rowsChecked: number;
}

export interface KernelFigures {
  readonly description: string;
  readonly threads: number;
  readonly rounds: number;
  readonly bytes: number;
  readonly readMs: number;
  readonly quantizeMs: number;
  readonly rangeAndQuantizeMs: number;
  readonly errorOnlyMs: number;
  readonly blockQuantizeMs: number;
  readonly freshQuantizeMs: number;
  readonly plainMs: number;
  readonly oneThreadMs: number;
  readonly twoThreadsMs: number;
  readonly searches: readonly SearchFigures[];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Medians over rounds in which every job runs once. */
async function interleaved<K extends string>(jobs: Record<K, () => unknown>): Promise<Record<K, number>> {
  const names = Object.keys(jobs) as K[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of names) {
      const startedAt = performance.now();
      await jobs[name]();
      // The first round warms up.
      if (round > 0) times[name].push(performance.now() - startedAt);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times[name])])) as Record<K, number>;
}

/** The same memory as bytes: room for four times as many levels. */
function bytesIn(floats: Float32Array): Int8Array {
  return new Int8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

function gridOf(bits: 4 | 8, magnitudes: Float32Array): Grid {
  const high = bits === 8 ? 127 : 7;
  return { bits, signed: true, low: -high, high, scale: magnitudes.map((m) => m / high), zeroPoint: Int32Array.of(0) };
}

function fillNormal(data: Float32Array): void {
  const random = seededRandom(1);
  const pattern = Float32Array.from({ length: 1 << 20 }, () => 0.05 * random.normal());
  for (let start = 0; start < data.length; start += pattern.length) {
    data.set(pattern.subarray(0, Math.min(pattern.length, data.length - start)), start);
  }
}

async function searchFigures(kernels: Kernels, allocate: (length: number) => Float32Array): Promise<SearchFigures[]> {
  const figures: SearchFigures[] = [];
  for (const { name, rowLength, bits, heavy } of SEARCHED) {
    const random = seededRandom(2);
    const data = allocate(SEARCH_ELEMENTS);
    for (let i = 0; i < data.length; i++) {
      data[i] = random.normal() / (heavy ? Math.sqrt(-Math.log(1 - random.uniform())) : 1);
    }
    const x: Rows = { data, rows: SEARCH_ELEMENTS / rowLength, rowLength };
    const grid = gridOf(bits, await kernels.absMax(x));
    const { low, high } = grid;
    const search: ScaleSearch = { bits, signed: true, low, high, symmetric: true, candidates: 80, divisor: high };
    const levels = new Int8Array(data.length);
    const times = await interleaved({
      search: () => kernels.searchScale(x, search),
      quantize: () => kernels.quantize(x, grid, 'levels'),
      quantizeAgain: () => kernels.quantize(x, grid, 'levels', levels),
    });
    const checked = { ...x, rows: Math.min(x.rows, 8) };
    const part = { ...checked, data: data.slice(0, checked.rows * rowLength) };
    const best = await referenceKernels.searchScale(part, search);
    const got = await kernels.searchScale(part, search);
    let excess = 0;
    for (let row = 0; row < part.rows; row++) {
      const weights = part.data.subarray(row * rowLength, (row + 1) * rowLength);
      const error = squaredErrorOf(weights, search, got.scale[row]!, got.zeroPoint[row]!);
      excess = Math.max(excess, error / best.squaredError[row]! - 1);
    }
    figures.push({
      name,
      searchMs: times.search,
      quantizeMs: times.quantize,
      quantizeAgainMs: times.quantizeAgain,
      excess,
      rowsChecked: part.rows,
    });
  }
  return figures;
}

async function measure(): Promise<KernelFigures> {
  const spawn = () => new Worker(new URL('../../workers/compute.ts', import.meta.url), { type: 'module' });
  const one = await createWasmBackend();
  const kernels = one.kernels as Kernels;
  const data = one.allocate(CHANNELS * CHANNEL_LENGTH);
  fillNormal(data);
  const x: Rows = { data, rows: CHANNELS, rowLength: CHANNEL_LENGTH };
  const blocks: Rows = { data, rows: data.length / 32, rowLength: 32 };
  const grid = gridOf(8, await kernels.absMax(x));
  const blockGrid = gridOf(4, await kernels.absMax(blocks));
  const levels = bytesIn(one.allocate(data.length / 4));
  // A copy on the ordinary heap: `slice` of shared memory makes one.
  const ordinary = data.slice();
  const plainLevels = new Int8Array(data.length);
  const times = await interleaved({
    read: () => kernels.absMax(x),
    quantize: () => kernels.quantize(x, grid, 'levels', levels),
    plain: () => quantizePlainly(ordinary, CHANNEL_LENGTH, grid.scale, plainLevels),
    rangeAndQuantize: async () => kernels.quantize(x, gridOf(8, await kernels.absMax(x)), 'levels', levels),
    errorOnly: () => kernels.quantize(x, grid, 'error'),
    blockQuantize: () => kernels.quantize(blocks, blockGrid, 'levels', levels),
    freshQuantize: () => kernels.quantize(x, grid, 'levels'),
  });
  const searches = await searchFigures(kernels, (length) => one.allocate(length));
  const two = await createWasmBackend({ threads: 2, spawn });
  const shared = two.allocate(data.length);
  shared.set(ordinary);
  // In the memory of the threads, as the weights are; the one-thread figure gets the same.
  const sharedLevels = bytesIn(two.allocate(data.length / 4));
  const both = two.kernels as Kernels;
  // Workers start while others compute; a first job here waits for nobody.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const threads = await interleaved({
    one: () => kernels.quantize(x, grid, 'levels', levels),
    two: () => both.quantize({ ...x, data: shared }, grid, 'levels', sharedLevels),
  });
  const description = two.description;
  two.close();
  one.close();
  return {
    description,
    threads: navigator.hardwareConcurrency,
    rounds: ROUNDS,
    bytes: data.byteLength,
    readMs: times.read,
    quantizeMs: times.quantize,
    rangeAndQuantizeMs: times.rangeAndQuantize,
    errorOnlyMs: times.errorOnly,
    blockQuantizeMs: times.blockQuantize,
    freshQuantizeMs: times.freshQuantize,
    plainMs: times.plain,
    oneThreadMs: threads.one,
    twoThreadsMs: threads.two,
    searches,
  };
}

try {
  postMessage(await measure());
} catch (error) {
  postMessage({ error: String((error as Error).stack) });
}
