/** Calibration of real models in onnxruntime: what is measured are the values of the float model, for every group size. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { describeWithTestdata, testdata, testdataRoot } from '#base/testing/testdata.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { Samples } from '#data/samples.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { nodesOf } from '#ir/walk.ts';
import { numbersOf } from '#measure/numbers.ts';
import { memorySamples, normalArray } from '#measure/testing/memory-samples.ts';
import { openOnnxFile } from '#measure/testing/open-fixture.ts';
import { inferShapes } from '#ops/infer.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { readNpy } from '#wire/npy.ts';
import { createEvidence } from './evidence-source.ts';
import { canBeShown } from './expose.ts';
import type { TensorStatistics } from './statistics.ts';

let node: Runtime;
beforeAll(async () => {
  node = await openOnnxruntimeNode();
});

const hosted = (runtime: Runtime) => async () => ({ runtime, end: () => {} });

/** Statistics of every float value of the main graph that is fed or computed, by name. */
async function everyValue(
  path: string,
  samples: Samples,
  runtime: Runtime,
  budgetBytes?: number,
): Promise<{ readonly model: Model; readonly statistics: ReadonlyMap<string, TensorStatistics> }> {
  const { model, store } = await openOnnxFile(`${testdataRoot}/models/${path}`);
  const typed = await inferShapes(model, store);
  const ids = [...typed.graph.values.keys()].filter((id) => canBeShown(typed, id));
  const source = createEvidence({
    samples,
    openRuntime: hosted(runtime),
    ...(budgetBytes === undefined ? {} : { budgetBytes }),
  });
  const found = await source.statisticsOf(model, store, ids, {});
  expect([...found.keys()]).toEqual(ids);
  const nameOf = (id: ValueId): string => typed.graph.values.get(id)?.name ?? '';
  return { model: typed, statistics: new Map([...found].map(([id, seen]) => [nameOf(id), seen])) };
}

/** Largest difference of extremes and root mean squares, relative to the largest magnitude of each value. */
function difference(
  a: ReadonlyMap<string, TensorStatistics>,
  b: ReadonlyMap<string, TensorStatistics>,
): { readonly name: string; readonly worst: number } {
  let found = { name: '', worst: 0 };
  for (const [name, x] of a) {
    const y = b.get(name);
    if (y === undefined) throw new Error(`${name} is missing`);
    expect(y.count).toBe(x.count);
    const power = (seen: TensorStatistics): number => Math.sqrt(seen.sumOfSquares / seen.count);
    const size = Math.max(Math.abs(x.min), Math.abs(x.max), 1e-30);
    const worst = Math.max(Math.abs(x.min - y.min), Math.abs(x.max - y.max), Math.abs(power(x) - power(y))) / size;
    if (worst > found.worst) found = { name, worst };
  }
  return found;
}

/** The keyword features: int8 levels that stand for 0.5847029 (q - 83). */
function keywordSamples(length: number): Samples {
  const bytes = new Uint8Array(readFileSync(testdata('data/kws01/features_int8.npy')));
  const levels = numbersOf(readNpy('features_int8.npy', bytes)) ?? [];
  return memorySamples(length, (i) => ({
    input: {
      dtype: 'f32',
      shape: [1, 49, 10, 1],
      data: Float32Array.from({ length: 490 }, (_, at) => ((levels[i * 490 + at] ?? NaN) - 83) * 0.5847029),
    },
  }));
}

/** Windows of the speech recording: 64 samples of context and 512 new ones, which is what silero_vad takes. */
function speechSamples(length: number): Samples {
  const wav = readFileSync(testdata('data/speech_16k/speech.wav'));
  const start = wav.indexOf('data') + 8;
  const sample = (at: number): number => (at < 0 ? 0 : wav.readInt16LE(start + 2 * at) / 32_768);
  const constant = (): NdArray => ({ dtype: 'f32', shape: [2, 1, 128], data: new Float32Array(256) });
  return memorySamples(
    length,
    (i) => ({
      input: {
        dtype: 'f32',
        shape: [1, 576],
        data: Float32Array.from({ length: 576 }, (_, at) => sample(i * 512 - 64 + at)),
      },
      state: constant(),
      sr: { dtype: 'i64', shape: [], data: BigInt64Array.of(16_000n) },
    }),
    { carry: { state: 'stateN' }, sequence: () => 'speech' },
  );
}

describeWithTestdata('calibration of real models', () => {
  const kws = 'mlperf_tiny_kws/kws_from_savedmodel.onnx';

  it('keyword spotting: the same in groups, in onnxruntime for the web, and without graph optimization', async () => {
    const samples = keywordSamples(40);
    const { statistics } = await everyValue(kws, samples, node);
    expect(statistics.size).toBeGreaterThan(20);
    const grouped = await everyValue(kws, samples, node, 100_000);
    const plain = await everyValue(kws, samples, await openOnnxruntimeNode({ optimization: 'disabled' }));
    const web = await everyValue(kws, samples, await openOnnxruntimeWeb());
    // Fusions that exposure leaves and other kernels sum in another order: 2^-24 a step, over some thousand products.
    expect(difference(statistics, grouped.statistics).worst).toBeLessThan(1e-5);
    expect(difference(statistics, plain.statistics).worst).toBeLessThan(1e-5);
    expect(difference(statistics, web.statistics).worst).toBeLessThan(1e-5);
  });

  it('mobilenet: exposing all values changes none of them', async () => {
    const path = 'mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx';
    const samples = memorySamples(4, (i) => ({ input: normalArray(i + 1, [1, 3, 224, 224]) }));
    const { statistics } = await everyValue(path, samples, node);
    const plain = await everyValue(path, samples, await openOnnxruntimeNode({ optimization: 'disabled' }));
    const grouped = await everyValue(path, samples, node, 4e6);
    expect(difference(statistics, plain.statistics).worst).toBeLessThan(1e-5);
    expect(difference(statistics, grouped.statistics).worst).toBeLessThan(1e-5);
    // Relu6 keeps to its range, and the input is as it was fed.
    expect(statistics.get('input')).toMatchObject({ count: 4 * 3 * 224 * 224, samples: 4 });
    const relu6 = [...statistics.values()].filter(({ min, max }) => min === 0 && max === 6);
    expect(relu6.length).toBeGreaterThan(20);
  });

  it('silero_vad: state is carried from window to window; values inside its subgraphs are left out', async () => {
    const samples = speechSamples(100);
    const { model, statistics } = await everyValue('silero_vad/silero_vad_16k_op15.onnx', samples, node);
    expect([...nodesOf(model.graph)].some(({ scope }) => scope.length > 0)).toBe(true);
    // The same by hand: every output of the whole model, with its state fed back.
    const session = await node.load({
      name: 'silero',
      model: { path: `${testdataRoot}/models/silero_vad/silero_vad_16k_op15.onnx` },
    });
    let state: NdArray | undefined;
    let speech = 0;
    const extremes = { low: Infinity, high: -Infinity };
    for (let i = 0; i < 100; i += 1) {
      const { feeds } = await samples.read(i);
      const outputs = await session.run(
        new Map([...feeds, ...(state === undefined ? [] : [['state', state] as const])]),
      );
      state = outputs.get('stateN');
      const probability = Number(outputs.get('output')?.data[0]);
      if (probability > 0.5) speech += 1;
      extremes.low = Math.min(extremes.low, probability);
      extremes.high = Math.max(extremes.high, probability);
    }
    await session.close();
    expect(speech).toBeGreaterThan(30);
    const output = statistics.get('output');
    expect(output?.count).toBe(100);
    expect(output?.min).toBeCloseTo(extremes.low, 5);
    expect(output?.max).toBeCloseTo(extremes.high, 5);
  });

  it('ultraface: a detector with two heads', async () => {
    const samples = memorySamples(3, (i) => ({ input: normalArray(i + 1, [1, 3, 240, 320], 0.5) }));
    const path = 'ultraface/version-RFB-320.onnx';
    const { statistics } = await everyValue(path, samples, node);
    const plain = await everyValue(path, samples, await openOnnxruntimeNode({ optimization: 'disabled' }), 20e6);
    expect(statistics.size).toBeGreaterThan(100);
    expect(difference(statistics, plain.statistics).worst).toBeLessThan(1e-4);
    expect(statistics.get('scores')).toMatchObject({ count: 3 * 4420 * 2 });
    expect(statistics.get('scores')?.max).toBeLessThanOrEqual(1);
  });
});
