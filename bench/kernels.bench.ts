/** The compute kernels in a browser worker: rates against reading the same weights and against plain TypeScript. */
import type { KernelFigures } from './kernels/worker.ts';
import type { BenchRow } from './row.ts';
import { openBenchPage } from './studio/engine.ts';

export async function run(): Promise<BenchRow[]> {
  const bench = await openBenchPage('bench/kernels/index.html');
  try {
    await bench.page.waitForFunction(() => globalThis.kernelBench !== undefined);
    return rowsOf(await bench.page.evaluate(() => globalThis.kernelBench!()));
  } finally {
    await bench.close();
  }
}

function rowsOf(figures: KernelFigures): BenchRow[] {
  const { rounds, bytes } = figures;
  const rate = (ms: number): number => bytes / ms / 1e6;
  const how = `${bytes / 2 ** 20} MiB of float32 in rows of 16384, median of ${rounds} interleaved rounds, ${figures.description}`;
  const alone = how.replace(/\d+ threads/, 'one thread');
  const rows: BenchRow[] = [
    { name: 'stream read (largest magnitude of each row)', value: rate(figures.readMs), unit: 'GB/s', method: alone },
    {
      name: 'int8 per-channel quantize with error / stream read',
      value: figures.readMs / figures.quantizeMs,
      unit: 'x',
      limit: { atLeast: 0.5 },
      method: `${alone}; scales given, levels into memory that was used before`,
    },
    {
      name: 'int8 per-channel quantize with error / plain TypeScript',
      value: figures.plainMs / figures.quantizeMs,
      unit: 'x',
      limit: { atLeast: 6 },
      method: `${alone}; the same sums in a tight loop without Math.round`,
    },
    {
      name: 'the same with 2 threads / 1 thread',
      value: figures.threads < 2 ? null : figures.oneThreadMs / figures.twoThreadsMs,
      unit: 'x',
      limit: { atLeast: 1.8 },
      method: `${how}; a fair figure only while the second core is free`,
    },
    {
      name: 'range, then quantize / stream read',
      value: figures.readMs / figures.rangeAndQuantizeMs,
      unit: 'x',
      method: `${alone}; two passes over memory`,
    },
    {
      name: 'quantize into fresh memory / stream read',
      value: figures.readMs / figures.freshQuantizeMs,
      unit: 'x',
      method: `${alone}; the system clears every new page first`,
    },
    { name: 'error only / stream read', value: figures.readMs / figures.errorOnlyMs, unit: 'x', method: alone },
    {
      name: 'int4 block-32 quantize with error / stream read',
      value: figures.readMs / figures.blockQuantizeMs,
      unit: 'x',
      method: `${alone}; blocks of 32`,
    },
  ];
  for (const { name, searchMs, quantizeMs, quantizeAgainMs, excess, rowsChecked } of figures.searches) {
    const limited = name.includes('rows of');
    const how = `72 MiB of float32, one thread, median of ${rounds} interleaved rounds`;
    rows.push({
      name: `least-MSE search, 80 candidates / quantize pass: ${name}`,
      value: searchMs / quantizeMs,
      unit: 'x',
      ...(limited ? { limit: { atMost: 5 } } : {}),
      method: `${how}; the pass as the studio calls it, levels in fresh memory`,
    });
    rows.push({
      name: `the same / quantize pass into memory used before: ${name}`,
      value: searchMs / quantizeAgainMs,
      unit: 'x',
      ...(limited ? { limit: { atMost: 5 } } : {}),
      method: `${how}; the pass of the first figure, which clears no new pages: the stricter reading`,
    });
    rows.push({
      name: `squared error above the best candidate: ${name}`,
      value: excess * 100,
      unit: '%',
      limit: { atMost: 0.1 },
      method: `largest of ${rowsChecked} rows, against trying every candidate in plain TypeScript`,
    });
  }
  return rows;
}
