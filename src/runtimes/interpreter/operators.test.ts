/**
 * Every operator of the table against onnxruntime, on models of one operator with seeded random inputs: shapes and types that
 * its row infers, and the values that the interpreter computes.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { readdirSync, readFileSync } from 'node:fs';
import { kindOf } from '#base/dtype.ts';
import type { NdArray } from '#base/nd-array.ts';
import { buildModel } from '#ir/testing/build.ts';
import { NETWORK_CASES } from '#measure/testing/network-cases.ts';
import type { Case } from '#measure/testing/operator-case.ts';
import { runnable } from '#measure/testing/run-model.ts';
import { TENSOR_CASES } from '#measure/testing/tensor-cases.ts';
import { checkShapes } from '#ops/infer.ts';
import { decode } from '#ops/dense.ts';
import { OPERATORS, operatorName, operatorOf } from '#ops/table.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openInterpreter } from './interpreter.ts';
import { EVALUATIONS } from './operators/index.ts';
import { INTERPRETER_CASES } from './testing/cases.ts';
import { feedsOf, modelOf, nameOf, type InterpreterCase } from './testing/single-operator.ts';

/** Of float32 results, relative to the larger of 1 and the value: onnxruntime sums in float32, the interpreter in double. */
const TOLERANCE = 1e-5;

/** Of float16: onnxruntime rounds between the steps of an operator where the interpreter rounds once. */
const TOLERANCE_16 = 2e-3;

/** Operators of the table that are not computed, and why. */
const NOT_COMPUTED: Readonly<Record<string, string>> = {
  RandomNormal: 'different in every run',
  RandomUniform: 'different in every run',
  RandomNormalLike: 'different in every run',
  RandomUniformLike: 'different in every run',
  Bernoulli: 'different in every run',
  Multinomial: 'different in every run',
  'com.microsoft.DynamicQuantizeLSTM': 'rounds its state at every step, over ranges that only onnxruntime knows',
  'com.microsoft.NhwcConv': 'what onnxruntime makes of Conv for itself; its CPU build takes none in a file',
};

/** Operators that are computed but cannot be run by onnxruntime's CPU build one by one; their tests stand below or are named. */
const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  Swish: 'no kernel in onnxruntime 1.30: held to its formula below',
  'com.microsoft.LayerNormalization': 'the evaluation of the default domain, as is held below',
  If: 'control.test.ts',
  Loop: 'control.test.ts',
  Scan: 'control.test.ts',
};

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

const isRandom = (one: Case): boolean => operatorOf(one.domain ?? '', one.op)?.random === true;
const CASES: readonly InterpreterCase[] = [...TENSOR_CASES, ...NETWORK_CASES, ...INTERPRETER_CASES].filter(
  (one) => !isRandom(one),
);

describe('operators agree with onnxruntime', () => {
  it.each(CASES.map((one) => [nameOf(one), one] as const))('%s', async (_, one) => {
    const built = buildModel(modelOf(one));
    const { model, notices } = await checkShapes(built.model, built.store);
    expect(notices).toEqual([]);
    const feeds = feedsOf(one);
    const session = await runtime.load(await runnable(model, built.store));
    const expected = await session.run(feeds);
    await session.close();
    const own = await openInterpreter(built.model, built.store);
    const actual = await own.run(feeds);
    for (const [name, theirs] of expected) {
      const value = [...model.graph.values.values()].find((each) => each.name === name);
      const known = value?.shape?.map((size, axis) => (size === null ? theirs.shape[axis] : size));
      expect({ name, dtype: value?.dtype, inferred: known }).toEqual({
        name,
        dtype: theirs.dtype,
        inferred: theirs.shape,
      });
      const mine = actual.get(name)!;
      expect({ name, dtype: mine.dtype, shape: mine.shape }).toEqual({
        name,
        dtype: theirs.dtype,
        shape: theirs.shape,
      });
      compare(name, numbersIn(mine), numbersIn(theirs), theirs.dtype, one.offByOne === true ? 1 : 0);
    }
  });
});

function compare(
  name: string,
  mine: readonly number[],
  theirs: readonly number[],
  dtype: NdArray['dtype'],
  steps: number,
): void {
  const exact = kindOf(dtype) !== 'float';
  const tolerance = dtype === 'f16' ? TOLERANCE_16 : TOLERANCE;
  let off = 0;
  for (const [at, value] of theirs.entries()) {
    const own = mine[at] ?? NaN;
    if (Object.is(own, value) || own === value) continue;
    const difference = Math.abs(own - value);
    const allowed = exact ? steps : tolerance * Math.max(1, Math.abs(value));
    if (difference <= allowed) {
      off++;
      continue;
    }
    expect({ name, at, value: own }).toEqual({ name, at, value });
  }
  // A level may be off by one where a sum lies on the border of two; not more than one in twenty.
  if (exact) expect(off).toBeLessThanOrEqual(Math.ceil(theirs.length / 20));
}

/** float16 comes as bit patterns, 4-bit integers two to a byte. */
function numbersIn({ dtype, shape, data }: NdArray): readonly number[] {
  if (!ArrayBuffer.isView(data)) return [];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Array.from(decode(dtype, shape, bytes)?.data ?? [], Number);
}

describe('operators that onnxruntime does not run', () => {
  it('Swish is x / (1 + exp(-alpha x))', async () => {
    const { model, store } = buildModel({
      opset: 24,
      inputs: { x: { dtype: 'f32', shape: [3] } },
      outputs: { y: { dtype: 'f32', shape: [3] } },
      nodes: [{ op: 'Swish', inputs: ['x'], outputs: ['y'], attrs: { alpha: { float: 0.5 } } }],
    });
    const session = await openInterpreter(model, store);
    const x = { dtype: 'f32', shape: [3], data: Float32Array.of(-2, 0, 3) } as const;
    const { data } = (await session.run(new Map([['x', x]]))).get('y')!;
    expect(Array.from(data as Float32Array)).toEqual(
      [-2, 0, 3].map((value) => Math.fround(value / (1 + Math.exp(-0.5 * value)))),
    );
  });

  it('LayerNormalization of com.microsoft is that of the default domain', () => {
    expect(EVALUATIONS.get('com.microsoft.LayerNormalization')).toBe(EVALUATIONS.get('LayerNormalization'));
  });
});

describe('the list of evaluations', () => {
  it('has every file of the folder', () => {
    const folder = new URL('operators/', import.meta.url);
    const files = readdirSync(folder).filter((name) => name !== 'index.ts');
    const index = readFileSync(new URL('index.ts', folder), 'utf8');
    expect(files.filter((name) => !index.includes(`'./${name}'`))).toEqual([]);
  });

  it('computes and tests every operator of the table, or says why not', () => {
    const tested = new Set(CASES.map((one) => operatorName(one.domain ?? '', one.op)));
    const rows = OPERATORS.map((row) => ({ name: operatorName(row.domain ?? '', row.name), row }));
    const open = rows
      .filter(({ name, row }) => row.evaluate === undefined && !EVALUATIONS.has(name))
      .map(({ name }) => name);
    expect(open.toSorted()).toEqual(Object.keys(NOT_COMPUTED).toSorted());
    const untested = rows
      .map(({ name }) => name)
      .filter((name) => !tested.has(name) && !(name in NOT_COMPUTED) && !(name in TESTED_ELSEWHERE));
    expect(untested).toEqual([]);
  });

  it('has no evaluation without a row', () => {
    const rows = new Set(OPERATORS.map((row) => operatorName(row.domain ?? '', row.name)));
    expect([...EVALUATIONS.keys()].filter((name) => !rows.has(name))).toEqual([]);
  });
});
