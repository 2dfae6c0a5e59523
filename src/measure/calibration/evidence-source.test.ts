import { beforeAll, describe, expect, it } from 'vitest';
import { Cancelled, PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { Samples } from '#data/samples.ts';
import { buildModel } from '#ir/testing/build.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { memorySamples, normalArray } from '#measure/testing/memory-samples.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { OpenRuntime, RunnableModel, Runtime } from '#runtimes/runtime.ts';
import { createCalibrationCache, createEvidence } from './evidence-source.ts';

let node: Runtime;
beforeAll(async () => {
  node = await openOnnxruntimeNode();
});

/** What was asked of the runtime. */
interface Watched {
  readonly openRuntime: OpenRuntime;
  readonly loaded: RunnableModel[];
  /** Outputs of each session, in order. */
  readonly shown: string[][];
  runs: number;
  open: number;
  sessions: number;
}

function watch(): Watched {
  const watched: Watched = {
    loaded: [],
    shown: [],
    runs: 0,
    open: 0,
    sessions: 0,
    openRuntime: async () => {
      watched.open += 1;
      const runtime: Runtime = {
        ...node,
        async load(model) {
          const session = await node.load(model);
          watched.loaded.push(model);
          watched.shown.push(session.outputs.map((slot) => slot.name));
          watched.sessions += 1;
          expect(watched.sessions).toBe(1);
          return {
            ...session,
            run: async (feeds) => {
              watched.runs += 1;
              return session.run(feeds);
            },
            close: async () => {
              watched.sessions -= 1;
              await session.close();
            },
          };
        },
      };
      return { runtime, end: () => (watched.open -= 1) };
    },
  };
  return watched;
}

/** y = relu(x * scale + shift) * 2, with the parts named. */
function smallModel(shift: readonly number[] = [0, 1, -1]): { readonly model: Model; readonly store: WeightStore } {
  return buildModel({
    file: 'small.onnx',
    inputs: { x: { dtype: 'f32', shape: ['n', 3] } },
    outputs: { y: { dtype: 'f32', shape: ['n', 3] } },
    initializers: {
      scale: { dtype: 'f32', shape: [3], data: [1, 2, 3] },
      shift: { dtype: 'f32', shape: [3], data: shift },
      two: { dtype: 'f32', shape: [], data: [2] },
    },
    nodes: [
      { op: 'Mul', inputs: ['x', 'scale'], outputs: ['scaled'], name: 'mul' },
      { op: 'Add', inputs: ['scaled', 'shift'], outputs: ['shifted'], name: 'add' },
      { op: 'Relu', inputs: ['shifted'], outputs: ['positive'], name: 'relu' },
      { op: 'Mul', inputs: ['positive', 'two'], outputs: ['y'], name: 'double' },
    ],
  });
}

function idsOf(model: Model, ...names: readonly string[]): readonly ValueId[] {
  return names.map((name) => {
    const value = [...model.graph.values.values()].find((one) => one.name === name);
    if (value === undefined) throw new Error(`there is no ${name}`);
    return value.id;
  });
}

const twenty = (): Samples => memorySamples(20, (i) => ({ x: normalArray(i + 1, [2, 3]) }));
const minmax = { method: 'minmax', bits: 8, symmetric: false } as const;

describe('createEvidence', () => {
  it('measures inputs, inner values and outputs as they are', async () => {
    const { model, store } = smallModel();
    const watched = watch();
    const source = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime });
    const [x, shifted, y] = idsOf(model, 'x', 'shifted', 'y') as [ValueId, ValueId, ValueId];
    const ranges = await source.about(model, store, {}).ranges([x, shifted, y], minmax);
    const inputs = Array.from({ length: 20 }, (_, i) => [...(normalArray(i + 1, [2, 3]).data as Float32Array)]).flat();
    const sums = inputs.map((v, i) => Math.fround(Math.fround(v * [1, 2, 3][i % 3]!) + [0, 1, -1][i % 3]!));
    const extremes = (values: readonly number[]) => ({ min: Math.min(...values), max: Math.max(...values) });
    expect(ranges.get(x)).toMatchObject({ ...extremes(inputs), count: 120, clipped: 0 });
    expect(ranges.get(shifted)).toMatchObject(extremes(sums));
    expect(ranges.get(y)).toMatchObject({ low: 0, high: 2 * extremes(sums).max, min: 0 });
    expect(watched).toMatchObject({ runs: 20, open: 0, sessions: 0 });
    expect(source.description).toMatch(/^20 samples in memory in onnxruntime-node 1\./);
    expect(source.notices).toEqual([]);
  });

  it('runs the data once: other methods and widths need no second run, other values run alone', async () => {
    const { model, store } = smallModel();
    const watched = watch();
    const source = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime });
    const [shifted, positive, scaled] = idsOf(model, 'shifted', 'positive', 'scaled') as [ValueId, ValueId, ValueId];
    await source.about(model, store, {}).ranges([shifted, positive], minmax);
    for (const method of ['mse', 'entropy', 'percentile', 'moving-average'] as const) {
      for (const bits of [4, 8])
        await source.about(model, store, {}).ranges([positive], { method, bits, symmetric: true });
    }
    expect(watched.runs).toBe(20);
    await source.about(model, store, {}).ranges([shifted, scaled], minmax);
    expect(watched.runs).toBe(40);
    expect(watched.shown).toEqual([['shifted', 'positive'], ['scaled']]);
  });

  it('measures once what is asked for twice at the same time', async () => {
    const { model, store } = smallModel();
    const watched = watch();
    const source = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime });
    const evidence = source.about(model, store, {});
    const ids = idsOf(model, 'y');
    const [a, b] = await Promise.all([evidence.ranges(ids, minmax), evidence.ranges(ids, minmax)]);
    expect(a).toEqual(b);
    expect(watched.runs).toBe(20);
  });

  it('knows a value again after edits that do not reach it, and not after those that do', async () => {
    const { model, store } = smallModel();
    const watched = watch();
    const cache = createCalibrationCache();
    const source = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime, cache });
    const [shifted, two, shift] = idsOf(model, 'shifted', 'two', 'shift') as [ValueId, ValueId, ValueId];
    await source.about(model, store, {}).ranges([shifted], minmax);
    const constant = (id: ValueId, shape: readonly number[], ...values: readonly number[]): Model => {
      const edit = openEditor(model);
      edit.setConstant(id, store.put('f32', shape, new Uint8Array(Float32Array.from(values).buffer)));
      return edit.finish();
    };
    // Behind the value; then the same numbers in new bytes; then other numbers.
    await source.about(constant(two, [], 3), store, {}).ranges([shifted], minmax);
    await source.about(constant(shift, [3], 0, 1, -1), store, {}).ranges([shifted], minmax);
    expect(watched.runs).toBe(20);
    await source.about(constant(shift, [3], 0, 1, -2), store, {}).ranges([shifted], minmax);
    expect(watched.runs).toBe(40);
    // Other samples are other data; the same ones in a new source are not.
    const others = memorySamples(20, (i) => ({ x: normalArray(i + 50, [1, 3]) }), { fingerprint: 'other' });
    await createEvidence({ samples: twenty(), openRuntime: watched.openRuntime, cache })
      .about(model, store, {})
      .ranges([shifted], minmax);
    expect(watched.runs).toBe(40);
    await createEvidence({ samples: others, openRuntime: watched.openRuntime, cache })
      .about(model, store, {})
      .ranges([shifted], minmax);
    expect(watched.runs).toBe(60);
  });

  it('keeps to the budget with one session after the other, and gives the same statistics', async () => {
    const { model, store } = smallModel();
    const ids = idsOf(model, 'x', 'scaled', 'shifted', 'positive', 'y');
    const whole = await createEvidence({ samples: twenty(), openRuntime: watch().openRuntime }).statisticsOf(
      model,
      store,
      ids,
      {},
    );
    const watched = watch();
    const progress: number[] = [];
    const parts = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime, budgetBytes: 50 });
    const statistics = await parts.statisticsOf(model, store, ids, {
      onProgress: ({ done, of }) => progress.push(done / of),
    });
    // Each value is 24 bytes.
    expect(watched.shown).toEqual([['scaled'], ['shifted', 'positive'], ['y']]);
    expect(statistics).toEqual(whole);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.length).toBe(60);
    expect(Math.max(...progress)).toBeLessThan(1);
  });

  it('measures the size of values whose shape depends on the data', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [8] } },
      outputs: { y: { dtype: 'f32', shape: null }, z: { dtype: 'f32', shape: [8] } },
      nodes: [
        { op: 'Relu', inputs: ['x'], outputs: ['positive'] },
        { op: 'NonZero', inputs: ['positive'], outputs: ['places'] },
        { op: 'Cast', inputs: ['places'], outputs: ['y'], attrs: { to: 1 } },
        { op: 'Neg', inputs: ['x'], outputs: ['z'] },
      ],
    });
    const watched = watch();
    const samples = memorySamples(16, (i) => ({ x: normalArray(i + 1, [8]) }));
    // `positive` is 32 bytes; how many of its elements are not zero is up to the sample.
    const source = createEvidence({ samples, openRuntime: watched.openRuntime, budgetBytes: 33 });
    const ids = idsOf(model, 'y', 'z', 'positive');
    const statistics = await source.statisticsOf(model, store, ids, {});
    expect([...statistics.keys()]).toEqual(ids);
    expect(watched.shown).toEqual([['y'], ['positive'], ['y'], ['z']]);
  });

  it('leaves out constants, integers, values inside subgraphs and what it does not know', async () => {
    const branch = (name: string) => ({
      graph: { outputs: [name], nodes: [{ op: 'Neg', inputs: ['a'], outputs: [name] }] },
    });
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [2] }, c: { dtype: 'bool', shape: [] } },
      outputs: { y: { dtype: 'f32', shape: [2] }, s: { dtype: 'i64', shape: [1] } },
      initializers: { w: { dtype: 'f32', shape: [2], data: [1, 2] } },
      nodes: [
        { op: 'Mul', inputs: ['x', 'w'], outputs: ['a'] },
        { op: 'Shape', inputs: ['x'], outputs: ['s'] },
        { op: 'If', inputs: ['c'], outputs: ['y'], attrs: { then_branch: branch('t'), else_branch: branch('e') } },
      ],
    });
    const inside = [...model.graph.nodes[2]!.attrs.values()].flatMap((attr) =>
      attr.type === 'graph' ? attr.value.outputs : [],
    );
    const samples = memorySamples(16, () => ({
      x: normalArray(1, [2]),
      c: { dtype: 'bool', shape: [], data: Uint8Array.of(1) },
    }));
    const source = createEvidence({ samples, openRuntime: watch().openRuntime });
    const [a, y] = idsOf(model, 'a', 'y') as [ValueId, ValueId];
    const asked = [...idsOf(model, 'w', 's', 'c'), a, y, ...inside, 4711 as ValueId];
    expect([...(await source.about(model, store, {}).ranges(asked, minmax)).keys()]).toEqual([a, y]);
  });

  it('refuses NaN with the value, its layer and the sample', async () => {
    const { model, store } = buildModel({
      file: 'root.onnx',
      inputs: { x: { dtype: 'f32', shape: [2] } },
      outputs: { y: { dtype: 'f32', shape: [2] } },
      nodes: [{ op: 'Sqrt', inputs: ['x'], outputs: ['y'], name: 'root' }],
    });
    const samples = memorySamples(20, (i) => ({
      x: { dtype: 'f32', shape: [2], data: Float32Array.of(i === 7 ? -1 : 1, 2) },
    }));
    const watched = watch();
    const source = createEvidence({ samples, openRuntime: watched.openRuntime });
    const ranges = source.about(model, store, {}).ranges(idsOf(model, 'y'), minmax);
    await expect(ranges).rejects.toThrow(
      'root.onnx, value y, sample sample-7: 1 of 2 elements are NaN or infinite (computed by layer root (Sqrt)).',
    );
    await expect(ranges).rejects.toBeInstanceOf(PareError);
    expect(watched).toMatchObject({ open: 0, sessions: 0 });
  });

  it('tells of too few samples, of those it could not read, and of constant activations', async () => {
    const { model, store } = smallModel([-100, -100, -100]);
    const samples = memorySamples(18, (i) => ({ x: normalArray(i + 1, [2, 3]) }), { unreadable: new Set([3, 4, 5]) });
    const source = createEvidence({ samples, openRuntime: watch().openRuntime });
    expect(source.notices).toEqual([]);
    const ranges = await source.about(model, store, {}).ranges(idsOf(model, 'positive'), minmax);
    expect([...ranges.values()]).toEqual([{ low: 0, high: 0, min: 0, max: 0, count: 90, clipped: 0 }]);
    expect(source.notices.map(({ level, code, at }) => [level, code, at])).toEqual([
      ['warning', 'calibration/few-samples', '18 samples in memory'],
      ['warning', 'calibration/unreadable', 'sample-3'],
      ['info', 'calibration/constant', 'positive'],
    ]);
    expect(source.failures.map(({ sample }) => sample)).toEqual(['sample-3', 'sample-4', 'sample-5']);
    expect(source.notices[0]?.text).toMatch(/15 samples only/);
  });

  it('stops when it is cancelled, ends the runtime, and works again', async () => {
    const { model, store } = smallModel();
    const watched = watch();
    const controller = new AbortController();
    const source = createEvidence({ samples: twenty(), openRuntime: watched.openRuntime });
    const ids = idsOf(model, 'y');
    const work = {
      signal: controller.signal,
      onProgress: ({ done }: { readonly done: number }): void => {
        if (done === 5) controller.abort();
      },
    };
    await expect(source.about(model, store, work).ranges(ids, minmax)).rejects.toBeInstanceOf(Cancelled);
    expect(watched).toMatchObject({ open: 0, sessions: 0 });
    expect((await source.about(model, store, {}).ranges(ids, minmax)).size).toBe(1);
  });

  it('keeps extremes of channels where they are asked for', async () => {
    const { model, store } = smallModel();
    const source = createEvidence({ samples: twenty(), openRuntime: watch().openRuntime });
    const [x] = idsOf(model, 'x') as [ValueId];
    const statistics = await source.statisticsOf(model, store, [x], { channelAxes: new Map([[x, 1]]) });
    const all = Array.from({ length: 20 }, (_, i) => [...(normalArray(i + 1, [2, 3]).data as Float32Array)]).flat();
    const column = (channel: number): number[] => all.filter((_, i) => i % 3 === channel);
    expect(statistics.get(x)?.channels).toEqual({
      axis: 1,
      min: Float64Array.from([0, 1, 2], (channel) => Math.min(...column(channel))),
      max: Float64Array.from([0, 1, 2], (channel) => Math.max(...column(channel))),
      mean: expect.any(Float64Array),
    });
    for (const channel of [0, 1, 2]) {
      const mean = column(channel).reduce((sum, value) => sum + value, 0) / column(channel).length;
      expect(statistics.get(x)?.channels?.mean[channel]).toBeCloseTo(mean, 6);
    }
  });

  it('reads float16 values', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f16', shape: [3] } },
      outputs: { y: { dtype: 'f16', shape: [3] } },
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
    });
    // 1.5, -2, 0.25.
    const half: NdArray = { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3e00, 0xc000, 0x3400) };
    const source = createEvidence({
      samples: memorySamples(16, () => ({ x: half })),
      openRuntime: watch().openRuntime,
    });
    const ranges = await source.about(model, store, {}).ranges(idsOf(model, 'x', 'y'), minmax);
    expect([...ranges.values()].map(({ min, max }) => [min, max])).toEqual([
      [-2, 1.5],
      [-1.5, 2],
    ]);
  });
});
