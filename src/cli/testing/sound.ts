/** Speech for the audio models: WAV files as samples, and the magnitude spectra that a noise suppressor takes. */
import { readFileSync } from 'node:fs';

export interface Sound {
  /** -1 to 1. */
  readonly samples: Float32Array;
  readonly rateHz: number;
}

/** A WAV file with one channel of 16-bit samples. */
export function readWav(path: string): Sound {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let rateHz = 0;
  for (let at = 12; at + 8 <= bytes.byteLength;) {
    const id = bytes.toString('latin1', at, at + 4);
    const size = view.getUint32(at + 4, true);
    if (id === 'fmt ') {
      if (
        view.getUint16(at + 8, true) !== 1 ||
        view.getUint16(at + 10, true) !== 1 ||
        view.getUint16(at + 22, true) !== 16
      ) {
        throw new Error(`${path}: only one channel of 16-bit samples is read`);
      }
      rateHz = view.getUint32(at + 12, true);
    }
    if (id === 'data') {
      const count = Math.min(size, bytes.byteLength - at - 8) >> 1;
      return {
        samples: Float32Array.from({ length: count }, (_, i) => view.getInt16(at + 8 + 2 * i, true) / 32_768),
        rateHz,
      };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${path}: there is no sound in it`);
}

/** Every second sample, each the mean of two neighbours: half the rate, without the worst of the aliasing. */
export function halved({ samples, rateHz }: Sound): Sound {
  const mean = (_: unknown, i: number): number => ((samples[2 * i] ?? 0) + (samples[2 * i + 1] ?? 0)) / 2;
  return { samples: Float32Array.from({ length: samples.length >> 1 }, mean), rateHz: rateHz / 2 };
}

/** Magnitudes of the Fourier transform of `frame` at the frequencies 0 to half the rate: frame.length / 2 + 1 values. */
export function magnitudes(frame: Float32Array): Float32Array {
  const n = frame.length;
  return Float32Array.from({ length: n / 2 + 1 }, (_, k) => {
    let real = 0;
    let imaginary = 0;
    for (let i = 0; i < n; i++) {
      const angle = (2 * Math.PI * ((k * i) % n)) / n;
      real += (frame[i] ?? 0) * Math.cos(angle);
      imaginary -= (frame[i] ?? 0) * Math.sin(angle);
    }
    return Math.hypot(real, imaginary);
  });
}
