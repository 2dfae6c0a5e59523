/** A pass that promises to keep bits or values changes no output of random small graphs. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { inferShapes } from '#ops/infer.ts';
import { PASSES } from '#passes/index.ts';
import { quantizeStatic } from '#passes/quantize/static.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { minMaxEvidence } from './testing/min-max-evidence.ts';
import { outputErrors, runnable } from './testing/run-model.ts';
import { randomFeeds } from './random-inputs.ts';

/** `values` means up to float rounding: 1e-5 of the signal. */
const SAME_VALUES_DB = 100;

/** Layers that keep a [1, 4, 6, 5] shape, each made from the value before it. */
type Step = (graph: Draft, from: string) => string;

class Draft {
  readonly nodes: BuildNode[] = [];
  readonly initializers: Record<string, BuildTensor> = {};
  readonly #random;
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }
  constant(shape: readonly number[], make = (): number => this.#random.normal()): string {
    const name = `c${String(Object.keys(this.initializers).length)}`;
    this.initializers[name] = { dtype: 'f32', shape, data: Float32Array.from({ length: countOf(shape) }, make) };
    return name;
  }
  positive(shape: readonly number[]): string {
    return this.constant(shape, () => 0.2 + this.#random.uniform());
  }
  ints(values: readonly number[]): string {
    const name = `c${String(Object.keys(this.initializers).length)}`;
    this.initializers[name] = { dtype: 'i64', shape: [values.length], data: values };
    return name;
  }
  add(op: string, inputs: string[], attrs: NonNullable<BuildNode['attrs']> = {}): string {
    const output = `v${String(this.nodes.length)}`;
    this.nodes.push({ op, name: `n${String(this.nodes.length)}`, inputs, outputs: [output], attrs });
    return output;
  }
}

const STEPS: Readonly<Record<string, Step>> = {
  Relu: (graph, x) => graph.add('Relu', [x]),
  Identity: (graph, x) => graph.add('Identity', [x]),
  'Add of zero': (graph, x) => graph.add('Add', [x, graph.constant([1], () => 0)]),
  'Mul by one': (graph, x) => graph.add('Mul', [graph.constant([1, 4, 1, 1], () => 1), x]),
  'Mul by constants': (graph, x) => graph.add('Mul', [x, graph.add('Exp', [graph.constant([4, 1, 1])])]),
  'Sum of itself': (graph, x) => graph.add('Add', [x, graph.add('Tanh', [x])]),
  'Transpose there and back': (graph, x) =>
    graph.add('Transpose', [graph.add('Transpose', [x], { perm: [0, 2, 3, 1] })], { perm: [0, 3, 1, 2] }),
  'Reshape there and back': (graph, x) =>
    graph.add('Reshape', [graph.add('Reshape', [x, graph.ints([1, -1])]), graph.ints([1, 4, 6, 5])]),
  Conv: (graph, x) => graph.add('Conv', [x, graph.constant([4, 4, 3, 3]), graph.constant([4])], { pads: [1, 1, 1, 1] }),
  'Conv, depthwise, normalized': (graph, x) =>
    norm(graph, graph.add('Conv', [x, graph.constant([4, 1, 3, 3])], { group: 4, pads: [1, 1, 1, 1] })),
  'ConvTranspose, grouped, normalized': (graph, x) =>
    norm(graph, graph.add('ConvTranspose', [x, graph.constant([4, 2, 3, 3])], { group: 2, pads: [1, 1, 1, 1] })),
  'Normalization alone': (graph, x) => norm(graph, graph.add('Sigmoid', [x])),
  'Slice of everything': (graph, x) =>
    graph.add('Slice', [x, graph.ints([0]), graph.ints([9_000_000]), graph.ints([2])]),
  'Cast there and back': (graph, x) => graph.add('Cast', [graph.add('Cast', [x], { to: 11 })], { to: 1 }),
  'Concat of one': (graph, x) => graph.add('Concat', [x], { axis: 1 }),
  'Shape read': (graph, x) => graph.add('Reshape', [x, graph.add('Shape', [x])]),
  Softmax: (graph, x) => graph.add('Softmax', [x], { axis: 1 }),
};

function norm(graph: Draft, x: string): string {
  return graph.add('BatchNormalization', [
    x,
    graph.constant([4]),
    graph.constant([4]),
    graph.constant([4]),
    graph.positive([4]),
  ]);
}

function randomModel(steps: readonly string[], seed: number, branch: number): BuildModel {
  const graph = new Draft(seed);
  let last = 'x';
  const made: string[] = [];
  for (const step of steps) made.push((last = STEPS[step]!(graph, last)));
  const second = made[branch % made.length]!;
  const outputs = { [last]: { dtype: 'f32' as const, shape: null }, [second]: { dtype: 'f32' as const, shape: null } };
  return {
    inputs: { x: { dtype: 'f32', shape: [1, 4, 6, 5] } },
    outputs,
    initializers: graph.initializers,
    nodes: graph.nodes,
    opset: 13,
  };
}

/** What `randomModel` is made from. */
const RANDOM_MODEL = [
  fc.array(fc.constantFrom(...Object.keys(STEPS)), { minLength: 1, maxLength: 7 }),
  fc.nat(1000),
  fc.nat(6),
] as const;

describe('promises', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    // The runtime's own rewriting would hide or add rounding of its own.
    runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
  });

  const lossless = PASSES.filter((pass) => pass.keeps !== 'accuracy');
  it.each(lossless.map((pass) => [pass.name, pass.keeps, pass] as const))('%s keeps %s', async (_name, keeps, pass) => {
    await fc.assert(
      fc.asyncProperty(...RANDOM_MODEL, async (steps, seed, branch) => {
        const built = buildModel(randomModel(steps, seed, branch));
        const model = await inferShapes(built.model, built.store);
        const result = await runPass(pass, model, built.store);
        const before = await runnable(model, built.store);
        const after = await runnable(result.model, built.store);
        const outputs = await outputErrors(runtime, before, after);
        expect(outputs.map((output) => output.name)).toEqual(
          model.graph.outputs.map((id) => model.graph.values.get(id)!.name),
        );
        for (const output of outputs) {
          if (keeps === 'bits') expect(output.maxAbs, output.name).toBe(0);
          else expect(output.sqnrDb, output.name).toBeGreaterThan(SAME_VALUES_DB);
        }
      }),
      { numRuns: 60 },
    );
  });

  /** Noise of 8-bit weights behind each other: one layer has some 40 dB, a chain of seven that subtract much of it less. */
  const ROUNDED_DB = 14;

  it.each(['integer', 'onnxruntime'] as const)('quantize/static keeps accuracy, operators: %s', async (operators) => {
    await fc.assert(
      fc.asyncProperty(...RANDOM_MODEL, async (steps, seed, branch) => {
        const built = buildModel(randomModel(steps, seed, branch));
        const model = await inferShapes(built.model, built.store);
        const before = await runnable(model, built.store);
        const session = await runtime.load(before);
        // The inputs that are compared on afterwards: nothing lies outside the ranges.
        const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: 5 });
        await session.close();
        const evidence = await minMaxEvidence(model, built.store, feeds);
        const options = { operators, activations: 'uint16' } as const;
        const result = await runPass(quantizeStatic, model, built.store, options, { evidence });
        const told = new Set(result.ledger.map(({ layer }) => layer));
        expect(model.graph.nodes.filter(({ name }) => !told.has(name))).toEqual([]);
        for (const output of await outputErrors(runtime, before, await runnable(result.model, built.store))) {
          expect(output.sqnrDb, output.name).toBeGreaterThan(ROUNDED_DB);
        }
      }),
      { numRuns: 40 },
    );
  });
});
