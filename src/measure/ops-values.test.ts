/**
 * Every operator's shape rule and evaluation against onnxruntime, on single-operator models: types and shapes of all outputs,
 * and the values of those operators that can be folded.
 */
import type { NdArray } from '#base/nd-array.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { kindOf, type DType } from '#base/dtype.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { checkShapes } from '#ops/infer.ts';
import { decode } from '#ops/dense.ts';
import { OPERATORS, operatorName, operatorOf } from '#ops/table.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { arrayOf } from './numbers.ts';
import { NETWORK_CASES } from './testing/network-cases.ts';
import type { Case, Operand } from './testing/operator-case.ts';
import { runnable } from './testing/run-model.ts';
import { TENSOR_CASES } from './testing/tensor-cases.ts';

/** Functions such as exp are computed in double here and in float32 there: a few units in the last place. */
const TOLERANCE = 2e-6;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

const CASES: readonly Case[] = [...TENSOR_CASES, ...NETWORK_CASES];

const nameOf = (one: Case): string =>
  `${operatorName(one.domain ?? '', one.op)}-${String(one.opset ?? 17)} ${one.inputs.map((input) => (input === null ? '_' : `${input.dtype}[${input.shape.join(',')}]`)).join(' ')} ${JSON.stringify(one.attrs ?? {})} ${one.label ?? ''}`;

function modelOf(one: Case, constant: (operand: Operand) => boolean, tail: boolean): BuildModel {
  const inputs: Record<string, { dtype: DType; shape: readonly number[] }> = {};
  const initializers: Record<string, BuildTensor> = {};
  for (const [at, operand] of one.inputs.entries()) {
    if (operand === null) continue;
    if (constant(operand)) initializers[`i${String(at)}`] = operand;
    else inputs[`i${String(at)}`] = operand;
  }
  const made = Array.from({ length: one.outputs ?? 1 }, (_, at) => `o${String(at)}`);
  const node: BuildNode = {
    op: one.op,
    ...(one.domain === undefined ? {} : { domain: one.domain }),
    name: 'node',
    inputs: one.inputs.map((operand, at) => (operand === null ? '' : `i${String(at)}`)),
    outputs: made,
    ...(one.attrs === undefined ? {} : { attrs: one.attrs }),
  };
  const ends = made.map((name): BuildNode => ({ op: 'Identity', inputs: [name], outputs: [`${name}_end`] }));
  return {
    opset: { '': one.opset ?? 17, 'com.microsoft': 1 },
    irVersion: 10,
    inputs,
    initializers,
    outputs: Object.fromEntries(made.map((name) => [tail ? `${name}_end` : name, { dtype: null, shape: null }])),
    nodes: tail ? [node, ...ends] : [node],
  };
}

async function actual(one: Case): Promise<ReadonlyMap<string, NdArray>> {
  const built = buildModel(modelOf(one, (operand) => operand.setting, false));
  const { model } = await checkShapes(built.model, built.store);
  const session = await runtime.load(await runnable(model, built.store));
  const feeds = new Map<string, NdArray>();
  for (const [at, operand] of one.inputs.entries()) {
    if (operand === null || operand.setting) continue;
    feeds.set(`i${String(at)}`, arrayOf(operand.dtype, operand.shape, operand.data.map(Number)));
  }
  const results = await session.run(feeds);
  await session.close();
  return results;
}

describe('shape rules agree with onnxruntime', () => {
  it.each(CASES.map((one) => [nameOf(one), one] as const))('%s', async (_, one) => {
    const { model, store } = buildModel(modelOf(one, (operand) => operand.setting, false));
    const inferred = (await checkShapes(model, store)).model;
    for (const [name, { dtype, shape }] of await actual(one)) {
      const value = [...inferred.graph.values.values()].find((each) => each.name === name);
      const open = value?.shape?.map((size, axis) => (size === null ? shape[axis] : size));
      expect({ name, dtype: value?.dtype, shape: open }).toEqual({ name, dtype, shape });
      // Only operators whose result depends on values may leave sizes open.
      const decided = ['NonZero', 'Compress', 'Unique', 'NonMaxSuppression'].includes(one.op);
      if (!decided) expect(value?.shape?.every((size) => size !== null)).toBe(true);
    }
  });
});

/** Rows whose evaluation this table leaves to the run-time differences of onnxruntime versions: none. */
const EVALUATED = CASES.filter((one) => operatorOf(one.domain ?? '', one.op)?.evaluate !== undefined);

describe('evaluation agrees with onnxruntime', () => {
  it.each(EVALUATED.map((one) => [nameOf(one), one] as const))('%s', async (_, one) => {
    const { model, store } = buildModel(modelOf(one, () => true, true));
    const { model: folded, ledger } = await runPass(foldConstants, model, store, { growthKiB: 64 });
    const covered = !ledger.some((entry) => entry.layer === 'node' && entry.code === 'not-covered');
    // Before opset 11 the bounds of Clip are attributes, which only the newer spelling evaluates.
    expect(covered).toBe(!(one.op === 'Clip' && (one.opset ?? 17) < 11));
    if (!covered) return;
    for (const [name, { dtype, shape, data }] of await actual(one)) {
      const constant = [...folded.graph.values.values()].find((each) => each.name === name)?.constant;
      expect({ name, dtype: constant?.dtype, shape: constant?.shape }).toEqual({ name, dtype, shape });
      if (constant === undefined) continue;
      const dense = decode(constant.dtype, constant.shape, await store.read(constant));
      const mine = Array.from(dense?.data ?? [], Number);
      const theirs = numbersIn(dtype, data);
      const exact = kindOf(dtype) !== 'float';
      for (const [at, value] of theirs.entries()) {
        const difference = Object.is(mine[at], value) ? 0 : Math.abs((mine[at] ?? NaN) - value);
        const allowed = exact ? 0 : TOLERANCE * Math.max(1, Math.abs(value));
        if (!(difference <= allowed) && !(Number.isNaN(value) && Number.isNaN(mine[at])))
          expect({ at, mine: mine[at] }).toEqual({ at, mine: value });
      }
      expect(mine.length).toBe(theirs.length);
    }
  });

  it('covers every operator that can be evaluated', () => {
    const tested = new Set(EVALUATED.map((one) => operatorName(one.domain ?? '', one.op)));
    const rows = OPERATORS.filter((row) => row.evaluate !== undefined).map((row) =>
      operatorName(row.domain ?? '', row.name),
    );
    // onnxruntime 1.30 has no CPU kernel for Swish.
    expect(rows.filter((name) => !tested.has(name) && name !== 'Swish')).toEqual([]);
  });
});

/** onnxruntime hands float16 over as bit patterns. */
function numbersIn(dtype: DType, data: NdArray['data']): readonly number[] {
  if (dtype !== 'f16') return Array.from(data as ArrayLike<number | bigint>, Number);
  const bytes = new Uint8Array((data as Uint16Array).slice().buffer);
  return Array.from(decode('f16', [data.length], bytes)?.data ?? [], Number);
}
