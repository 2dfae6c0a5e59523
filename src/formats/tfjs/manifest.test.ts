import { describe, expect, it } from 'vitest';
import type { Files } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import { BesideFiles } from '#formats/tensorflow/beside-files.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { TfjsWeight } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { widen, zeroPointOf } from './quantized.ts';

const MAIN = 'model/model.json';

function filesOf(entries: Readonly<Record<string, Uint8Array>>): Files {
  return new Map(Object.entries(entries).map(([path, bytes]) => [path, memorySource(path, bytes)]));
}

function read(manifest: unknown, files: Files): Promise<ReadonlyMap<string, TfjsWeight>> {
  return readManifest(MAIN, manifest, new BesideFiles(files, MAIN));
}

async function valuesOf(weight: TfjsWeight | undefined, store: WeightStore, grid = false): Promise<readonly number[]> {
  if (weight === undefined) return [];
  const { tensor } = await weight.load(store, { grid });
  const bytes = (await store.read(tensor)).slice();
  if (tensor.dtype === 'f32') return [...new Float32Array(bytes.buffer)];
  return tensor.dtype === 'i32' ? [...new Int32Array(bytes.buffer)] : [...bytes];
}

describe('the weights of a TF.js model', () => {
  const large = Float32Array.from({ length: 9000 }, (_, at) => at / 3);
  const bytes = new Uint8Array(large.buffer);
  const manifest = [
    { paths: ['one.bin', 'sub/two.bin'], weights: [{ name: 'large', shape: [90, 100], dtype: 'float32' }] },
    {
      paths: ['three.bin'],
      weights: [
        { name: 'flag', shape: [2], dtype: 'bool' },
        { name: 'words', shape: [2], dtype: 'string' },
        { name: 'scalar', shape: [], dtype: 'int32' },
      ],
    },
  ];
  const third = Uint8Array.from([1, 0, 2, 0, 0, 0, 104, 105, 0, 0, 0, 0, 7, 0, 0, 0]);

  it('lie across borders of files, and are found wherever folders were flattened', async () => {
    for (const files of [
      filesOf({
        'model/one.bin': bytes.subarray(0, 20_001),
        'model/sub/two.bin': bytes.subarray(20_001),
        'model/three.bin': third,
      }),
      filesOf({ 'one.bin': bytes.subarray(0, 20_001), 'two.bin': bytes.subarray(20_001), 'other/three.bin': third }),
    ]) {
      const store = createWeightStore();
      const weights = await read(manifest, files);
      expect(await valuesOf(weights.get('large'), store)).toEqual([...large]);
      expect(await valuesOf(weights.get('scalar'), store)).toEqual([7]);
      expect(await valuesOf(weights.get('flag'), store)).toEqual([1, 0]);
      expect(await valuesOf(weights.get('words'), store)).toEqual([2, 0, 0, 0, 104, 105, 0, 0, 0, 0]);
    }
  });

  it('in one file are ranges of it', async () => {
    const store = createWeightStore();
    const whole = memorySource('model/w.bin', bytes);
    const spec = { name: 'large', shape: [9000], dtype: 'float32' };
    const weights = await read([{ paths: ['w.bin'], weights: [spec] }], new Map([['model/w.bin', whole]]));
    const loaded = await weights.get('large')?.load(store);
    expect(loaded && store.chunks(loaded.tensor)).toEqual([{ source: whole, offset: 0, length: 36_000 }]);
  });

  it.each([
    ['a missing file', [{ paths: ['four.bin'], weights: [] }], /"four.bin", which is not there/],
    ['a path that leads elsewhere', [{ paths: ['../../etc/passwd'], weights: [] }], /which is not there/],
    [
      'too few bytes',
      [{ paths: ['three.bin'], weights: [{ name: 'w', shape: [5], dtype: 'int32' }] }],
      /weight w: .* only 16/,
    ],
    [
      'an impossible shape',
      [{ paths: ['three.bin'], weights: [{ name: 'w', shape: [-1], dtype: 'int32' }] }],
      /impossible shape/,
    ],
    [
      'a type of JavaScript',
      [{ paths: ['three.bin'], weights: [{ name: 'w', shape: [1], dtype: 'constructor' }] }],
      /"constructor"/,
    ],
    [
      'texts without end',
      [{ paths: ['three.bin'], weights: [{ name: 'w', shape: [9], dtype: 'string' }] }],
      /ends inside its texts/,
    ],
    [
      'levels without a scale',
      [
        {
          paths: ['three.bin'],
          weights: [{ name: 'w', shape: [4], dtype: 'float32', quantization: { dtype: 'uint8' } }],
        },
      ],
      /quantized to "uint8" in a way/,
    ],
    ['no list', { paths: [] }, /not a list of groups/],
  ])('with %s are refused', async (_, wrong, problem) => {
    await expect(read(wrong, filesOf({ 'model/three.bin': third }))).rejects.toThrow(problem);
  });
});

describe('quantized weights of TF.js', () => {
  const levels = Uint8Array.from({ length: 256 }, (_, at) => at);

  it.each([
    ['around zero', 0.01, -1.28, 128],
    ['from zero on', 0.02, 0, 0],
    ['up to zero', 0.02, -5.1, 255],
    ['a step that float32 cannot spell', 1 / 3, -100 / 3, 100],
  ])('%s lie on a grid that gives the values of TF.js to 1e-6', (_, scale, min, zeroPoint) => {
    const quantization = { dtype: 'uint8', scale, min } as const;
    expect(zeroPointOf(quantization, 'f32', [16, 16])).toBe(zeroPoint);
    const exact = new Float32Array(widen(levels, quantization, 'f32', [256]).buffer);
    for (const [level, value] of exact.entries()) {
      const onGrid = Math.fround(Math.fround(scale) * (level - zeroPoint));
      expect(Math.abs(onGrid - value)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)));
    }
  });

  it.each([
    ['whose zero lies between two levels', { dtype: 'uint8', scale: 0.01, min: -1.283 }, [16, 16], 'f32'],
    ['that are all above zero', { dtype: 'uint8', scale: 0.01, min: 1 }, [16, 16], 'f32'],
    ['that are a vector', { dtype: 'uint8', scale: 0.01, min: -1.28 }, [256], 'f32'],
    ['of sixteen bits', { dtype: 'uint16', scale: 0.01, min: -1.28 }, [16, 16], 'f32'],
    ['of integers', { dtype: 'uint8', scale: 1, min: -3 }, [16, 16], 'i32'],
  ] as const)('%s are widened', (_, quantization, shape, dtype) => {
    expect(zeroPointOf(quantization, dtype, shape)).toBeUndefined();
  });

  it('become what TF.js computes with: floats in double precision, integers rounded, halves', () => {
    const at = (
      kind: 'uint8' | 'uint16',
      scale: number,
      min: number,
      dtype: 'f32' | 'i32',
      stored: readonly number[],
    ) => widen(Uint8Array.from(stored), { dtype: kind, scale, min }, dtype, [1]);
    expect(new Float32Array(at('uint16', 0.001, -3, 'f32', [0x34, 0x12]).buffer)[0]).toBe(
      Math.fround(0x1234 * 0.001 - 3),
    );
    expect(new Int32Array(at('uint8', 0.5, -1, 'i32', [5]).buffer)[0]).toBe(Math.round(5 * 0.5 - 1));
    const half = widen(Uint8Array.of(0, 0xc0), { dtype: 'float16', scale: 1, min: 0 }, 'f32', [1]);
    expect(new Float32Array(half.buffer)[0]).toBe(-2);
  });
});
