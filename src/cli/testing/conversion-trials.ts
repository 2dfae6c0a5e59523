/** Foreign models on trial: opened as the command line opens them, written as ONNX, run, and held to what their own runtime says. */
import type { NdArray } from '#base/nd-array.ts';
import { sizeOfFiles } from '#base/bytes.ts';
import { kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { testdata } from '#base/testing/testdata-place.ts';
import { openPath } from '#cli/models.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { refusalsOf } from '#ir/opaque.ts';
import type { Refusal } from '#ir/opaque.ts';
import { allValues, nodesOf } from '#ir/walk.ts';
import { arrayOf, numbersOf } from '#measure/numbers.ts';
import { operatorName } from '#ops/table.ts';
import { openInterpreter } from '#runtimes/interpreter/interpreter.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { writeModel } from '#studio/write.ts';
import { broken, Gatherer } from './conversion-figures.ts';
import type { OutputFigures, Rule } from './conversion-figures.ts';
import type { ForeignModel } from './conversion-models.ts';
import { recordedSpread } from './recorded-conversions.ts';
import { oracleFor } from './conversion-oracles.ts';
import type { Grid, Oracle, OracleInput, OracleOutput, OracleSample } from './conversion-oracles.ts';

export interface ConversionTrial {
  readonly model: ForeignModel;
  readonly outcome: 'converted' | 'refused' | 'failed';
  /** Operators of ONNX that it became, the most frequent first. */
  readonly operators: readonly (readonly [string, number])[];
  readonly bytes: { readonly before: number; readonly after: number };
  readonly opset: number;
  readonly transposes: Transposes;
  /** What has no counterpart, with operator and node. */
  readonly refusals: readonly Refusal[];
  /** Why it could not be opened, written or run. */
  readonly failure?: string;
  readonly comparison?: Comparison;
}

export interface Comparison {
  readonly oracle: string;
  readonly inputs: string;
  readonly rule: Rule;
  readonly outputs: readonly OutputFigures[];
  /** Several samples in one run, where the batch is open: the farthest that one lies from running alone. */
  readonly batch?: { readonly samples: number; readonly maxAbs: number };
  readonly broken: readonly string[];
}

export interface Transposes {
  readonly all: number;
  /** Those that neither read an input of the model nor make an output of it. */
  readonly inside: readonly string[];
}

export interface Converted {
  readonly open: OpenModel;
  readonly session: Session;
  readonly bytes: { readonly before: number; readonly after: number };
}

/** Bounds of issue 4, by how a model computes. */
const FLOAT_TFLITE = { kind: 'float', bound: 1e-5 } as const satisfies Rule;
const LEVELS = { kind: 'levels', leastEqual: 0.98, mostSteps: 1 } as const satisfies Rule;
const DYNAMIC: Rule = { kind: 'dynamic', leastSqnrDb: 20 };
const OF_FORMAT = {
  keras: { kind: 'float', bound: 1e-5 },
  savedmodel: { kind: 'float', bound: 1e-4 },
  tfjs: { kind: 'float', bound: 1e-4 },
} as const satisfies Readonly<Record<string, Rule>>;

/** Whose own runtime lies farther from exact arithmetic than 1e-5, and which no other program runs. */
const BESIDE_EXACT = new Set(['selfie_segmentation/selfie_segmentation.tflite']);
const MOST_IN_BATCH = 4;
const PASSED_AT_EDGES = new Set(['QuantizeLinear', 'DequantizeLinear', 'Identity', 'Cast']);

export async function tryConversion(model: ForeignModel): Promise<ConversionTrial> {
  const nothing = { operators: [], bytes: { before: 0, after: 0 }, opset: 0, refusals: [] };
  let open: OpenModel;
  try {
    open = await openPath(testdata(`models/${model.path}`));
  } catch (error) {
    return { model, ...nothing, outcome: 'failed', transposes: { all: 0, inside: [] }, failure: failureOf(error) };
  }
  const about = {
    model,
    operators: operatorsOf(open.model),
    bytes: { before: open.sourceBytes, after: 0 },
    opset: open.model.opsets.get('') ?? 0,
    transposes: transposesOf(open.model),
    refusals: refusalsOf(open.model),
  };
  if (about.refusals.length > 0) return { ...about, outcome: 'refused' };
  try {
    const converted = await load(open);
    const comparison = await compare(converted, await oracleFor(model), ruleFor(model, open.model));
    await converted.session.close();
    return { ...about, bytes: converted.bytes, outcome: 'converted', comparison };
  } catch (error) {
    return { ...about, outcome: 'failed', failure: failureOf(error) };
  }
}

/** A model of any format as onnxruntime runs it. */
export async function convert(path: string): Promise<Converted> {
  return load(await openPath(testdata(`models/${path}`)));
}

async function load(open: OpenModel): Promise<Converted> {
  const files = await writeModel({ model: open.model, weights: open.weights }, { path: 'converted.onnx' });
  const runtime = await openOnnxruntimeNode();
  const session = await runtime.load(await runnableOf(files));
  return {
    open,
    session,
    bytes: { before: open.sourceBytes, after: sizeOfFiles(files) },
  };
}

/** A refusal is a sentence; anything else that is thrown is a defect and says so. */
function failureOf(error: unknown): string {
  if (error instanceof PareError) return error.message;
  return `not a refusal but ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

export function operatorsOf(model: Pick<Model, 'graph'>): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { node } of nodesOf(model.graph)) {
    const name = operatorName(node.domain, node.op);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

export function transposesOf({ graph }: Pick<Model, 'graph'>): Transposes {
  const nodes = [...nodesOf(graph)].map(({ node }) => node);
  const edges = new Set<ValueId | null>([...graph.inputs, ...graph.outputs]);
  const passed = nodes.filter(({ op }) => PASSED_AT_EDGES.has(op));
  // What only rounds or names an input or an output stands at the edge with it.
  for (const { inputs, outputs } of passed) if (edges.has(inputs[0] ?? null)) outputs.forEach((id) => edges.add(id));
  for (const { inputs, outputs } of passed.toReversed()) {
    if (outputs.some((id) => edges.has(id))) edges.add(inputs[0] ?? null);
  }
  const all = nodes.filter(({ op, domain }) => op === 'Transpose' && domain === '');
  const inside = all.filter(({ inputs, outputs }) => ![...inputs, ...outputs].some((id) => edges.has(id)));
  return { all: all.length, inside: inside.map(({ name }) => name) };
}

/** Integers at the outputs: levels. Integer weights under float activations: dynamic range. */
function ruleFor({ format, path }: ForeignModel, model: Model): Rule {
  if (format !== 'tflite') return OF_FORMAT[format];
  const values = [...allValues(model.graph).values()];
  const rounded = values.some(({ quantization }) => quantization?.levels !== undefined);
  const integers = values.some(({ constant, quantization }) => {
    return (
      constant !== undefined && quantization !== undefined && ['signed', 'unsigned'].includes(kindOf(constant.dtype))
    );
  });
  // Nobody can be nearer to TFLite than TFLite is to itself.
  const spread = recordedSpread(path);
  if (rounded) return { ...LEVELS, mostSteps: Math.max(LEVELS.mostSteps, spread?.maxAbs ?? 0) };
  if (integers) return DYNAMIC;
  if (BESIDE_EXACT.has(path)) return { ...FLOAT_TFLITE, exact: 0 };
  return spread === undefined ? FLOAT_TFLITE : { ...FLOAT_TFLITE, spread: spread.maxAbs };
}

/** How far an oracle's answer lies from the same graph in double precision: our interpreter is slow and exact. */
async function fromExact(exact: Session, inputs: readonly OracleInput[], sample: OracleSample): Promise<number> {
  const outputs = await exact.run(feedsFor(exact, inputs, sample));
  let distance = 0;
  for (const [name, expected] of matched(exact.outputs, outputs, sample.outputs)) {
    const values = realValues(outputs.get(name) as NdArray, expected);
    for (let i = 0; i < values.length; i++) {
      distance = Math.max(distance, Math.abs((values[i] ?? NaN) - Number(expected.values[i])));
    }
  }
  return distance;
}

async function compare({ session, open }: Converted, oracle: Oracle, given: Rule): Promise<Comparison> {
  const gatherer = new Gatherer();
  const besides = given.kind === 'float' && given.exact !== undefined;
  const exact = besides ? await openInterpreter(open.model, open.weights) : undefined;
  let distance = 0;
  const alone: { readonly feeds: ReadonlyMap<string, NdArray>; readonly outputs: ReadonlyMap<string, NdArray> }[] = [];
  for await (const sample of oracle.samples()) {
    const feeds = feedsFor(session, oracle.inputs, sample);
    const outputs = await session.run(feeds);
    if (exact !== undefined) distance = Math.max(distance, await fromExact(exact, oracle.inputs, sample));
    if (alone.length < MOST_IN_BATCH) alone.push({ feeds, outputs });
    for (const [name, expected] of matched(session.outputs, outputs, sample.outputs)) {
      const array = outputs.get(name);
      if (array === undefined) throw new Error(`the converted model gave no output ${name}`);
      const grid = expected.grid ?? (await gridOf(open, name));
      gatherer.add(name, realValues(array, expected), realOf(expected.values, expected.grid), grid?.scale);
    }
  }
  const rule = besides ? { ...given, exact: distance } : given;
  const figures = gatherer.figures();
  const batch = await batched(session, alone);
  const faults = figures.map((output) => broken(rule, output)).filter((fault) => fault !== undefined);
  return {
    oracle: oracle.name,
    inputs: oracle.method,
    rule,
    outputs: figures,
    ...(batch === undefined ? {} : { batch }),
    broken: faults,
  };
}

/** The scale of an output that the converted model rounds, where it gives real numbers. */
async function gridOf({ model, weights }: OpenModel, name: string): Promise<{ readonly scale: number } | undefined> {
  const output = model.graph.outputs.map((id) => model.graph.values.get(id)).find((value) => value?.name === name);
  if (output?.quantization?.levels === undefined) return undefined;
  const { scale } = output.quantization;
  const bytes = Uint8Array.from(await weights.read(scale));
  return scale.dtype === 'f32' ? { scale: new Float32Array(bytes.buffer)[0] ?? NaN } : undefined;
}

/** By name, else by order. Where the conversion takes real numbers, the levels are what they stand for. */
export function feedsFor(
  session: Pick<Session, 'inputs'>,
  inputs: readonly OracleInput[],
  { feeds }: Pick<OracleSample, 'feeds'>,
): ReadonlyMap<string, NdArray> {
  return new Map(
    session.inputs.map((slot, i) => {
      const named = inputs.findIndex(({ name }) => plain(name) === plain(slot.name));
      const at = named < 0 ? i : named;
      const array = feeds[at];
      if (array === undefined) throw new Error(`no value for the input ${slot.name}`);
      if (array.dtype === slot.dtype) return [slot.name, array];
      if (slot.dtype !== 'f32') throw new Error(`the input ${slot.name} became ${slot.dtype}, of ${array.dtype}`);
      const data = Float32Array.from(realOf(numbersOf(array) ?? [], inputs[at]?.grid));
      return [slot.name, { dtype: 'f32', shape: array.shape, data }];
    }),
  );
}

/** `x:0` of TensorFlow is the first output of the node x. */
function plain(name: string): string {
  return name.replace(/:0$/, '');
}

/** Pairs outputs: by name or alias, else by a shape that only one has, else by order. */
export function matched(
  slots: readonly SlotInfo[],
  results: ReadonlyMap<string, NdArray>,
  expected: readonly OracleOutput[],
): readonly (readonly [string, OracleOutput])[] {
  if (slots.length !== expected.length) {
    throw new Error(`it has ${slots.length} outputs, and its own runtime gives ${expected.length}`);
  }
  const shape = (name: string): string => results.get(name)?.shape.join() ?? '';
  return slots.map(({ name }, i) => {
    const named = expected.find((one) => plain(one.name) === plain(name) || one.alias === name);
    const alike = expected.filter((one) => one.shape.join() === shape(name));
    const found = named ?? (alike.length === 1 ? alike[0] : expected[i]);
    if (found === undefined) throw new Error(`nobody tells what the output ${name} should be`);
    if (found.shape.join() !== shape(name)) {
      throw new Error(`the output ${name} has the shape [${shape(name)}], not [${found.shape.join()}]`);
    }
    return [name, found];
  });
}

/** Every stride-th value of a result as a real number: levels of integer outputs are taken as what they stand for. */
function realValues(array: NdArray, { stride, grid }: OracleOutput): ArrayLike<number> {
  const values = numbersOf(array) ?? [];
  const kept =
    stride === 1
      ? values
      : Float64Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => values[i * stride] ?? NaN);
  return realOf(kept, array.dtype === 'f32' ? undefined : grid);
}

function realOf(values: ArrayLike<number>, grid: Grid | undefined): ArrayLike<number> {
  if (grid === undefined) return values;
  return Float64Array.from(values, (level) => (level - grid.zeroPoint) * grid.scale);
}

/** Where the first size of every input is open, samples run together must come out as alone. */
async function batched(
  session: Session,
  alone: readonly { readonly feeds: ReadonlyMap<string, NdArray>; readonly outputs: ReadonlyMap<string, NdArray> }[],
): Promise<Comparison['batch']> {
  const open = session.inputs.every(({ shape }) => typeof shape[0] !== 'number');
  if (!open || alone.length === 0) return undefined;
  // One sample is run beside itself: that the batch is open shows all the same.
  const samples = alone.length === 1 ? [...alone, ...alone] : alone;
  const together = await session.run(
    new Map(session.inputs.map(({ name }) => [name, joined(samples.map(({ feeds }) => feeds.get(name)))])),
  );
  let maxAbs = 0;
  for (const [name, all] of together) {
    const values = numbersOf(all) ?? [];
    const size = values.length / samples.length;
    for (const [at, { outputs }] of samples.entries()) {
      const own = numbersOf(outputs.get(name) as NdArray) ?? [];
      if (own.length !== size) throw new Error(`the output ${name} does not grow with the batch`);
      for (let i = 0; i < size; i++) {
        const difference = Math.abs((values[at * size + i] ?? NaN) - (own[i] ?? NaN));
        maxAbs = Math.max(maxAbs, Number.isNaN(difference) ? Infinity : difference);
      }
    }
  }
  return { samples: samples.length, maxAbs };
}

function joined(arrays: readonly (NdArray | undefined)[]): NdArray {
  const [first] = arrays;
  if (first === undefined) throw new Error('nothing to join');
  const shape = [(first.shape[0] ?? 1) * arrays.length, ...first.shape.slice(1)];
  const numbers = arrays.flatMap((array) => Array.from(numbersOf(array as NdArray) ?? []));
  return arrayOf(first.dtype, shape, numbers);
}
