/** LiteRT runs real .tflite files in Node, with integers in and out, and says in a sentence what it cannot do. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { readNpy } from '#wire/npy.ts';
import type { LitertRuntime } from './litert.ts';
import { openLitertNode } from './node.ts';

const load = (runtime: LitertRuntime, path: string) =>
  runtime.load({ name: path, model: { path: testdata(`models/${path}`) } });

describe('LiteRT', () => {
  it('refuses what is no model, and names the file', async () => {
    const runtime = await openLitertNode();
    expect(runtime.description).toMatch(/^@litertjs\/core \d+\.\d+\.\d+ \(wasm, 1 thread\)$/);
    const bad = [
      new Uint8Array(3),
      new Uint8Array(64).fill(255),
      new TextEncoder().encode('TFL3 in spirit alone, not in bytes'),
    ];
    for (const model of bad)
      await expect(runtime.load({ name: 'bad.tflite', model })).rejects.toThrow(/^bad\.tflite: /);
  });
});

const SIGNATURES = new URL('../../../fixtures/formats/tflite/signatures.tflite', import.meta.url);

describe('a file with two signatures', () => {
  const model = readFileSync(SIGNATURES);

  it.each([
    ['encode', ['encode_x:0'], ['PartitionedCall_1:0']],
    ['decode', ['decode_code:0'], ['PartitionedCall:0', 'PartitionedCall:1']],
  ])('runs %s', async (signature, inputs, outputs) => {
    const session = await (await openLitertNode()).load({ name: 'signatures.tflite', model }, { signature });
    expect(session.inputs.map(({ name }) => name)).toEqual(inputs);
    expect(session.outputs.map(({ name }) => name)).toEqual(outputs);
    const [slot] = session.inputs;
    const shape = (slot?.shape ?? []) as readonly number[];
    const data = new Float32Array(shape.reduce((count, size) => count * size, 1)).fill(1);
    const made = await session.run(new Map([[slot?.name ?? '', { dtype: 'f32', shape, data }]]));
    expect([...made.keys()]).toEqual(outputs);
    // `decode` doubles what it is given, and says so first.
    if (signature === 'decode') expect(made.get('PartitionedCall:0')?.data).toEqual(new Float32Array(4).fill(2));
    await session.close();
  });

  it('names the signatures that there are', async () => {
    const failed = (await openLitertNode()).load({ name: 'signatures.tflite', model }, { signature: 'train' });
    await expect(failed).rejects.toThrow('signatures.tflite: it has no signature "train". It has decode, encode.');
  });
});

describeWithTestdata('LiteRT on real models', () => {
  let runtime: LitertRuntime;
  beforeAll(async () => {
    runtime = await openLitertNode();
  });

  it('takes and gives int8: the keyword model scores its known 90.2 % on 1000 samples', async () => {
    const session = await load(runtime, 'mlperf_tiny_kws/kws_ref_model.tflite');
    expect(session.inputs).toEqual([{ name: 'input_1', dtype: 'i8', shape: [1, 49, 10, 1] }]);
    expect(session.outputs).toEqual([{ name: 'Identity', dtype: 'i8', shape: [1, 12] }]);
    expect(session.grids.get('input_1')).toEqual({ scale: Math.fround(0.5847029), zeroPoint: 83 });
    expect(session.grids.get('Identity')).toEqual({ scale: 1 / 256, zeroPoint: -128 });
    const features = readNpy('features_int8.npy', readFileSync(testdata('data/kws01/features_int8.npy')))
      .data as Int8Array;
    const labels = readNpy('labels.npy', readFileSync(testdata('data/kws01/labels.npy'))).data as ArrayLike<
      number | bigint
    >;
    let right = 0;
    for (let i = 0; i < labels.length; i++) {
      const data = features.subarray(490 * i, 490 * (i + 1));
      const out = (await session.run(new Map([['input_1', { dtype: 'i8', shape: [1, 49, 10, 1], data }]]))).get(
        'Identity',
      );
      const scores = out?.data as Int8Array;
      if (scores.indexOf(Math.max(...scores)) === Number(labels[i])) right++;
    }
    await session.close();
    expect(right).toBe(902);
  });

  it('runs a model that leaves its batch open, at the size that the file holds', async () => {
    const session = await load(runtime, 'mnist/conv_fc_mnist.tflite');
    expect(session.inputs[0]?.shape).toEqual([1, 28, 28, 1]);
    const data = new Float32Array(784).fill(0.5);
    const name = session.inputs[0]?.name ?? '';
    const outputs = await session.run(new Map([[name, { dtype: 'f32', shape: [1, 28, 28, 1], data }]]));
    const [chances] = [...outputs.values()].map((output) => output.data as Float32Array);
    expect(chances?.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 5);
    await session.close();
  });

  it('says what it cannot load', async () => {
    const failed = load(runtime, 'mnist/mnist_lstm.tflite');
    await expect(failed).rejects.toThrow(
      'mnist/mnist_lstm.tflite: LiteRT could not load it: Variable tensors not yet supported.',
    );
  });

  it('does not pass on outputs that LiteRT never wrote to', async () => {
    const session = await load(runtime, 'basic_pitch/nmp.tflite');
    const x: NdArray = { dtype: 'f32', shape: [1, 43_844, 1], data: new Float32Array(43_844).fill(0.1) };
    await expect(session.run(new Map([[session.inputs[0]?.name ?? '', x]]))).rejects.toThrow(
      /nmp\.tflite, output \S+: LiteRT gives another answer each time/,
    );
    await session.close();
  });

  it.each<[string, NdArray | undefined, RegExp]>([
    ['a missing input', undefined, /input input_1: no value was given/],
    ['another type', { dtype: 'f64', shape: [1, 42], data: new Float64Array(42) }, /it wants f32, not f64/],
    [
      'another size',
      { dtype: 'f32', shape: [2, 42], data: new Float32Array(84) },
      /LiteRT takes one size alone: \[1, 42\]/,
    ],
  ])('refuses %s', async (_, array, message) => {
    const session = await load(runtime, 'hand_keypoint/keypoint_classifier.tflite');
    await expect(session.run(new Map(array === undefined ? [] : [['input_1', array]]))).rejects.toThrow(message);
    await session.close();
  });
});
