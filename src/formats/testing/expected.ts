/** For tests: opens files of any format, writes ONNX, runs it in onnxruntime, and compares with recorded outputs. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { memorySource } from '#base/sources.ts';
import type { ByteSource, Files } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import type { NdArray } from '#base/nd-array.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { openFiles, type OpenedModel } from '#formats/index.ts';
import type { ReadModel } from '#formats/format.ts';
import type { WeightStore } from '#ir/weights.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { typedArray } from '#wire/elements.ts';

export interface ExpectedArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** base64 of little-endian elements. */
  readonly data: string;
}

export interface Expected {
  readonly inputs: Readonly<Record<string, ExpectedArray>>;
  readonly outputs: Readonly<Record<string, ExpectedArray>>;
}

/** A file or folder as it would be dropped. */
export function filesAt(path: string): Files {
  const files = new Map<string, ByteSource>();
  if (!statSync(path).isDirectory()) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return files.set(name, memorySource(name, readFileSync(path)));
  }
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    const name = relative(path, full);
    files.set(name, memorySource(name, readFileSync(full)));
  }
  return files;
}

export function readExpected(path: string): Expected {
  return JSON.parse(readFileSync(path, 'utf8')) as Expected;
}

export function arrayOf({ dtype, shape, data }: ExpectedArray): NdArray {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  return { dtype, shape, data: typedArray(dtype, bytes) };
}

/** Runs a model, written as ONNX, on the inputs. */
export async function runConverted(
  model: ReadModel['model'],
  store: WeightStore,
  inputs: ReadonlyMap<string, NdArray>,
): Promise<ReadonlyMap<string, NdArray>> {
  const runtime = await openOnnxruntimeNode();
  const session = await runtime.load(await runnableOf(await onnx.write(model, store, { path: 'converted.onnx' })));
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}

/** Largest difference of two arrays: absolute, and over max(1, |expected|). Different shapes differ by infinity. */
export function largestDifference(actual: NdArray, expected: NdArray): { absolute: number; relative: number } {
  if (actual.shape.join() !== expected.shape.join()) return { absolute: Infinity, relative: Infinity };
  let absolute = 0;
  let rel = 0;
  for (let at = 0; at < expected.data.length; at++) {
    const [a, e] = [Number(actual.data[at]), Number(expected.data[at])];
    if (Object.is(a, e) || a === e) continue;
    const difference = Number.isNaN(a - e) ? Infinity : Math.abs(a - e);
    absolute = Math.max(absolute, difference);
    rel = Math.max(rel, difference / Math.max(1, Math.abs(e)));
  }
  return { absolute, relative: rel };
}

/**
 * The files, converted and run, give the expected outputs within `tolerance` of max(1, |expected|). Outputs go by name, or by
 * position where the names of the recording differ. Throws with the largest difference where not.
 */
export async function expectConverted(files: Files, expected: Expected, tolerance = 1e-5): Promise<OpenedModel> {
  const opened = await openFiles(files);
  await expectOutputs(opened.model, opened.store, expected, tolerance);
  return opened;
}

/** As `expectConverted`, of a model that is read already. */
export async function expectOutputs(
  model: ReadModel['model'],
  store: WeightStore,
  expected: Expected,
  tolerance = 1e-5,
): Promise<void> {
  const names = model.graph.inputs.map((id) => model.graph.values.get(id)?.name ?? '');
  const given = Object.entries(expected.inputs);
  const byName = given.every(([name]) => names.includes(name));
  const feeds = new Map(given.map(([name, array], at) => [byName ? name : (names[at] ?? name), arrayOf(array)]));
  const outputs = await runConverted(model, store, feeds);
  const made = [...outputs.keys()];
  const wanted = Object.entries(expected.outputs);
  const named = wanted.every(([name]) => outputs.has(name));
  for (const [at, [name, array]] of wanted.entries()) {
    const actual = outputs.get(named ? name : (made[at] ?? ''));
    if (actual === undefined) throw new Error(`no output for ${name}: there are ${made.join(', ')}`);
    const { relative: difference } = largestDifference(actual, arrayOf(array));
    if (difference <= tolerance) continue;
    throw new Error(
      `${name} differs by ${difference} (allowed ${tolerance}); shape [${actual.shape.join()}] for [${array.shape.join()}]`,
    );
  }
}
