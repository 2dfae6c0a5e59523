/** For tests: the small models of fixtures/formats/tflite, read as the format reads them. */
import { readFileSync } from 'node:fs';
import { memorySource } from '#base/sources.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { ReadModel } from '#formats/format.ts';
import { arrayOf, type Expected, readExpected, runConverted } from '#formats/testing/expected.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { tflite } from '#formats/tflite/tflite.ts';

const FOLDER = 'fixtures/formats/tflite';

export interface ReadFixture extends ReadModel {
  readonly store: WeightStore;
}

export async function readBytes(name: string, bytes: Uint8Array, signature?: string): Promise<ReadFixture> {
  const store = createWeightStore();
  const input = { files: new Map([[name, memorySource(name, bytes)]]), main: name };
  const read = await tflite.read(signature === undefined ? input : { ...input, signature }, store);
  return { ...read, store };
}

export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${FOLDER}/${name}.tflite`));
}

export function readFixture(name: string, signature?: string): Promise<ReadFixture> {
  return readBytes(`${name}.tflite`, fixtureBytes(name), signature);
}

export function expectedOf(name: string): Expected {
  return readExpected(`${FOLDER}/${name}.expected.json`);
}

/** How two lists of levels differ. */
export interface LevelDifference {
  readonly equal: number;
  readonly steps: number;
}

export function levelDifference(actual: NdArray, expected: NdArray): LevelDifference {
  if (actual.dtype !== expected.dtype || actual.shape.join() !== expected.shape.join())
    return { equal: 0, steps: Infinity };
  let equal = 0;
  let steps = 0;
  for (let at = 0; at < expected.data.length; at++) {
    const apart = Math.abs(Number(actual.data[at]) - Number(expected.data[at]));
    if (apart === 0) equal++;
    steps = Math.max(steps, apart);
  }
  return { equal: equal / expected.data.length, steps };
}

/** Runs a fixture as ONNX; its outputs beside the recorded ones, by name, or by place where an output is an input too. */
export async function runFixture(name: string): Promise<ReadonlyMap<string, readonly [NdArray, NdArray]>> {
  const { model, store } = await readFixture(name);
  const { inputs, outputs } = expectedOf(name);
  const feeds = new Map(Object.entries(inputs).map(([input, array]) => [input, arrayOf(array)]));
  const made = await runConverted(model, store, feeds);
  return new Map(
    Object.entries(outputs).map(([output, array], at) => {
      const actual = made.get(output) ?? [...made.values()][at];
      if (actual === undefined) throw new Error(`no output ${output}: there are ${[...made.keys()].join(', ')}`);
      return [output, [actual, arrayOf(array)]];
    }),
  );
}
