/**
 * Memory of calibration in the page: MobileNet v1 0.25 and a file of pictures as uint8, ranges measured on 100 and on 1000 of
 * them, each in a browser of its own. What the page's process holds, inference worker included, must not grow with their number.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '#base/random.ts';
import { testdata } from '#base/testing/testdata-place.ts';
import { findPreset } from '#recipes/presets.ts';
import { writeNpy } from '#wire/npy.ts';
import { openBenchPage } from './studio/engine.ts';
import type { BenchRow } from './row.ts';

const FEW = 100;
const MANY = 1000;
/** Half of the samples at most are for calibration. */
const ROWS = 2 * MANY;
const ROW = 3 * 224 * 224;
const SAMPLE_MS = 50;
const NAME = `page calibrates: peak memory at ${MANY} samples / at ${FEW}`;
const LIMIT = { atMost: 1.1 };

export async function run(): Promise<readonly BenchRow[]> {
  const model = testdata('models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx');
  if (!existsSync(model)) return [missing('the shared test data is not here')];
  const folder = mkdtempSync(join(tmpdir(), 'pare-calibration-page-'));
  const data = join(folder, 'pictures.npy');
  try {
    await writePictures(data);
    const few = await calibrate(model, data, FEW);
    const many = await calibrate(model, data, MANY);
    if (few.peak === null || many.peak === null) return [missing('this system shows no memory of other processes')];
    const what = `mobilenet_v1_025 at 224 x 224, uint8 .npy of ${ROWS} pictures of noise, Chromium, onnxruntime-web, 1 thread, a browser each, once`;
    return [
      {
        name: NAME,
        value: many.peak / few.peak,
        unit: 'x',
        limit: LIMIT,
        method: `${what}; peak resident size of the renderer process`,
      },
      { name: `page calibrates: peak memory at ${FEW} samples`, value: few.peak / 1e6, unit: 'MB', method: what },
      { name: `page calibrates: ${FEW} samples`, value: few.ms / 1000, unit: 's', method: `${what}; with quantizing` },
      {
        name: `page calibrates: ${MANY} samples`,
        value: many.ms / 1000,
        unit: 's',
        method: `${what}; with quantizing`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Noise without end repeats after a while; only sizes matter here. */
async function writePictures(path: string): Promise<void> {
  const random = seededRandom(1);
  const row = Uint8Array.from({ length: ROW }, () => random.below(256));
  const whole = writeNpy({ dtype: 'u8', shape: [1, 3, 224, 224], data: row });
  const head = new TextDecoder('latin1').decode(whole.subarray(0, whole.length - ROW));
  // The header is padded with spaces, so a longer count takes the place of some.
  const wanted = head.replace(/\(1, 3, 224, 224\)(,? *\}) {3}/, `(${ROWS}, 3, 224, 224)$1`);
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.from(wanted, 'latin1'));
    for (let i = 0; i < ROWS; i += 1) await file.write(row);
  } finally {
    await file.close();
  }
}

async function calibrate(model: string, data: string, samples: number): Promise<{ ms: number; peak: number | null }> {
  const recipe = findPreset('int8-static')?.recipe;
  if (recipe === undefined) throw new Error('there is no preset int8-static');
  const bench = await openBenchPage('bench/studio/index.html');
  try {
    const { page } = bench;
    await page.setInputFiles('#model', model);
    await page.setInputFiles('#data', data);
    const opened = await page.evaluate(async () => (await globalThis.engineBench)?.open());
    let peak: number | null = null;
    const timer = setInterval(() => {
      const now = bench.rendererBytes();
      if (now !== null) peak = Math.max(peak ?? 0, now);
    }, SAMPLE_MS);
    const ms = await page.evaluate(
      async (wish) => (await globalThis.engineBench)?.calibrate(wish.modelId, wish.recipe, wish.samples),
      { modelId: opened?.modelId ?? '', recipe, samples },
    );
    clearInterval(timer);
    if (ms === undefined) throw new Error('the bench page has no engine');
    return { ms, peak };
  } finally {
    await bench.close();
  }
}

function missing(why: string): BenchRow {
  return { name: NAME, value: null, unit: 'x', limit: LIMIT, method: `not measured: ${why}` };
}
