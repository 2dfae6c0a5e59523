/**
 * An integer model operator by operator: each part of the conversion between two values on grids is given LiteRT's own levels,
 * and what it makes of them is held to LiteRT's next ones. Differences of whole models grow from layer to layer; these cannot.
 */
import { readFileSync } from 'node:fs';
import type { NdArray } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { testdata } from '#base/testing/testdata-place.ts';
import { openPath } from '#cli/models.ts';
import type { Graph, Model, Value, ValueId } from '#ir/model.ts';
import { numbersOf } from '#measure/numbers.ts';
import { withOutput } from '#runtimes/litert/flatbuffer.ts';
import type { Grid } from '#runtimes/litert/flatbuffer.ts';
import { openLitertNode } from '#runtimes/litert/node.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { writeModel } from '#studio/write.ts';
import { Gatherer } from './conversion-figures.ts';
import type { OutputFigures } from './conversion-figures.ts';
import { fromLitert } from './conversion-oracles.ts';

/** Levels of one tensor as LiteRT has them, in the order of its own axes. */
interface Seen {
  readonly array: NdArray;
  readonly grid: Grid;
}

/** Figures of every part, in the order of the graph; one sample. */
export async function compareLayers(path: string): Promise<readonly OutputFigures[]> {
  const { model, weights } = await openPath(testdata(`models/${path}`));
  const seen = await levelsOf(path, model);
  const runtime = await openOnnxruntimeNode();
  const gatherer = new Gatherer();
  for (const value of rounded(model)) {
    const expected = seen.get(value.id);
    const part = partOf(model.graph, value, new Set(seen.keys()));
    if (expected === undefined || part === undefined) continue;
    const files = await writeModel({ model: { ...model, graph: part }, weights }, { path: 'part.onnx' });
    const session = await runtime.load(await runnableOf(files));
    const feeds = part.inputs.map((id): [string, NdArray] => {
      const input = part.values.get(id) as Value;
      return [input.name, { dtype: 'f32', shape: sizesOf(input), data: realOf(seen.get(id) as Seen, input) }];
    });
    const result = (await session.run(new Map(feeds))).get(value.name);
    await session.close();
    const target = realOf(expected, value);
    gatherer.add(value.name, result === undefined ? [] : (numbersOf(result) ?? []), target, expected.grid.scale);
  }
  return gatherer.figures();
}

/** Computed values on a grid, in order. */
function rounded({ graph }: Model): readonly Value[] {
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  return made.flatMap((id) => {
    const value = id === null ? undefined : graph.values.get(id);
    return value?.quantization?.levels === undefined ? [] : [value];
  });
}

async function levelsOf(path: string, model: Model): Promise<ReadonlyMap<ValueId, Seen>> {
  const oracle = await fromLitert(path);
  const first = await oracle.samples().next();
  if (first.done === true) throw new Error(`${path}: no sample`);
  const feeds = new Map(oracle.inputs.map(({ name }, i) => [name, first.value.feeds[i] as NdArray]));
  const litert = await openLitertNode();
  const bytes = readFileSync(testdata(`models/${path}`));
  const whole = await litert.load({ name: path, model: bytes });
  const { grids } = whole;
  await whole.close();
  const seen = new Map<ValueId, Seen>();
  for (const value of rounded(model)) {
    const grid = grids.get(value.name);
    // What the conversion rounds under a name of its own has no counterpart to be held to.
    if (grid === undefined) continue;
    const session = await litert.load({ name: path, model: withOutput(bytes, path, value.name) });
    const array = (await session.run(feeds)).get(session.outputs[0]?.name ?? '');
    await session.close();
    if (array !== undefined && countOf(array.shape) === countOf(sizesOf(value))) seen.set(value.id, { array, grid });
  }
  return seen;
}

/** The nodes between a value and the nearest ones that are known; undefined where something else is needed. */
function partOf(graph: Graph, target: Value, known: ReadonlySet<ValueId>): Graph | undefined {
  const needed = new Set<ValueId>([target.id]);
  const inputs = new Set<ValueId>();
  const nodes = graph.nodes.toReversed().filter(({ inputs: reads, outputs }) => {
    if (!outputs.some((id) => id !== null && needed.has(id) && !inputs.has(id))) return false;
    for (const id of reads) {
      if (id === null || graph.values.get(id)?.constant !== undefined) continue;
      (known.has(id) ? inputs : needed).add(id);
    }
    return true;
  });
  const unmade = [...needed].some((id) => graph.inputs.includes(id));
  if (nodes.length === 0 || inputs.size === 0 || unmade) return undefined;
  const used = new Set(nodes.flatMap((node) => [...node.inputs, ...node.outputs]));
  const values = new Map([...graph.values].filter(([id]) => used.has(id)));
  return { ...graph, inputs: [...inputs], outputs: [target.id], nodes: nodes.toReversed(), values };
}

function sizesOf({ shape }: Value): readonly number[] {
  return (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
}

/** LiteRT lays channels last; the conversion may lay them first. */
function realOf({ array, grid }: Seen, value: Value): Float32Array {
  const levels = numbersOf(array) ?? [];
  const real = Float32Array.from(levels, (level) => (level - grid.zeroPoint) * grid.scale);
  const sizes = sizesOf(value);
  const [batch = 1, height = 1, width = 1, channels = 1] = array.shape;
  if (sizes.length !== 4 || sizes.join() === array.shape.join()) return real;
  if (sizes.join() !== [batch, channels, height, width].join()) return real;
  const area = height * width;
  return real.map((_, i) => {
    const [image, inside] = [Math.floor(i / (area * channels)), i % (area * channels)];
    const [channel, place] = [Math.floor(inside / area), inside % area];
    return real[(image * area + place) * channels + channel] ?? NaN;
  });
}
