/** Sessions of the interpreter: what they take and give, grids on values, and what they refuse in a sentence. */
import { describe, expect, it } from 'vitest';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { Model, Quantization } from '#ir/model.ts';
import { buildModel, buildTensor, type BuildModel, type BuildNode } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';
import { arrayOf } from '#measure/numbers.ts';
import { runnable } from '#measure/testing/run-model.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { interpreter, openInterpreter } from './interpreter.ts';
import { real } from '#measure/testing/operator-case.ts';

const listOf = ({ data }: NdArray): readonly number[] => Array.from(data as ArrayLike<number>, Number);

async function failureOf(work: Promise<unknown>): Promise<PareError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PareError) return error;
  throw new Error('expected a PareError');
}

const RELU: BuildModel = {
  inputs: { x: { dtype: 'f32', shape: ['batch', 2] } },
  outputs: { y: { dtype: 'f32', shape: ['batch', 2] } },
  nodes: [{ op: 'Relu', name: 'act', inputs: ['x'], outputs: ['y'] }],
};

describe('a session', () => {
  it('lists inputs and outputs as the model declares them, and runs more than once', async () => {
    const { model, store } = buildModel(RELU);
    const session = await openInterpreter(model, store);
    expect(session.inputs).toEqual([{ name: 'x', dtype: 'f32', shape: ['batch', 2] }]);
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'f32', shape: ['batch', 2] }]);
    for (const batch of [1, 3]) {
      const x = arrayOf(
        'f32',
        [batch, 2],
        Array.from({ length: 2 * batch }, (_, at) => at - 2),
      );
      const y = (await session.run(new Map([['x', x]]))).get('y')!;
      expect(y.shape).toEqual([batch, 2]);
      expect(listOf(y)).toEqual(listOf(x).map((value) => Math.max(value, 0)));
    }
    await session.close();
  });

  it('opens the bytes of a file as a runtime does', async () => {
    const { model, store } = buildModel(RELU);
    const session = await interpreter.load(await runnable(model, store));
    const results = await session.run(new Map([['x', arrayOf('f32', [1, 2], [-1, 2])]]));
    expect(listOf(results.get('y')!)).toEqual([0, 2]);
  });

  it('takes a value for a constant that is listed as an input', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [2] } },
      outputs: { y: { dtype: 'f32', shape: [2] } },
      initializers: { b: { dtype: 'f32', shape: [2], data: [1, 1] } },
      initializersAsInputs: ['b'],
      nodes: [{ op: 'Add', inputs: ['x', 'b'], outputs: ['y'] }],
    });
    const session = await openInterpreter(model, store);
    expect(session.inputs.map(({ name }) => name)).toEqual(['x']);
    const x = arrayOf('f32', [2], [5, 6]);
    expect(listOf((await session.run(new Map([['x', x]]))).get('y')!)).toEqual([6, 7]);
    const b = arrayOf('f32', [2], [10, 20]);
    expect(listOf((await session.run(new Map(Object.entries({ x, b })))).get('y')!)).toEqual([15, 26]);
  });

  it('does not change what it was fed', async () => {
    const { model, store } = buildModel({
      ...RELU,
      nodes: [{ op: 'ScatterND', inputs: ['x', 'at', 'to'], outputs: ['y'] }],
      initializers: {
        at: { dtype: 'i64', shape: [1, 1], data: [0] },
        to: { dtype: 'f32', shape: [1, 2], data: [8, 9] },
      },
    });
    const x = arrayOf('f32', [2, 2], [1, 2, 3, 4]);
    const results = await (await openInterpreter(model, store)).run(new Map([['x', x]]));
    expect(listOf(results.get('y')!)).toEqual([8, 9, 3, 4]);
    expect(listOf(x)).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['nothing', new Map(), 'runtime/input-missing'],
    ['another type', new Map([['x', arrayOf('i32', [1, 2], [1, 2])]]), 'runtime/input-type'],
    ['another rank', new Map([['x', arrayOf('f32', [2], [1, 2])]]), 'runtime/input-shape'],
    ['another size', new Map([['x', arrayOf('f32', [1, 3], [1, 2, 3])]]), 'runtime/input-shape'],
  ])('refuses %s', async (_, feeds, code) => {
    const { model, store } = buildModel(RELU);
    const session = await openInterpreter(model, store);
    expect((await failureOf(session.run(feeds))).parts).toMatchObject({ code, place: 'input x' });
  });
});

describe('what is not computed', () => {
  const run = async (node: BuildNode): Promise<PareError> => {
    const { model, store } = buildModel({ ...RELU, nodes: [node] });
    const session = await openInterpreter(model, store);
    return failureOf(session.run(new Map([['x', arrayOf('f32', [1, 2], [1, 2])]])));
  };

  it('is named with its node', async () => {
    const error = await run({ op: 'Fancy', domain: 'my.own', name: 'layer', inputs: ['x'], outputs: ['y'] });
    expect(error.message).toBe('Fancy layer: the operator my.own.Fancy is not computed here.');
  });

  it('is told with the reason of its reader when it is opaque', async () => {
    const attrs = { reason: 'It is a custom operator.', hint: 'Replace it.' };
    const error = await run({ op: 'Mystery', domain: 'tflite', name: 'layer', inputs: ['x'], outputs: ['y'], attrs });
    expect(error.message).toBe('Mystery layer: It is a custom operator. Replace it.');
  });

  it('is a sentence for nodes that break a rule', async () => {
    const { model, store } = buildModel({
      ...RELU,
      initializers: { one: { dtype: 'i64', shape: [1], data: [1] }, zero: { dtype: 'i64', shape: [1], data: [0] } },
      nodes: [{ op: 'Slice', name: 'layer', inputs: ['x', 'zero', 'one', 'one', 'zero'], outputs: ['y'] }],
    });
    const session = await openInterpreter(model, store);
    const error = await failureOf(session.run(new Map([['x', arrayOf('f32', [1, 2], [1, 2])]])));
    expect(error.message).toBe(
      'Slice layer: it breaks a rule of its operator (a slice must step forwards or backwards).',
    );
  });

  it('is a sentence for results that are too large', async () => {
    const { model, store } = buildModel({
      ...RELU,
      initializers: { huge: { dtype: 'i64', shape: [3], data: [100_000, 100_000, 2] } },
      nodes: [{ op: 'Expand', name: 'layer', inputs: ['x', 'huge'], outputs: ['y'] }],
    });
    const session = await openInterpreter(model, store);
    const error = await failureOf(session.run(new Map([['x', arrayOf('f32', [1, 2], [1, 2])]])));
    expect(error.message).toBe('Expand layer: its result of 20000000000 elements is too large to be computed here.');
  });

  it('is a sentence for inputs that do not go together', async () => {
    const { model, store } = buildModel({
      ...RELU,
      initializers: { w: { dtype: 'f32', shape: [3, 2], data: [1, 2, 3, 4, 5, 6] } },
      nodes: [{ op: 'MatMul', name: 'layer', inputs: ['x', 'w'], outputs: ['y'] }],
    });
    const session = await openInterpreter(model, store);
    const error = await failureOf(session.run(new Map([['x', arrayOf('f32', [1, 2], [1, 2])]])));
    expect(error.message).toBe('MatMul layer: it breaks a rule of its operator (2 columns meet 3 rows).');
  });

  it('is a sentence for positions outside', async () => {
    const { model, store } = buildModel({
      ...RELU,
      initializers: { at: { dtype: 'i64', shape: [1, 1], data: [9] } },
      nodes: [{ op: 'GatherElements', name: 'layer', inputs: ['x', 'at'], outputs: ['y'] }],
    });
    const session = await openInterpreter(model, store);
    const error = await failureOf(session.run(new Map([['x', arrayOf('f32', [1, 2], [1, 2])]])));
    expect(error.message).toBe('GatherElements layer: the position 9 lies outside an axis of 1.');
  });
});

/** The model with grids on some values. */
function withGrids(model: Model, grids: Readonly<Record<string, Quantization>>): Model {
  const values = new Map(model.graph.values);
  for (const value of values.values()) {
    const quantization = grids[value.name];
    if (quantization !== undefined) values.set(value.id, { ...value, quantization });
  }
  return { ...model, graph: { ...model.graph, values } };
}

function gridOf(store: WeightStore, levels: DType, scale: number, zero: number): Quantization {
  return {
    levels,
    scale: buildTensor(store, { dtype: 'f32', shape: [], data: [scale] }),
    zeroPoint: buildTensor(store, { dtype: levels, shape: [], data: [zero] }),
  };
}

describe('grids', () => {
  it.each(['u8', 'i8', 'i16'] as const)('round what is fed, made and given, to %s', async (levels) => {
    const built = buildModel({
      opset: 21,
      irVersion: 10,
      inputs: { x: { dtype: 'f32', shape: [2, 8] } },
      outputs: { y: { dtype: 'f32', shape: [2, 4] } },
      initializers: {
        w: { dtype: 'i8', shape: [8, 4], data: Array.from({ length: 32 }, (_, at) => ((at * 37) % 251) - 125) },
      },
      nodes: [
        { op: 'Relu', inputs: ['x'], outputs: ['h'] },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
    });
    const { store } = built;
    const model = withGrids(built.model, {
      x: gridOf(store, levels, 0.013, levels === 'u8' ? 120 : 3),
      h: gridOf(store, levels, 0.011, levels === 'u8' ? 0 : -100),
      y: gridOf(store, levels, 0.05, levels === 'u8' ? 130 : 0),
      w: {
        scale: buildTensor(store, { dtype: 'f32', shape: [4], data: [0.01, 0.02, 0.03, 0.005] }),
        zeroPoint: buildTensor(store, { dtype: 'i8', shape: [4], data: [0, 5, -7, 1] }),
        axis: 1,
      },
    });
    const real32 = new Map(
      [...model.graph.values].map(([id, value]) => [
        id,
        value.name === 'w' ? { ...value, dtype: 'f32' as const } : value,
      ]),
    );
    const typed = { ...model, graph: { ...model.graph, values: real32 } };
    const runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
    const reference = await runtime.load(await runnable(typed, store));
    const x = arrayOf('f32', [2, 8], real([2, 8]).data.map(Number));
    const expected = (await reference.run(new Map([['x', x]]))).get('y')!;
    await reference.close();
    const actual = (await (await openInterpreter(typed, store)).run(new Map([['x', x]]))).get('y')!;
    expect(listOf(actual)).toEqual(listOf(expected));
    // What is given lies on the grid of the output.
    for (const value of listOf(actual)) expect(Math.abs(value / 0.05 - Math.round(value / 0.05))).toBeLessThan(1e-4);
  });

  it.each([
    ['blocks', { axis: 0, block: 4 }, [2, 4]],
    ['channels', { axis: 0 }, [8]],
    ['a tensor', {}, []],
  ])('make constants real by %s', async (_, placing, scaleShape) => {
    const built = buildModel({
      opset: 21,
      irVersion: 10,
      inputs: { x: { dtype: 'f32', shape: [2, 8] } },
      outputs: { y: { dtype: 'f32', shape: [2, 4] } },
      initializers: {
        w: { dtype: 'i4', shape: [8, 4], data: Array.from({ length: 32 }, (__, at) => ((at * 5) % 16) - 8) },
      },
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    });
    const { store } = built;
    const scale = buildTensor(store, real(scaleShape, 0.1, 0.9));
    const quantized = withGrids(built.model, { w: { scale, ...placing } });
    const values = new Map(
      [...quantized.graph.values].map(([id, value]) => [
        id,
        value.name === 'w' ? { ...value, dtype: 'f32' as const } : value,
      ]),
    );
    const model = { ...quantized, graph: { ...quantized.graph, values } };
    const runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
    const reference = await runtime.load(await runnable(model, store));
    const x = arrayOf('f32', [2, 8], real([2, 8]).data.map(Number));
    const expected = listOf((await reference.run(new Map([['x', x]]))).get('y')!);
    await reference.close();
    const actual = listOf((await (await openInterpreter(model, store)).run(new Map([['x', x]]))).get('y')!);
    for (const [at, value] of expected.entries()) expect(actual[at]).toBeCloseTo(value, 5);
  });
});
