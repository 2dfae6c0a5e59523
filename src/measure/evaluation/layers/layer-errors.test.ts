import { beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '#base/dtype.ts';
import { packElements } from '#ir/testing/build.ts';
import { buildModel } from '#ir/testing/build.ts';
import type { BuildModel } from '#ir/testing/build.ts';
import { seededRandom } from '#base/random.ts';
import type { Sample } from '#data/samples.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model, Node, Quantization, ValueId } from '#ir/model.ts';
import { verifyModel } from '#ir/verify.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { LayerActivationError } from '#measure/evaluation/report.ts';
import { f32, samplesFrom } from '#measure/evaluation/testing/samples.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { layerErrors } from './layer-errors.ts';

interface Grid {
  readonly scale: number;
  readonly zero: number;
  readonly levels: DType;
}

const RANGES: Partial<Record<DType, readonly [number, number]>> = {
  u8: [0, 255],
  u16: [0, 65535],
  i8: [-128, 127],
  i2: [-2, 1],
};

function rint(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** What a value becomes on a grid. */
function rounded(x: number, { scale, zero, levels }: Grid): number {
  const [low, high] = RANGES[levels] ?? [0, 0];
  return scale * (Math.max(low, Math.min(high, rint(x / scale) + zero)) - zero);
}

function clipped(x: number, { scale, zero, levels }: Grid): number {
  const [low, high] = RANGES[levels] ?? [0, 0];
  return Math.max(scale * (low - zero), Math.min(scale * (high - zero), x));
}

/** Turns a float model into a quantized one by hand. */
class ByHand {
  readonly #store: WeightStore;
  readonly #edit;

  constructor(model: Model, store: WeightStore) {
    this.#store = store;
    this.#edit = openEditor(model);
  }

  #id(name: string): ValueId {
    const value = [...this.#edit.graph.values.values()].find((candidate) => candidate.name === name);
    if (value === undefined) throw new Error(`no value ${name}`);
    return value.id;
  }

  #node(name: string): Node {
    const node = this.#edit.nodes().find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  #quantization({ scale, zero, levels }: Grid): Quantization {
    return {
      scale: this.#store.put('f32', [], packElements('f32', [], [scale])),
      zeroPoint: this.#store.put(levels, [], packElements(levels, [], [zero])),
    };
  }

  weight(name: string, shape: readonly number[], values: readonly number[], grid: Grid): this {
    const levels = values.map((value) => rint(rounded(value, grid) / grid.scale) + grid.zero);
    const tensor = this.#store.put(grid.levels, shape, packElements(grid.levels, shape, levels));
    this.#edit.setConstant(this.#id(name), tensor, this.#quantization(grid), 'f32');
    return this;
  }

  activation(name: string, grid: Grid): this {
    this.#edit.setQuantization(this.#id(name), { ...this.#quantization(grid), levels: grid.levels });
    return this;
  }

  /** Takes a Relu away: the layer before it makes its output. */
  fold(name: string): this {
    const relu = this.#node(name);
    const [from, to] = [relu.inputs[0]!, relu.outputs[0]!];
    const maker = this.#edit.producer(from)!;
    this.#edit.removeNode(relu);
    this.#edit.removeNode(maker);
    const { op, inputs, attrs } = maker;
    this.#edit.addNode({ name: maker.name, op, inputs, outputs: [to], attrs }, { before: this.#edit.users(to)[0]! });
    return this;
  }

  /** Lets a layer read a copy of its input that is rounded again. */
  again(name: string, grid: Grid): this {
    const node = this.#node(name);
    const [input, ...rest] = node.inputs;
    const { dtype, shape } = this.#edit.value(input!);
    const copy = this.#edit.addNode(
      { name: `${name}_again`, op: 'Identity', inputs: [input!], outputs: [{ name: `${name}_input`, dtype, shape }] },
      { before: node },
    );
    this.#edit.setInputs(node, [copy.outputs[0]!, ...rest]);
    return this.activation(`${name}_input`, grid);
  }

  /** Takes a Relu away: its readers read what the layer before it makes. */
  foldForward(name: string): this {
    const node = this.#node(name);
    this.#edit.replaceUses(node.outputs[0]!, node.inputs[0]!, true);
    this.#edit.removeNode(node);
    return this;
  }

  finish(): Model {
    const model = this.#edit.finish();
    expect(verifyModel(model)).toEqual([]);
    return model;
  }
}

const random = seededRandom(3);
const draw = (count: number, scale = 1): number[] => Array.from({ length: count }, () => scale * random.normal());

const W1 = draw(4 * 3);
const W2 = draw(3 * 2);
const INPUTS = Array.from({ length: 40 }, () => draw(4));

const spec: BuildModel = {
  opset: 17,
  inputs: { x: { dtype: 'f32', shape: [1, 4] } },
  outputs: { y: { dtype: 'f32', shape: [1, 2] } },
  initializers: {
    w1: { dtype: 'f32', shape: [4, 3], data: W1 },
    w2: { dtype: 'f32', shape: [3, 2], data: W2 },
  },
  nodes: [
    { op: 'MatMul', name: 'first', inputs: ['x', 'w1'], outputs: ['h'] },
    { op: 'Relu', name: 'relu', inputs: ['h'], outputs: ['r'] },
    { op: 'MatMul', name: 'second', inputs: ['r', 'w2'], outputs: ['y'] },
  ],
};

const XGRID: Grid = { scale: 4 / 128, zero: 128, levels: 'u8' };
const RGRID: Grid = { scale: 4 / 255, zero: 0, levels: 'u8' };
const YGRID: Grid = { scale: 10 / 128, zero: 120, levels: 'u8' };
const W1GRID: Grid = { scale: 3 / 127, zero: 0, levels: 'i8' };
const W2GRID: Grid = { scale: 3 / 127, zero: 0, levels: 'i8' };

type Row = readonly number[];

function product(x: Row, w: Row, columns: number): number[] {
  return Array.from({ length: columns }, (_, n) =>
    x.reduce((sum, value, k) => sum + value * (w[k * columns + n] ?? 0), 0),
  );
}

const relu = (x: Row): number[] => x.map((value) => Math.max(0, value));
const on = (x: Row, grid: Grid): number[] => x.map((value) => rounded(value, grid));
const within = (x: Row, grid: Grid): number[] => x.map((value) => clipped(value, grid));

/** 10 log10 of signal over error, both summed over all inputs. */
function sqnr(rows: readonly (readonly [reference: Row, x: Row, y: Row])[]): number {
  let signal = 0;
  let error = 0;
  for (const [reference, x, y] of rows) {
    for (const [i, value] of reference.entries()) {
      signal += value ** 2;
      error += ((x[i] ?? NaN) - (y[i] ?? NaN)) ** 2;
    }
  }
  return 10 * Math.log10(signal / error);
}

const samples = samplesFrom(
  INPUTS.map((x, i): Sample => ({ name: `row ${i}`, feeds: new Map([['x', f32([1, 4], x)]]), classes: null })),
);

describe('layerErrors', () => {
  let node: Runtime;
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    node = await openOnnxruntimeNode();
    runtimes = [node, await openOnnxruntimeWeb()];
  });

  async function measure(
    quantize: (byHand: ByHand) => ByHand,
    more: { readonly spec?: BuildModel; readonly budgetBytes?: number; readonly runtime?: Runtime } = {},
  ) {
    const { model, store } = buildModel(more.spec ?? spec);
    const after = quantize(new ByHand(model, store)).finish();
    const errors = await layerErrors({
      before: { model, weights: store },
      after: { model: after, weights: store },
      samples,
      runtime: more.runtime ?? node,
      ...(more.budgetBytes === undefined ? {} : { budgetBytes: more.budgetBytes }),
    });
    return { errors, byLayer: new Map(errors.layers.map((layer) => [layer.layer, layer])) };
  }

  const all = (byHand: ByHand): ByHand =>
    byHand
      .weight('w1', [4, 3], W1, W1GRID)
      .weight('w2', [3, 2], W2, W2GRID)
      .activation('x', XGRID)
      .activation('r', RGRID)
      .activation('y', YGRID);

  /** The same figures, computed plainly in double precision. */
  const w1 = on(W1, W1GRID);
  const w2 = on(W2, W2GRID);
  const first = INPUTS.map((x) => {
    const r = relu(product(x, W1, 3));
    const clip = within(relu(product(within(x, XGRID), W1, 3)), RGRID);
    return {
      r,
      alone: on(product(on(x, XGRID), w1, 3), RGRID),
      weight: relu(product(x, w1, 3)),
      clip,
      round: on(relu(product(on(x, XGRID), W1, 3)), RGRID),
    };
  });
  const second = first.map(({ r, alone: before }) => {
    const y = product(r, W2, 2);
    return {
      y,
      alone: on(product(on(r, RGRID), w2, 2), YGRID),
      weight: product(r, w2, 2),
      clip: within(product(within(r, RGRID), W2, 2), YGRID),
      round: on(product(on(r, RGRID), W2, 2), YGRID),
      cumulative: on(product(before, w2, 2), YGRID),
    };
  });

  function expectFirst(layer: LayerActivationError | undefined): void {
    expect(layer?.alone.sqnrDb).toBeCloseTo(sqnr(first.map(({ r, alone }) => [r, r, alone])), 2);
    expect(layer?.weightRounding?.sqnrDb).toBeCloseTo(sqnr(first.map(({ r, weight }) => [r, r, weight])), 2);
    expect(layer?.activationClipping?.sqnrDb).toBeCloseTo(sqnr(first.map(({ r, clip }) => [r, r, clip])), 2);
    expect(layer?.activationRounding?.sqnrDb).toBeCloseTo(sqnr(first.map(({ r, clip, round }) => [r, clip, round])), 2);
    // Nothing before it is quantized but its own input.
    expect(layer?.cumulative?.sqnrDb).toBeCloseTo(layer?.alone.sqnrDb ?? NaN, 1);
  }

  it('agrees with a plain computation in both runtimes', async () => {
    for (const runtime of runtimes) {
      const { errors, byLayer } = await measure((byHand) => all(byHand).fold('relu'), { runtime });
      expect(errors.layers.map((layer) => [layer.layer, layer.op, layer.output])).toEqual([
        ['first', 'MatMul', 'r'],
        ['second', 'MatMul', 'y'],
      ]);
      expect([errors.samples, errors.data, errors.notices]).toEqual([40, '40 samples of a test', []]);
      expect(errors.method).toContain(runtime.description);
      expectFirst(byLayer.get('first'));
      const layer = byLayer.get('second');
      expect(layer?.alone.sqnrDb).toBeCloseTo(sqnr(second.map(({ y, alone }) => [y, y, alone])), 2);
      expect(layer?.weightRounding?.sqnrDb).toBeCloseTo(sqnr(second.map(({ y, weight }) => [y, y, weight])), 2);
      expect(layer?.activationClipping?.sqnrDb).toBeCloseTo(sqnr(second.map(({ y, clip }) => [y, y, clip])), 2);
      expect(layer?.activationRounding?.sqnrDb).toBeCloseTo(
        sqnr(second.map(({ y, clip, round }) => [y, clip, round])),
        2,
      );
      expect(layer?.cumulative?.sqnrDb).toBeCloseTo(sqnr(second.map(({ y, cumulative }) => [y, y, cumulative])), 1);
    }
  });

  it('finds what a folded activation stands for when its readers read the layer before it', async () => {
    const { byLayer } = await measure((byHand) =>
      byHand
        .weight('w1', [4, 3], W1, W1GRID)
        .weight('w2', [3, 2], W2, W2GRID)
        .activation('x', XGRID)
        .activation('h', RGRID)
        .activation('y', YGRID)
        .foldForward('relu'),
    );
    expect(byLayer.get('first')?.output).toBe('h');
    expectFirst(byLayer.get('first'));
    expect(byLayer.get('second')?.alone.sqnrDb).toBeCloseTo(sqnr(second.map(({ y, alone }) => [y, y, alone])), 2);
  });

  it('measures group after group with the same result', async () => {
    const whole = await measure((byHand) => all(byHand).fold('relu'));
    const parts = await measure((byHand) => all(byHand).fold('relu'), { budgetBytes: 1 });
    expect(parts.errors.layers).toEqual(whole.errors.layers);
  });

  it('shows a range that is too narrow as clipping, in the layer that makes the value and in the one that reads it', async () => {
    const { byLayer } = await measure((byHand) =>
      byHand
        .weight('w1', [4, 3], W1, W1GRID)
        .weight('w2', [3, 2], W2, W2GRID)
        .activation('x', XGRID)
        .activation('r', { scale: 0.5 / 255, zero: 0, levels: 'u8' })
        .activation('y', YGRID)
        .fold('relu'),
    );
    for (const { activationClipping, activationRounding, weightRounding } of byLayer.values()) {
      expect(activationClipping?.sqnrDb).toBeLessThan(10);
      expect(activationRounding?.sqnrDb).toBeGreaterThan(30);
      expect(weightRounding?.sqnrDb).toBeGreaterThan(30);
    }
  });

  it('shows two bits of weights as weight rounding, without grids on activations', async () => {
    const grid: Grid = { scale: 1, zero: 0, levels: 'i2' };
    // Four columns: onnxruntime 1.30 computes products with 2-bit weights wrongly where their number is no multiple of four.
    const w = draw(16);
    const one: BuildModel = {
      opset: 25,
      inputs: { x: { dtype: 'f32', shape: [1, 4] } },
      outputs: { y: { dtype: 'f32', shape: [1, 4] } },
      initializers: { w: { dtype: 'f32', shape: [4, 4], data: w } },
      nodes: [{ op: 'MatMul', name: 'first', inputs: ['x', 'w'], outputs: ['y'] }],
    };
    const { byLayer, errors } = await measure((byHand) => byHand.weight('w', [4, 4], w, grid), { spec: one });
    expect(errors.layers.map((layer) => layer.layer)).toEqual(['first']);
    const coarse = on(w, grid);
    const plain = sqnr(INPUTS.map((x) => [product(x, w, 4), product(x, w, 4), product(x, coarse, 4)]));
    const layer = byLayer.get('first');
    expect(layer?.weightRounding?.sqnrDb).toBeCloseTo(plain, 3);
    expect(layer?.alone).toEqual(layer?.weightRounding);
    expect(layer?.cumulative?.sqnrDb).toBeCloseTo(plain, 3);
    expect([layer?.activationClipping, layer?.activationRounding]).toEqual([null, null]);
    expect(plain).toBeLessThan(15);
  });

  it('follows a value that is rounded twice', async () => {
    const coarse: Grid = { scale: 4 / 16, zero: 0, levels: 'u8' };
    const { byLayer, errors } = await measure((byHand) => all(byHand).fold('relu').again('second', coarse));
    const plain = second.map(
      ({ y }, i) => [y, y, on(product(on(on(first[i]!.r, RGRID), coarse), w2, 2), YGRID)] as const,
    );
    expect(byLayer.get('second')?.alone.sqnrDb).toBeCloseTo(sqnr(plain), 2);
    expect(errors.layers).toHaveLength(2);
  });

  it('has the error worked out by hand', async () => {
    // y = 2 x; x on steps of 1, y on steps of 4. Of x = 0.5, 1.25 and 3: x' = 0, 1, 3 and y = 1, 2.5, 6.
    // Alone: y' = 0, 2 -> 0 (2 / 4 is half, to even), 6 -> 8: errors 1, 2.5, 2.
    const tiny: BuildModel = {
      opset: 13,
      inputs: { x: { dtype: 'f32', shape: [1, 1] } },
      outputs: { y: { dtype: 'f32', shape: [1, 1] } },
      initializers: { w: { dtype: 'f32', shape: [1, 1], data: [2] } },
      nodes: [{ op: 'MatMul', name: 'twice', inputs: ['x', 'w'], outputs: ['y'] }],
    };
    const { model, store } = buildModel(tiny);
    const after = new ByHand(model, store)
      .weight('w', [1, 1], [2], { scale: 1, zero: 0, levels: 'i8' })
      .activation('x', { scale: 1, zero: 0, levels: 'u8' })
      .activation('y', { scale: 4, zero: 0, levels: 'u8' })
      .finish();
    const list = [0.5, 1.25, 3].map((x): Sample => ({
      name: '',
      feeds: new Map([['x', f32([1, 1], [x])]]),
      classes: null,
    }));
    const both = { before: { model, weights: store }, after: { model: after, weights: store } };
    const { layers } = await layerErrors({ ...both, samples: samplesFrom(list), runtime: node });
    const [layer] = layers;
    const signal = 1 + 6.25 + 36;
    expect(layer?.alone.mse).toBeCloseTo((1 + 6.25 + 4) / 3, 6);
    expect(layer?.alone.sqnrDb).toBeCloseTo(10 * Math.log10(signal / 11.25), 5);
    expect(layer?.cumulative?.mse).toBeCloseTo((1 + 6.25 + 4) / 3, 6);
    expect(layer?.weightRounding).toEqual({ mse: 0, sqnrDb: Infinity });
    expect(layer?.activationClipping).toEqual({ mse: 0, sqnrDb: Infinity });
    expect(layer?.activationRounding?.mse).toBeCloseTo((1 + 6.25 + 4) / 3, 6);
  });

  it('raises a float model that is too old to spell rounding', async () => {
    const { byLayer } = await measure((byHand) => all(byHand).fold('relu'), { spec: { ...spec, opset: 10 } });
    expectFirst(byLayer.get('first'));
  });

  it('takes as many samples as are asked for, and lists what cannot be measured', async () => {
    const { model, store } = buildModel(spec);
    const after = all(new ByHand(model, store)).fold('relu').finish();
    const { model: other, store: weights } = buildModel({
      ...spec,
      nodes: [
        { op: 'MatMul', name: 'first', inputs: ['x', 'w1'], outputs: ['h'] },
        { op: 'Relu', name: 'relu', inputs: ['h'], outputs: ['renamed'] },
        { op: 'MatMul', name: 'second', inputs: ['renamed', 'w2'], outputs: ['y'] },
      ],
    });
    const work = { after: { model: after, weights: store }, samples, runtime: node };
    const counted = await layerErrors({ ...work, before: { model, weights: store }, count: 5 });
    expect(samples.asked.slice(-5)).toEqual([0, 8, 16, 24, 32]);
    expect([counted.samples, counted.data]).toEqual([5, '5, evenly spread, of 40 samples of a test']);
    const { layers, notices } = await layerErrors({ ...work, before: { model: other, weights }, count: 5 });
    expect(layers.map((layer) => layer.layer)).toEqual(['first']);
    expect(notices.map(({ at, text }) => [at, text])).toEqual([
      ['second', 'its error is not measured: the float model has no value r that it reads.'],
    ]);
    const none = await layerErrors({ ...work, before: { model, weights: store }, after: { model, weights: store } });
    expect([none.layers, none.notices.map((notice) => notice.code)]).toEqual([[], ['layers/none']]);
    const signal = AbortSignal.abort();
    await expect(layerErrors({ ...work, before: { model, weights: store }, signal })).rejects.toThrow('Cancelled');
  });

  it('carries the state of each model by itself', async () => {
    // y = w (x + state), and y is the next state: the error of the finished model grows along the sequence.
    const recurrent: BuildModel = {
      opset: 17,
      inputs: { x: { dtype: 'f32', shape: [1, 1] }, state: { dtype: 'f32', shape: [1, 1] } },
      outputs: { y: { dtype: 'f32', shape: [1, 1] } },
      initializers: { w: { dtype: 'f32', shape: [1, 1], data: [0.75] } },
      nodes: [
        { op: 'Add', name: 'add', inputs: ['x', 'state'], outputs: ['sum'] },
        { op: 'MatMul', name: 'layer', inputs: ['sum', 'w'], outputs: ['y'] },
      ],
    };
    const { model, store } = buildModel(recurrent);
    const after = new ByHand(model, store).weight('w', [1, 1], [0.75], { scale: 1, zero: 0, levels: 'i8' }).finish();
    const list = [1, 2, 4].map((x): Sample => ({
      name: '',
      classes: null,
      sequence: 'only',
      feeds: new Map([
        ['x', f32([1, 1], [x])],
        ['state', f32([1, 1], [0])],
      ]),
    }));
    const { layers } = await layerErrors({
      before: { model, weights: store },
      after: { model: after, weights: store },
      samples: samplesFrom(list, new Map([['state', 'y']])),
      runtime: node,
    });
    // Float: 0.75, 2.0625, 4.546875. Alone, with a weight of 1: 1, 2.75, 6.0625. Finished: 1, 3, 7.
    const [layer] = layers;
    expect(layer?.alone.mse).toBeCloseTo((0.25 ** 2 + 0.6875 ** 2 + 1.515625 ** 2) / 3, 6);
    expect(layer?.cumulative?.mse).toBeCloseTo((0.25 ** 2 + 0.9375 ** 2 + 2.453125 ** 2) / 3, 6);
  });
});
