/** Who tells what a foreign model really computes: LiteRT, TensorFlow.js, or a recording of TensorFlow where neither can. */
import type { NdArray } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { testdata } from '#base/testing/testdata-place.ts';
import { numbersOf } from '#measure/numbers.ts';
import type { LitertRuntime } from '#runtimes/litert/litert.ts';
import { openLitertNode } from '#runtimes/litert/node.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';
import { openTfjsOracle } from '#runtimes/testing/tfjs-oracle.ts';
import { inputsFor } from './conversion-inputs.ts';
import type { InputSource } from './conversion-inputs.ts';
import type { ForeignModel } from './conversion-models.ts';
import { generated, rangeText } from './generated-input.ts';
import { recordedConversion, recordedValues } from './recorded-conversions.ts';
import type { RecordedModel } from './recorded-conversions.ts';

export interface Grid {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** One input as the oracle takes it, and how its integers stand for real numbers. */
export interface OracleInput extends SlotInfo {
  readonly grid?: Grid;
}

export interface OracleOutput {
  readonly name: string;
  /** Another name for it, of a signature. */
  readonly alias?: string;
  readonly shape: readonly number[];
  /** Every `stride`-th value. */
  readonly stride: number;
  readonly values: ArrayLike<number>;
  /** Where it gives integers. */
  readonly grid?: Grid;
}

export interface OracleSample {
  readonly feeds: readonly NdArray[];
  readonly outputs: readonly OracleOutput[];
}

export interface Oracle {
  readonly name: string;
  readonly method: string;
  readonly inputs: readonly OracleInput[];
  samples(): AsyncGenerator<OracleSample>;
}

let litert: Promise<LitertRuntime> | undefined;

export async function oracleFor(model: ForeignModel): Promise<Oracle> {
  const recorded = recordedConversion(model.path);
  if (recorded !== undefined) return fromRecording(recorded);
  if (model.format === 'tflite') return fromLitert(model.path);
  if (model.format === 'tfjs') return fromTfjs(model.path);
  throw new Error(
    `${model.path}: nobody tells what it computes; add it to scripts/reference/formats/record-conversions.py`,
  );
}

/** `source`: other inputs than those of the model's trial. */
export async function fromLitert(path: string, source: InputSource = inputsFor(path)): Promise<Oracle> {
  litert ??= openLitertNode();
  const runtime = await litert;
  const session = await runtime.load({ name: path, model: { path: testdata(`models/${path}`) } });
  const withGrid = <T extends SlotInfo>(slot: T): T & { grid?: Grid } => {
    const grid = session.grids.get(slot.name);
    return grid === undefined || slot.dtype === 'f32' ? slot : { ...slot, grid };
  };
  const inputs: readonly OracleInput[] = session.inputs.map(withGrid);
  return {
    name: runtime.description,
    method: source.method,
    inputs,
    async *samples() {
      for (let sample = 0; sample < source.count; sample++) {
        const feeds: NdArray[] = [];
        for (const [i, slot] of inputs.entries()) {
          const values = await source.values(fixed(slot.shape), sample, i);
          feeds.push(feedOf(slot, values, source.levels ?? false));
        }
        const made = await session.run(new Map(inputs.map((slot, i) => [slot.name, feeds[i] as NdArray])));
        const outputs = session.outputs
          .map(withGrid)
          .map((slot) => outputOf(slot.name, made.get(slot.name), slot.grid));
        yield { feeds, outputs };
      }
      await session.close();
    },
  };
}

async function fromTfjs(path: string): Promise<Oracle> {
  const model = await openTfjsOracle(testdata(`models/${path}`));
  const source = inputsFor(path);
  return {
    name: `@tensorflow/tfjs (cpu, ${model.kind} model)`,
    method: source.method,
    inputs: model.inputs,
    async *samples() {
      for (let sample = 0; sample < source.count; sample++) {
        const feeds: NdArray[] = [];
        for (const [i, slot] of model.inputs.entries()) {
          feeds.push(feedOf(slot, await source.values(fixed(slot.shape), sample, i), false));
        }
        const made = await model.run(new Map(model.inputs.map((slot, i) => [slot.name, feeds[i] as NdArray])));
        const outputs = model.outputs.map((name) => ({
          ...outputOf(name, made.get(name)),
          ...(model.signature.has(name) ? { alias: model.signature.get(name) as string } : {}),
        }));
        yield { feeds, outputs };
      }
      model.close();
    },
  };
}

function fromRecording({ runtime, input, samples }: RecordedModel): Oracle {
  return {
    name: `${runtime}, recorded`,
    method: `${samples.length} seeded (${rangeText(input)})`,
    inputs: [{ name: input.name, dtype: 'f32', shape: input.shape }],
    async *samples() {
      for (const { seed, outputs } of samples) {
        const data = generated(seed, input.shape, input);
        yield {
          feeds: [{ dtype: 'f32', shape: input.shape, data }],
          outputs: Object.entries(outputs).map(([name, output]) => ({
            name,
            shape: output.shape,
            stride: output.stride,
            values: recordedValues(output),
          })),
        };
      }
    },
  };
}

function fixed(shape: SlotInfo['shape']): readonly number[] {
  return shape.map((size) => (typeof size === 'number' ? size : 1));
}

/** Integer inputs take the nearest level of each value, or the values as they are where those are levels already. */
function feedOf(slot: OracleInput, values: Float32Array, areLevels: boolean): NdArray {
  const shape = fixed(slot.shape);
  if (values.length !== countOf(shape))
    throw new Error(`${slot.name}: ${values.length} values for [${shape.join(', ')}]`);
  const { grid } = slot;
  if (slot.dtype === 'f32') return { dtype: 'f32', shape, data: values };
  if (slot.dtype === 'i32') return { dtype: 'i32', shape, data: Int32Array.from(values) };
  const [low, high] = slot.dtype === 'u8' ? [0, 255] : [-128, 127];
  const level = (value: number): number => {
    if (areLevels || grid === undefined) return value;
    return Math.min(high, Math.max(low, Math.round(value / grid.scale) + grid.zeroPoint));
  };
  if (slot.dtype === 'u8') return { dtype: 'u8', shape, data: Uint8Array.from(values, level) };
  if (slot.dtype === 'i8') return { dtype: 'i8', shape, data: Int8Array.from(values, level) };
  throw new Error(`${slot.name}: no inputs of type ${slot.dtype} are made here`);
}

function outputOf(name: string, array: NdArray | undefined, grid?: Grid): OracleOutput {
  if (array === undefined) throw new Error(`the oracle gave no output ${name}`);
  return {
    name,
    shape: array.shape,
    stride: 1,
    values: numbersOf(array) ?? [],
    ...(grid === undefined ? {} : { grid }),
  };
}
