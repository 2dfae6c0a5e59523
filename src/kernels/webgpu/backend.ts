/** The WebGPU backend: WGSL kernels for what runs in parallel without a second look. A partial table; the rest falls back. */
import { candidateGrid, inverseOf, levelsFor } from '#kernels/arithmetic.ts';
import { addErrors, NO_ERRORS } from '#kernels/errors.ts';
import type { Backend, ErrorSums, Grid, Kernels, Levels, Rows, SearchResult } from '#kernels/kernels.ts';
import { binsPerUnitOf } from '#kernels/reference/histogram.ts';
import { elementCount } from '#kernels/rows.ts';
import { Device } from './device.ts';
import {
  DEQUANTIZE,
  GROUP_ELEMENTS,
  HISTOGRAM,
  MIN_MAX,
  narrowing,
  PRUNE_BELOW,
  PRUNE_NM,
  QUANTIZE,
  SEARCH,
  widening,
} from './shaders.ts';

/** Elements and rows of one dispatch: 16 MiB of weights, and fewer workgroups than every device allows (65535). */
const PART_ELEMENTS = 4 * 2 ** 20;
const PART_ROWS = 32768;
/** Grids of one search dispatch: row times candidate. */
const PART_GRIDS = 2 ** 21;

type Fallback = Pick<Kernels, 'quantize' | 'searchScale' | 'minMax' | 'absMax' | 'pruneBelow' | 'pruneNM'>;

/**
 * Makes the backend on an adapter. `fallback` does what float32 sums cannot (squares that overflow) and rows that are too
 * long for one dispatch.
 */
export async function createWebgpuBackend(adapter: GPUAdapter, fallback: Fallback): Promise<Backend> {
  const device = new Device(await adapter.requestDevice());
  const { vendor, architecture, isFallbackAdapter } = adapter.info;
  const name = [vendor, architecture].filter((part) => part !== '').join(' ');
  const slow = isFallbackAdapter ? ' (a software adapter: slow)' : '';
  return {
    name: 'webgpu',
    description: `WebGPU on ${name === '' ? 'an unnamed adapter' : name}${slow}, as chosen.`,
    kernels: webgpuKernels(device, fallback),
    allocate: (length) => new Float32Array(length),
    release: () => undefined,
    close: () => device.close(),
  };
}

interface Part extends Rows {
  readonly row: number;
  readonly start: number;
  readonly count: number;
}

/** Whole rows, as many as one dispatch takes; `undefined` where a single row is too long. */
function partsOf(x: Rows, mostRows = PART_ROWS): Part[] | undefined {
  if (x.rowLength > PART_ELEMENTS) return undefined;
  const rowsPerPart = Math.max(1, Math.min(mostRows, Math.floor(PART_ELEMENTS / Math.max(1, x.rowLength))));
  const count = elementCount(x);
  const parts: Part[] = [];
  for (let row = 0; row < x.rows; row += rowsPerPart) {
    const start = row * x.rowLength;
    const end = Math.min(count, (row + rowsPerPart) * x.rowLength);
    if (end === start) break;
    const rows = Math.min(rowsPerPart, x.rows - row);
    parts.push({ data: x.data.subarray(start, end), rows, rowLength: x.rowLength, row, start, count: end - start });
  }
  return parts;
}

/** Parts of a flat array. */
function flatParts(data: Float32Array): Part[] {
  return partsOf({ data, rows: Math.ceil(data.length / GROUP_ELEMENTS), rowLength: GROUP_ELEMENTS }, Infinity)!.map(
    (part) => {
      const slice = data.subarray(part.start, Math.min(data.length, part.start + part.rows * GROUP_ELEMENTS));
      return { ...part, data: slice, count: slice.length };
    },
  );
}

function sumsOf(bytes: ArrayBuffer, count: number): ErrorSums {
  const values = new Float32Array(bytes);
  let sums = { ...NO_ERRORS, count };
  for (let i = 0; i < values.length; i += 4) {
    sums = {
      count,
      squaredError: sums.squaredError + values[i]!,
      squaredSignal: sums.squaredSignal + values[i + 1]!,
      squaredResult: sums.squaredResult + values[i + 2]!,
      maxAbsError: Math.max(sums.maxAbsError, values[i + 3]!),
    };
  }
  return sums;
}

function isFiniteSum(sums: ErrorSums): boolean {
  return Number.isFinite(sums.squaredError + sums.squaredSignal + sums.squaredResult);
}

const groupsFor = (count: number): number => Math.ceil(count / GROUP_ELEMENTS);

/** Scales with their inverses, as the shaders take them. */
function pairsOf(scales: Float32Array): Float32Array {
  const pairs = new Float32Array(scales.length * 2);
  for (const [i, scale] of scales.entries()) pairs.set([scale, inverseOf(scale)], 2 * i);
  return pairs;
}

/** Scales (or zero points) of a part's rows, and the step between them: 0 where all rows share one. */
function ofRows<T extends Float32Array | Int32Array>(values: T, part: Part): { values: T; step: number } {
  if (values.length === 1) return { values, step: 0 };
  return { values: values.slice(part.row, part.row + part.rows) as T, step: 1 };
}

function webgpuKernels(device: Device, fallback: Fallback): Partial<Kernels> {
  async function minMax(x: Rows): Promise<{ readonly min: Float32Array; readonly max: Float32Array }> {
    const parts = partsOf(x);
    if (parts === undefined) return fallback.minMax(x);
    const min = new Float32Array(x.rows);
    const max = new Float32Array(x.rows);
    for (const part of parts) {
      const rows = Math.ceil(part.count / part.rowLength);
      const [bytes] = await device.run({
        shader: MIN_MAX,
        workgroups: rows,
        uniform: [rows, part.rowLength, part.count],
        inputs: [part.data],
        outputs: [rows * 8],
      });
      const ranges = new Float32Array(bytes!);
      for (let row = 0; row < rows; row++) {
        min[part.row + row] = ranges[2 * row]!;
        max[part.row + row] = ranges[2 * row + 1]!;
      }
    }
    return { min, max };
  }

  /** A dispatch that cuts weights: kept ones, sums, zeros and weights that are as large as the threshold. */
  async function cut(part: Part, shader: string, workgroups: number, uniform: (number | { float: number })[]) {
    const outputs = [part.count * 4, workgroups * 16, 8];
    const results = await device.run({ shader, workgroups, uniform, inputs: [part.data], outputs });
    const counts = new Uint32Array(results[2]!);
    const kept = new Float32Array(results[0]!);
    return { kept, sums: sumsOf(results[1]!, part.count), zeros: counts[0]!, equal: counts[1]! };
  }

  return {
    minMax,
    async absMax(x) {
      const { min, max } = await minMax(x);
      return max.map((value, i) => Math.max(Math.abs(value), Math.abs(min[i]!)));
    },

    async quantize(x, grid, want, into) {
      const parts = partsOf(x);
      if (parts === undefined) return fallback.quantize(x, grid, want, into);
      const levels = want === 'levels' ? (into ?? levelsFor(grid.bits, grid.signed, elementCount(x))) : undefined;
      const width = grid.bits > 8 ? 2 : 1;
      let error = NO_ERRORS;
      for (const part of parts) {
        const workgroups = groupsFor(part.count);
        const scales = ofRows(grid.scale, part);
        const zeroPoints = ofRows(grid.zeroPoint, part);
        const wide = width === 2 ? 1 : 0;
        const steps = [scales.step, zeroPoints.step];
        const [bytes, sums] = await device.run({
          shader: QUANTIZE,
          workgroups,
          uniform: [part.count, part.rowLength, ...steps, grid.low, grid.high, wide, levels === undefined ? 0 : 1],
          inputs: [part.data, pairsOf(scales.values), zeroPoints.values],
          outputs: [levels === undefined ? 16 : Math.ceil(part.count / 4) * 4 * width, workgroups * 16],
        });
        error = addErrors(error, sumsOf(sums!, part.count));
        if (levels !== undefined) {
          const at = levels.byteOffset + part.start * width;
          const target = new Uint8Array(levels.buffer, at, part.count * width);
          target.set(new Uint8Array(bytes!, 0, part.count * width));
        }
      }
      if (!isFiniteSum(error)) return fallback.quantize(x, grid, want, into);
      return levels === undefined ? { error } : { levels, error };
    },

    async dequantize(levels: Levels, rows: number, rowLength: number, grid: Grid) {
      const data = new Float32Array(levels.length);
      const width = levels.BYTES_PER_ELEMENT;
      const isSigned = levels instanceof Int8Array || levels instanceof Int16Array ? 1 : 0;
      const step = (values: { readonly length: number }): number => (values.length === 1 ? 0 : 1);
      const rowsPerPart = Math.max(1, Math.floor(PART_ELEMENTS / rowLength));
      for (let row = 0; row < rows; row += rowsPerPart) {
        const part = levels.subarray(row * rowLength, (row + rowsPerPart) * rowLength);
        const [bytes] = await device.run({
          shader: DEQUANTIZE,
          workgroups: groupsFor(part.length),
          uniform: [part.length, rowLength, step(grid.scale), step(grid.zeroPoint), width === 2 ? 1 : 0, isSigned],
          inputs: [
            part,
            grid.scale.length === 1 ? grid.scale : grid.scale.slice(row, row + rowsPerPart),
            grid.zeroPoint.length === 1 ? grid.zeroPoint : grid.zeroPoint.slice(row, row + rowsPerPart),
          ],
          outputs: [part.length * 4],
        });
        data.set(new Float32Array(bytes!), row * rowLength);
      }
      return data;
    },

    async searchScale(x, search) {
      const parts = partsOf(x, Math.max(1, Math.floor(PART_GRIDS / search.candidates)));
      // One invocation walks a whole row: rows longer than this leave the device idle, and the sums imprecise.
      if (parts === undefined || x.rowLength > 65536) return fallback.searchScale(x, search);
      const { min, max } = await minMax(x);
      const result: SearchResult = {
        scale: new Float32Array(x.rows),
        zeroPoint: new Int32Array(x.rows),
        squaredError: new Float64Array(x.rows),
      };
      for (const part of parts) {
        const grids = part.rows * search.candidates;
        const scales = new Float32Array(grids);
        const zeroPoints = new Int32Array(grids);
        for (let i = 0; i < grids; i++) {
          const row = part.row + Math.floor(i / search.candidates);
          // Widest first, so that the first of equal errors is the widest, as the contract has it.
          const candidate = candidateGrid(search, min[row]!, max[row]!, search.candidates - (i % search.candidates));
          scales[i] = candidate.scale;
          zeroPoints[i] = candidate.zeroPoint;
        }
        const [bytes] = await device.run({
          shader: SEARCH,
          workgroups: Math.ceil(grids / 64),
          uniform: [part.rows, part.rowLength, part.count, search.candidates, search.low, search.high],
          inputs: [part.data, pairsOf(scales), zeroPoints],
          outputs: [grids * 4],
        });
        const errors = new Float32Array(bytes!);
        if (!errors.every(Number.isFinite)) return fallback.searchScale(x, search);
        for (let row = 0; row < part.rows; row++) {
          const first = row * search.candidates;
          let best = first;
          for (let i = first; i < first + search.candidates; i++) if (errors[i]! < errors[best]!) best = i;
          result.scale[part.row + row] = scales[best]!;
          result.zeroPoint[part.row + row] = zeroPoints[best]!;
          result.squaredError[part.row + row] = errors[best]!;
        }
      }
      return result;
    },

    async histogram(x, bins, low, high) {
      const counts = new Uint32Array(bins);
      for (const part of flatParts(x)) {
        const [bytes] = await device.run({
          shader: HISTOGRAM,
          workgroups: groupsFor(part.count),
          uniform: [part.count, bins, { float: low }, { float: binsPerUnitOf(bins, low, high) }],
          inputs: [part.data],
          outputs: [bins * 4],
        });
        const more = new Uint32Array(bytes!);
        for (let i = 0; i < bins; i++) counts[i]! += more[i]!;
      }
      return { counts, low, high };
    },

    async pruneBelow(x, threshold, ties) {
      const data = new Float32Array(x.length);
      const limit = Math.fround(threshold);
      let error = NO_ERRORS;
      let zeros = 0;
      let equal = 0;
      for (const part of flatParts(x)) {
        const uniform = [part.count, { float: limit }];
        const result = await cut(part, PRUNE_BELOW, groupsFor(part.count), uniform);
        data.set(result.kept, part.start);
        error = addErrors(error, result.sums);
        zeros += result.zeros;
        equal += result.equal;
      }
      if (!isFiniteSum(error)) return fallback.pruneBelow(x, threshold, ties);
      let cutTies = 0;
      for (let i = 0; i < data.length && limit > 0 && cutTies < Math.min(ties, equal); i++) {
        if (Math.abs(data[i]!) !== limit) continue;
        data[i] = 0;
        cutTies++;
      }
      const square = limit * limit;
      return {
        data,
        zeros: zeros + cutTies,
        error: {
          ...error,
          squaredError: error.squaredError + cutTies * square,
          squaredResult: error.squaredResult + (equal - cutTies) * square,
          maxAbsError: cutTies > 0 ? Math.max(error.maxAbsError, limit) : error.maxAbsError,
        },
      };
    },

    async pruneNM(x, n, m) {
      const parts = partsOf(x, Infinity);
      if (parts === undefined) return fallback.pruneNM(x, n, m);
      const data = new Float32Array(elementCount(x));
      let error = NO_ERRORS;
      let zeros = 0;
      for (const part of parts) {
        const groupsPerRow = Math.ceil(part.rowLength / m);
        const groups = part.rows * groupsPerRow;
        const uniform = [part.count, part.rowLength, groupsPerRow, n, m, groups];
        const result = await cut(part, PRUNE_NM, Math.ceil(groups / 256), uniform);
        data.set(result.kept, part.start);
        error = addErrors(error, result.sums);
        zeros += result.zeros;
      }
      return isFiniteSum(error) ? { data, error, zeros } : fallback.pruneNM(x, n, m);
    },

    toFloat16: (x) => narrow(device, x, narrowing('toFloat16')),
    toBfloat16: (x) => narrow(device, x, narrowing('toBfloat16')),
    fromFloat16: (x) => widen(device, x, widening('fromFloat16')),
    fromBfloat16: (x) => widen(device, x, widening('fromBfloat16')),
  };
}

async function narrow(device: Device, x: Float32Array, shader: string): Promise<Uint16Array> {
  const result = new Uint16Array(x.length);
  for (const { start, data } of flatParts(x)) {
    const words = Math.ceil(data.length / 2);
    const run = { shader, workgroups: Math.ceil(words / 256), uniform: [words], inputs: [data], outputs: [words * 4] };
    const [bytes] = await device.run(run);
    result.set(new Uint16Array(bytes!, 0, data.length), start);
  }
  return result;
}

async function widen(device: Device, x: Uint16Array, shader: string): Promise<Float32Array> {
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += PART_ELEMENTS) {
    const data = x.subarray(start, start + PART_ELEMENTS);
    const words = Math.ceil(data.length / 2);
    const run = { shader, workgroups: Math.ceil(words / 256), uniform: [words], inputs: [data], outputs: [words * 8] };
    const [bytes] = await device.run(run);
    result.set(new Float32Array(bytes!, 0, data.length), start);
  }
  return result;
}
