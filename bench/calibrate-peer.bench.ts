/**
 * Calibrating and quantizing MobileNet v1 0.25 on 100 photographs, from the command to the written file: Pare's command line
 * against onnxruntime's Python quantizer, one after the other, three times in turn. The peer needs a Python that has
 * onnxruntime, onnx and Pillow: PARE_REFERENCE_PYTHON names it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testdata } from '#base/testing/testdata-place.ts';
import { runWhole, type WholeProcess } from './peer/whole-process.ts';
import type { BenchRow } from './row.ts';

const IMAGES = 100;
const ROUNDS = 3;
const LIMIT = 1 / 3;
const PARE = fileURLToPath(new URL('../scripts/pare.mjs', import.meta.url));
const PEER = fileURLToPath(new URL('peer/quantize_static.py', import.meta.url));

export async function run(): Promise<readonly BenchRow[]> {
  const python = process.env['PARE_REFERENCE_PYTHON'];
  const model = testdata('models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx');
  const images = testdata('data/caltech101_imagenet/images');
  if (!existsSync(model) || !existsSync(images)) return [missing('the shared test data is not here')];
  const folder = mkdtempSync(join(tmpdir(), 'pare-peer-'));
  try {
    const chosen = chooseImages(images, join(folder, 'images'));
    const pare: WholeProcess[] = [];
    const peer: WholeProcess[] = [];
    // Builds the command line, which a person does once.
    await runWhole(process.execPath, [PARE, '--version']);
    for (let round = 0; round < ROUNDS; round += 1) {
      pare.push(
        await runWhole(process.execPath, [
          PARE,
          'optimize',
          model,
          '--recipe',
          'int8-static',
          '--data',
          chosen,
          '--calibration',
          String(IMAGES),
          '-o',
          join(folder, 'pare.onnx'),
          '--no-verify',
        ]),
      );
      if (python !== undefined) peer.push(await runWhole(python, [PEER, model, chosen, join(folder, 'peer.onnx')]));
    }
    return rowsOf(pare, peer);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Evenly over all categories, in one flat folder, so that both read the same files. */
function chooseImages(from: string, to: string): string {
  const all = readdirSync(from, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.jpg'))
    .toSorted();
  mkdirSync(to);
  for (let i = 0; i < IMAGES; i += 1) {
    const file = all[Math.floor((i * all.length) / IMAGES)] ?? '';
    cpSync(join(from, file), join(to, `${String(i).padStart(3, '0')}.jpg`));
  }
  return to;
}

function rowsOf(pare: readonly WholeProcess[], peer: readonly WholeProcess[]): readonly BenchRow[] {
  const what = `mobilenet_v1_025 at 224 x 224, ${IMAGES} JPEG, percentile method, whole process, best of ${ROUNDS}, in turn`;
  const own: BenchRow[] = [
    { name: 'calibrate and quantize: Pare', value: best(pare, 'seconds'), unit: 's', method: what },
    {
      name: 'calibrate and quantize: peak memory of Pare',
      value: mega(best(pare, 'peakBytes')),
      unit: 'MB',
      method: what,
    },
  ];
  if (peer.length === 0) {
    return [...own, missing('PARE_REFERENCE_PYTHON names no Python with onnxruntime, onnx and Pillow')];
  }
  const versions = peer[0]?.stdout.trim().split('\n').at(-1) ?? '';
  const against = `${what}; peer: quantize_static ${versions}`;
  return [
    ...own,
    { name: "calibrate and quantize: onnxruntime's Python", value: best(peer, 'seconds'), unit: 's', method: against },
    {
      name: 'calibrate and quantize: peak memory of the peer',
      value: mega(best(peer, 'peakBytes')),
      unit: 'MB',
      method: against,
    },
    {
      name: 'calibrate and quantize: time / peer',
      value: best(pare, 'seconds') / best(peer, 'seconds'),
      unit: 'x',
      limit: { atMost: LIMIT },
      method: against,
    },
    {
      name: 'calibrate and quantize: peak memory / peer',
      value: best(pare, 'peakBytes') / best(peer, 'peakBytes'),
      unit: 'x',
      limit: { atMost: LIMIT },
      method: against,
    },
  ];
}

function best(runs: readonly WholeProcess[], field: 'seconds' | 'peakBytes'): number {
  return Math.min(...runs.map((run) => run[field] ?? NaN));
}

function mega(bytes: number): number {
  return bytes / 1e6;
}

function missing(why: string): BenchRow {
  return {
    name: 'calibrate and quantize: time / peer',
    value: null,
    unit: 'x',
    limit: { atMost: LIMIT },
    method: `not measured: ${why}`,
  };
}
