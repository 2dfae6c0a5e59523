/** For tests: models of one operator, what is fed to them, and how they are called. */
import { decodeFloat16, encodeFloat16 } from '#base/float16.ts';
import type { DType } from '#base/dtype.ts';
import type { NdArray } from '#base/nd-array.ts';
import { packElements, type BuildModel, type BuildTensor } from '#ir/testing/build.ts';
import { arrayOf } from '#measure/numbers.ts';
import { real, type Case, type Operand } from '#measure/testing/operator-case.ts';
import { operatorName } from '#ops/table.ts';

/** A use of an operator whose results may be off by one level where a sum lies on the border of two. */
export interface InterpreterCase extends Case {
  readonly offByOne?: boolean;
}

export function nameOf(one: Case): string {
  const operands = one.inputs.map((input) => (input === null ? '_' : `${input.dtype}[${input.shape.join(',')}]`));
  return `${operatorName(one.domain ?? '', one.op)}-${String(one.opset ?? 17)} ${operands.join(' ')} ${JSON.stringify(one.attrs ?? {})} ${one.label ?? ''}`;
}

/** Types that onnxruntime's interface cannot take are constants of the model. */
function isConstant({ setting, dtype }: Operand): boolean {
  return setting || ['i4', 'u4', 'bf16'].includes(dtype);
}

export function modelOf(one: Case): BuildModel {
  const inputs: Record<string, { dtype: DType; shape: readonly number[] }> = {};
  const initializers: Record<string, BuildTensor> = {};
  for (const [at, operand] of one.inputs.entries()) {
    if (operand === null) continue;
    if (isConstant(operand)) initializers[`i${String(at)}`] = operand;
    else inputs[`i${String(at)}`] = operand;
  }
  const outputs = Array.from({ length: one.outputs ?? 1 }, (_, at) => `o${String(at)}`);
  return {
    opset: { '': one.opset ?? 17, 'com.microsoft': 1 },
    irVersion: 10,
    inputs,
    initializers,
    outputs: Object.fromEntries(outputs.map((name) => [name, { dtype: null, shape: null }])),
    nodes: [
      {
        op: one.op,
        ...(one.domain === undefined ? {} : { domain: one.domain }),
        name: 'node',
        inputs: one.inputs.map((operand, at) => (operand === null ? '' : `i${String(at)}`)),
        outputs,
        ...(one.attrs === undefined ? {} : { attrs: one.attrs }),
      },
    ],
  };
}

export function feedsOf(one: Case): ReadonlyMap<string, NdArray> {
  const feeds = new Map<string, NdArray>();
  for (const [at, operand] of one.inputs.entries()) {
    if (operand !== null && !isConstant(operand)) feeds.set(`i${String(at)}`, arrayOfOperand(operand));
  }
  return feeds;
}

function arrayOfOperand({ dtype, shape, data }: Operand): NdArray {
  if (dtype === 'f16') return { dtype, shape, data: Uint16Array.from(data, (value) => encodeFloat16(Number(value))) };
  if (dtype !== 'i64' && dtype !== 'u64') return arrayOf(dtype, shape, data.map(Number));
  const bytes = packElements(dtype, shape, data).slice();
  return { dtype, shape, data: dtype === 'i64' ? new BigInt64Array(bytes.buffer) : new BigUint64Array(bytes.buffer) };
}

/** Seeded float16 operands, in numbers that the type holds. */
export function half(shape: readonly number[], low = -2, high = 2): Operand {
  const { data, ...rest } = real(shape, low, high);
  return { ...rest, dtype: 'f16', data: data.map((value) => decodeFloat16(encodeFloat16(Number(value)))) };
}

export function wide(shape: readonly number[], low = -2, high = 2): Operand {
  return { ...real(shape, low, high), dtype: 'f64' };
}
