/**
 * Watches one activation as samples come by, in memory that does not grow with them. The histogram's bins have a power of
 * two as their width: when a value falls outside, widths double and pairs of bins merge, which loses nothing. So the
 * result depends on the values alone, not on how they were cut into samples.
 */
import type { ChannelExtremes, TensorStatistics } from './statistics.ts';

/** A power of two: bins lie in a ring, bin i of the grid at i modulo this. */
export const MOST_BINS = 8192;
const MASK = MOST_BINS - 1;

/** Extremes of so many samples are kept, the newest ones: an average with weight 0.01 has forgotten older ones to 1e-35. */
export const MOST_SAMPLES_KEPT = 8192;

/** Counters are 32 bits wide; before they could overflow they are added to wider ones. */
const MOST_COUNTED = 2 ** 32 - 1;

/** Widths below this have no inverse that could be computed with; only double precision reaches so far. */
const SMALLEST_EXPONENT = -1000;

type Numbers = Float32Array | Float64Array | ArrayLike<number>;

export class TensorObserver {
  #count = 0;
  #min = Infinity;
  #max = -Infinity;
  #sum = 0;
  #squares = 0;
  #exponent: number | null = null;
  /** 2^-exponent; 0 as long as all values were zero. */
  #inverse = 0;
  /** Extremes with zero among them: what the histogram reaches over. */
  #low = 0;
  #high = 0;
  /** Two banks of the ring, so that neighbouring elements are counted apart. */
  #counts = new Uint32Array(2 * MOST_BINS);
  #wide: Float64Array | null = null;
  /** Elements in `#counts`. */
  #pending = 0;
  #samples = 0;
  #sampleMin = new Float64Array(16);
  #sampleMax = new Float64Array(16);
  readonly #channelAxis: number | null;
  readonly #mostCounted: number;
  #channelMin: Float64Array | null = null;
  #channelMax: Float64Array | null = null;
  #channelSum = new Float64Array(0);
  /** Elements of one channel so far. */
  #perChannel = 0;

  /** `mostCounted`: elements after which the narrow counters are emptied into wide ones. */
  constructor(channelAxis: number | null = null, mostCounted = MOST_COUNTED) {
    this.#channelAxis = channelAxis;
    this.#mostCounted = mostCounted;
  }

  /** Adds one sample. Returns how many of its elements are NaN or infinite: those are not counted. */
  add(data: Numbers, shape: readonly number[] = [data.length]): number {
    if (this.#pending + data.length > this.#mostCounted) this.#spill();
    const state = Float64Array.of(Infinity, -Infinity, this.#sum, this.#squares, 0, this.#low, this.#high);
    for (let at = 0; at < data.length;) {
      at = scan(data, at, state, this.#counts, this.#inverse);
      if (at < data.length) this.#reach(data[at] as number, state);
    }
    this.#sum = state[SUM] as number;
    this.#squares = state[SQUARES] as number;
    const notFinite = state[NOT_FINITE] as number;
    const seen = data.length - notFinite;
    if (seen === 0) return notFinite;
    const min = state[MIN] as number;
    const max = state[MAX] as number;
    this.#count += seen;
    this.#pending += seen;
    if (min < this.#min) this.#min = min;
    if (max > this.#max) this.#max = max;
    this.#keepSample(min, max);
    if (this.#channelAxis !== null) this.#addChannels(data, shape, this.#channelAxis);
    return notFinite;
  }

  /** null: nothing was seen. */
  statistics(): TensorStatistics | null {
    if (this.#count === 0) return null;
    const first = Math.floor(this.#low * this.#inverse);
    const last = Math.floor(this.#high * this.#inverse);
    const counts = this.#wide === null ? new Uint32Array(last - first + 1) : new Float64Array(last - first + 1);
    for (let bin = first; bin <= last; bin += 1) {
      counts[bin - first] = countOf(this.#counts, bin) + (this.#wide?.[bin & MASK] ?? 0);
    }
    const kept = Math.min(this.#samples, MOST_SAMPLES_KEPT);
    return {
      count: this.#count,
      samples: this.#samples,
      // Minus zero becomes zero.
      min: this.#min + 0,
      max: this.#max + 0,
      sum: this.#sum,
      sumOfSquares: this.#squares,
      sampleMin: inOrder(this.#sampleMin, this.#samples, kept),
      sampleMax: inOrder(this.#sampleMax, this.#samples, kept),
      bins: { width: this.#exponent === null ? 2 ** SMALLEST_EXPONENT : 2 ** this.#exponent, first, counts },
      channels: this.#channels(),
    };
  }

  /** Makes room for a value outside of what the histogram reaches over. */
  #reach(x: number, state: Float64Array): void {
    const low = Math.min(this.#low, x);
    const high = Math.max(this.#high, x);
    const exponent = exponentFor(low, high);
    if (this.#exponent !== null && exponent > this.#exponent) {
      const halvings = exponent - this.#exponent;
      const first = Math.floor(this.#low * this.#inverse);
      const last = Math.floor(this.#high * this.#inverse);
      this.#counts = merged(this.#counts, new Uint32Array(2 * MOST_BINS), first, last, halvings);
      if (this.#wide !== null) {
        this.#wide = merged(this.#wide, new Float64Array(MOST_BINS), first, last, halvings);
      }
    }
    // What was counted while all values were zero lies in bin 0, where zeros belong at any width.
    this.#exponent = exponent;
    this.#inverse = 2 ** -exponent;
    state[LOW] = this.#low = low;
    state[HIGH] = this.#high = high;
  }

  #spill(): void {
    this.#wide ??= new Float64Array(MOST_BINS);
    for (let i = 0; i < MOST_BINS; i += 1) this.#wide[i] = (this.#wide[i] ?? 0) + countOf(this.#counts, i);
    this.#counts.fill(0);
    this.#pending = 0;
  }

  #keepSample(min: number, max: number): void {
    const place = this.#samples % MOST_SAMPLES_KEPT;
    if (place >= this.#sampleMin.length) {
      this.#sampleMin = doubled(this.#sampleMin);
      this.#sampleMax = doubled(this.#sampleMax);
    }
    this.#sampleMin[place] = min + 0;
    this.#sampleMax[place] = max + 0;
    this.#samples += 1;
  }

  #addChannels(data: Numbers, shape: readonly number[], axis: number): void {
    const channels = shape[axis] ?? 0;
    if (channels === 0) return;
    this.#channelMin ??= new Float64Array(channels).fill(Infinity);
    this.#channelMax ??= new Float64Array(channels).fill(-Infinity);
    if (this.#channelMin.length !== channels) return;
    if (this.#channelSum.length === 0) this.#channelSum = new Float64Array(channels);
    this.#perChannel += data.length / channels;
    const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    for (let start = 0, channel = 0; start < data.length; start += inner, channel = (channel + 1) % channels) {
      let min = this.#channelMin[channel] as number;
      let max = this.#channelMax[channel] as number;
      let sum = 0;
      for (let i = start; i < start + inner; i += 1) {
        const x = data[i] as number;
        if (x < min) min = x;
        if (x > max) max = x;
        sum += x;
      }
      this.#channelSum[channel] = (this.#channelSum[channel] as number) + sum;
      this.#channelMin[channel] = min;
      this.#channelMax[channel] = max;
    }
  }

  #channels(): ChannelExtremes | null {
    if (this.#channelAxis === null || this.#channelMin === null || this.#channelMax === null) return null;
    return {
      axis: this.#channelAxis,
      min: this.#channelMin.slice(),
      max: this.#channelMax.slice(),
      mean: this.#channelSum.map((sum) => sum / this.#perChannel),
    };
  }
}

/** Places in the state of a scan: of the sample alone, then sums of all samples, then what the histogram reaches over. */
const [MIN, MAX, SUM, SQUARES, NOT_FINITE, LOW, HIGH] = [0, 1, 2, 3, 4, 5, 6] as const;

/**
 * Adds elements from `start` on, up to the first that the histogram does not reach. Returns its index, or the length.
 */
function scan(data: Numbers, start: number, state: Float64Array, counts: Uint32Array, inverse: number): number {
  for (let i = start; i < data.length;) {
    i = scanPairs(data, i, state, counts, inverse);
    // New extremes, or the last element.
    for (const end = Math.min(data.length, i + 2); i < end; i += 1) {
      const x = data[i] as number;
      if (!Number.isFinite(x)) {
        add(state, NOT_FINITE, 1);
        continue;
      }
      if (x < (state[LOW] as number) || x > (state[HIGH] as number)) return i;
      state[MIN] = Math.min(state[MIN] as number, x);
      state[MAX] = Math.max(state[MAX] as number, x);
      add(state, SUM, x);
      add(state, SQUARES, x * x);
      const place = Math.floor(x * inverse) & MASK;
      counts[place] = (counts[place] as number) + 1;
    }
  }
  return data.length;
}

function add(state: Float64Array, place: number, x: number): void {
  state[place] = (state[place] as number) + x;
}

/**
 * Adds pairs of elements, up to one that holds a new extreme. All time is spent here. Each of a pair is counted in a bank
 * of its own, since counting up one counter twice would wait for the first time.
 */
function scanPairs(data: Numbers, start: number, state: Float64Array, counts: Uint32Array, inverse: number): number {
  const min = state[MIN] as number;
  const max = state[MAX] as number;
  let sum = state[SUM] as number;
  let squares = state[SQUARES] as number;
  const last = data.length - 1;
  let i = start;
  for (; i < last; i += 2) {
    const x = data[i] as number;
    const y = data[i + 1] as number;
    if (!(x >= min && x <= max && y >= min && y <= max)) break;
    sum += x;
    squares += x * x;
    sum += y;
    squares += y * y;
    const place = Math.floor(x * inverse) & MASK;
    const other = (Math.floor(y * inverse) & MASK) + MOST_BINS;
    counts[place] = (counts[place] as number) + 1;
    counts[other] = (counts[other] as number) + 1;
  }
  state[SUM] = sum;
  state[SQUARES] = squares;
  return i;
}

/** The smallest exponent whose grid covers [low, high], which holds 0, with at most `MOST_BINS` bins. */
function exponentFor(low: number, high: number): number {
  const span = high / MOST_BINS - low / MOST_BINS;
  // With a width below span / MOST_BINS there are too many bins in any case, so nothing smaller is passed over.
  let exponent = Math.max(SMALLEST_EXPONENT, Math.floor(Math.log2(span)) - 1);
  while (Math.floor(high * 2 ** -exponent) - Math.floor(low * 2 ** -exponent) >= MOST_BINS) exponent += 1;
  return exponent;
}

/** Of a bin in a ring of one bank or two. */
function countOf(ring: Uint32Array | Float64Array, bin: number): number {
  return (ring[bin & MASK] ?? 0) + (ring[(bin & MASK) + MOST_BINS] ?? 0);
}

/** Bins `first` to `last` of the ring `from`, added into the ring `into`, whose bins are 2^halvings times as wide. */
function merged<Ring extends Uint32Array | Float64Array>(
  from: Ring,
  into: Ring,
  first: number,
  last: number,
  halvings: number,
): Ring {
  const factor = 2 ** -halvings;
  for (let bin = first; bin <= last; bin += 1) {
    const place = Math.floor(bin * factor) & MASK;
    into[place] = (into[place] ?? 0) + countOf(from, bin);
  }
  return into;
}

function doubled(from: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(from.length * 2);
  larger.set(from);
  return larger;
}

/** The newest `kept` of `samples` numbers in a ring, oldest first. */
function inOrder(ring: Float64Array, samples: number, kept: number): Float64Array {
  if (samples <= MOST_SAMPLES_KEPT) return ring.slice(0, kept);
  const start = samples % MOST_SAMPLES_KEPT;
  const ordered = new Float64Array(kept);
  ordered.set(ring.subarray(start), 0);
  ordered.set(ring.subarray(0, start), kept - start);
  return ordered;
}
