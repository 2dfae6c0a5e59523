/** Products of matrices: dense layers, batches of products, Einsum. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import { alongChannels, joined } from './bias.ts';
import { fused } from './convolution.ts';
import { einsum } from './einsum.ts';
import { isInteger, paired } from './operands.ts';

/** The last two axes changed places. */
function turned(call: TfCall, at: number): Operand {
  const rank = call.rank(at);
  const order = Array.from({ length: rank }, (_, axis) => axis);
  return call.lowering.transpose(call.input(at), [...order.slice(0, -2), rank - 1, rank - 2]);
}

/** `a` times `b` as a dense layer where `b` is a constant matrix, else as a plain product. */
function product(call: TfCall, turnA: boolean, turnB: boolean): (bias: Operand | null, output: string) => Operand {
  const { lowering } = call;
  const a = turnA ? turned(call, 0) : call.input(0);
  const b = call.input(1);
  const weights = lowering.constantOf(b) !== undefined && lowering.shape(b)?.length === 2;
  return (bias, output) => {
    if (weights && !isInteger(lowering.dtype(a))) {
      return lowering.dense(a, b, bias, { name: call.name, output, transposed: turnB });
    }
    const right = turnB ? turned(call, 1) : b;
    const options = { name: call.name, outputs: [bias === null ? output : `${output}/product`] };
    const value = lowering.apply('MatMul', paired(call, [a, right]), options);
    return bias === null
      ? value
      : lowering.apply('Add', [value, bias], { name: `${call.name}/bias`, outputs: [output] });
  };
}

function matMul(call: TfCall): readonly Held[] {
  const emit = product(call, call.flag('transpose_a'), call.flag('transpose_b'));
  return [{ kind: 'pending', emit }];
}

function batchMatMul(call: TfCall): readonly Held[] {
  const emit = product(call, call.flag('adj_x'), call.flag('adj_y'));
  return [{ kind: 'pending', emit }];
}

function fusedMatMul(call: TfCall): readonly Held[] {
  const emit = product(call, call.flag('transpose_a'), call.flag('transpose_b'));
  return [fused(call, 2, emit, { channelsFirst: false, rank: 2 })];
}

function biasAdd(call: TfCall): readonly Held[] {
  const bias = call.input(1);
  const whole = joined(call, bias);
  if (whole !== undefined) return [whole];
  const x = call.input(0);
  const first = call.text('data_format', 'NHWC').startsWith('NC');
  return [call.emit('Add', paired(call, [x, first ? alongChannels(call, bias, call.rank(0), true) : bias]))];
}

export const matrixRows: readonly (readonly [string, Row])[] = [
  ['MatMul', matMul],
  ['BatchMatMul', batchMatMul],
  ['BatchMatMulV2', batchMatMul],
  ['BatchMatMulV3', batchMatMul],
  ['_FusedMatMul', fusedMatMul],
  ['FusedMatMul', fusedMatMul],
  ['BiasAdd', biasAdd],
  ['BiasAddV1', biasAdd],
  ['Einsum', einsum],
];
