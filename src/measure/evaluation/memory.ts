/** The largest memory that was seen while a model ran, from a probe that the caller has: only it knows its process or page. */

export interface MemoryProbe {
  /** Bytes held now; null where it cannot be known. */
  sampleBytes(): number | null;
  /** What is counted, such as `resident memory of the process above what it held before`; without a count, why there is none. */
  readonly method: string;
}

export interface MemoryPeak {
  look(): void;
  figures(): { readonly peakBytes: number | null; readonly peakMethod: string };
}

export function memoryPeak(probe: MemoryProbe | null | undefined): MemoryPeak {
  let peak: number | null = null;
  return {
    look() {
      const bytes = probe?.sampleBytes() ?? null;
      if (bytes !== null) peak = Math.max(peak ?? 0, bytes);
    },
    figures: () => ({ peakBytes: peak, peakMethod: probe?.method ?? 'not measured: nothing here can tell' }),
  };
}
