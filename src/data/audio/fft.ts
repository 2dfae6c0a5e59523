/** Discrete Fourier transforms of real frames: radix 2 where the length is a power of two, else by Bluestein's chirps through one. */

export interface Transform {
  readonly length: number;
  /** Power |X|² of bins 0 to length / 2 of a frame, which is padded with zeros on the right; `out` has length / 2 + 1 places. */
  power(frame: Float64Array, out: Float64Array): void;
}

export function createTransform(length: number): Transform {
  const bins = Math.floor(length / 2) + 1;
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  const run = isPowerOfTwo(length) ? createRadix2(length) : createBluestein(length);
  return {
    length,
    power(frame, out) {
      re.fill(0);
      im.fill(0);
      re.set(frame.length > length ? frame.subarray(0, length) : frame);
      run(re, im);
      for (let bin = 0; bin < bins; bin++) {
        const a = re[bin] ?? 0;
        const b = im[bin] ?? 0;
        out[bin] = a * a + b * b;
      }
    },
  };
}

type InPlace = (re: Float64Array, im: Float64Array) => void;

function isPowerOfTwo(length: number): boolean {
  return length > 0 && (length & (length - 1)) === 0;
}

/** Cooley and Tukey, in place. */
function createRadix2(length: number): InPlace {
  const half = length / 2;
  const cos = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / length));
  const sin = Float64Array.from({ length: half }, (_, k) => -Math.sin((2 * Math.PI * k) / length));
  const reversed = new Uint32Array(length);
  for (let at = 1; at < length; at++) {
    reversed[at] = ((reversed[at >> 1] ?? 0) >> 1) | ((at & 1) === 1 ? length >> 1 : 0);
  }
  return (re, im) => {
    for (let at = 0; at < length; at++) {
      const to = reversed[at] ?? 0;
      if (to <= at) continue;
      [re[at], re[to]] = [re[to] ?? 0, re[at] ?? 0];
      [im[at], im[to]] = [im[to] ?? 0, im[at] ?? 0];
    }
    for (let size = 2; size <= length; size *= 2) {
      const step = length / size;
      const reach = size / 2;
      for (let start = 0; start < length; start += size) {
        for (let k = 0; k < reach; k++) {
          const a = start + k;
          const b = a + reach;
          const c = cos[k * step] ?? 0;
          const s = sin[k * step] ?? 0;
          const x = re[b] ?? 0;
          const y = im[b] ?? 0;
          const tr = x * c - y * s;
          const ti = x * s + y * c;
          re[b] = (re[a] ?? 0) - tr;
          im[b] = (im[a] ?? 0) - ti;
          re[a] = (re[a] ?? 0) + tr;
          im[a] = (im[a] ?? 0) + ti;
        }
      }
    }
  };
}

/** A transform of any length as a convolution with a chirp. */
function createBluestein(length: number): InPlace {
  const size = 2 ** Math.ceil(Math.log2(2 * length + 1));
  const inner = createRadix2(size);
  const cos = new Float64Array(length);
  const sin = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    // k² modulo 2 n, so that the angle stays small and exact.
    const angle = (Math.PI * ((k * k) % (2 * length))) / length;
    cos[k] = Math.cos(angle);
    sin[k] = Math.sin(angle);
  }
  const chirpRe = new Float64Array(size);
  const chirpIm = new Float64Array(size);
  for (let k = 0; k < length; k++) {
    for (const at of [k, (size - k) % size]) {
      chirpRe[at] = cos[k] ?? 0;
      chirpIm[at] = sin[k] ?? 0;
    }
  }
  inner(chirpRe, chirpIm);
  const a = new Float64Array(size);
  const b = new Float64Array(size);
  return (re, im) => {
    a.fill(0);
    b.fill(0);
    for (let k = 0; k < length; k++) {
      const c = cos[k] ?? 0;
      const s = sin[k] ?? 0;
      a[k] = (re[k] ?? 0) * c + (im[k] ?? 0) * s;
      b[k] = (im[k] ?? 0) * c - (re[k] ?? 0) * s;
    }
    inner(a, b);
    for (let k = 0; k < size; k++) {
      const x = a[k] ?? 0;
      const y = b[k] ?? 0;
      const c = chirpRe[k] ?? 0;
      const s = chirpIm[k] ?? 0;
      // Conjugated, so that the same transform goes back.
      a[k] = x * c - y * s;
      b[k] = -(x * s + y * c);
    }
    inner(a, b);
    for (let k = 0; k < length; k++) {
      const x = (a[k] ?? 0) / size;
      const y = -(b[k] ?? 0) / size;
      const c = cos[k] ?? 0;
      const s = sin[k] ?? 0;
      re[k] = x * c + y * s;
      im[k] = y * c - x * s;
    }
  };
}
