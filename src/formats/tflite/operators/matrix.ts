/** Products of matrices, and tables that are looked up. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { bool, byte, int } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';
import { activated } from './fused.ts';

export const matrixOperators: readonly OperatorRow[] = [
  row(
    'FULLY_CONNECTED',
    { activation: byte(0), weightsFormat: byte(1), keepsAxes: bool(2) },
    (call, { activation, weightsFormat, keepsAxes }) => {
      if (weightsFormat !== 0) throw new Unsupported('Its weights are shuffled for one kind of processor.');
      const weights = call.weight(1);
      const inner = call.shape(1).at(-1);
      const x = keepsAxes ? call.input(0) : rows(call, typeof inner === 'number' ? inner : undefined);
      return activated(call, activation, (names) =>
        call.lowering.dense(x, weights, call.bias(2, 0, 1), { ...names, transposed: true }),
      );
    },
  ),
  row('BATCH_MATMUL', { adjointX: bool(0), adjointY: bool(1) }, (call, { adjointX, adjointY }) => {
    const flipped = (at: number, adjoint: boolean): Operand => {
      if (!adjoint) return call.input(at);
      const rank = call.rank(at);
      if (rank < 2) throw new Unsupported(`Its input ${at} is no matrix.`);
      const order = Array.from({ length: rank }, (_, axis) => axis);
      return call.weight(at, [...order.slice(0, -2), rank - 1, rank - 2]);
    };
    return call.result('MatMul', [flipped(0, adjointX), flipped(1, adjointY)]);
  }),
  row('EMBEDDING_LOOKUP', {}, (call) => call.result('Gather', [call.input(1), call.input(0)], { axis: 0 })),
  row('GATHER', { axis: int(0), batchAxes: int(1) }, (call, { axis, batchAxes }) => {
    const rank = call.rank(0);
    const along = call.axis(axis, rank);
    const batch = batchAxes < 0 ? batchAxes + call.rank(1) : batchAxes;
    if (batch === 0) return call.result('Gather', [call.input(0), call.input(1)], { axis: along });
    return gatherInBatches(call, along, batch, rank);
  }),
  row('GATHER_ND', {}, (call) => call.result('GatherND', [call.input(0), call.cast(call.input(1), 'i64', 'indices')])),
];

/** As many rows as there are, of what the weight multiplies. */
function rows(call: OperatorCall, inner: number | undefined): Operand {
  const x = call.input(0);
  const shape = call.lowering.shape(x);
  if (shape?.length === 2 && (inner === undefined || shape[1] === inner)) return x;
  if (inner === undefined) throw new Unsupported('The size of its weight is only known when it is run.');
  return call.lowering.reshape(x, [-1, inner], { name: `${call.name}/rows` });
}

/** The axis is brought behind the batch, where GatherND looks; results keep the axes between. */
function gatherInBatches(call: OperatorCall, along: number, batch: number, rank: number): Operand {
  const { lowering } = call;
  if (batch < 0 || batch > along) throw new Unsupported(`It gathers along axis ${along} in batches of ${batch} axes.`);
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const between = axes.slice(batch, along);
  const turned = lowering.transpose(call.input(0), [
    ...axes.slice(0, batch),
    along,
    ...between,
    ...axes.slice(along + 1),
  ]);
  const indexRank = call.rank(1);
  const indices = call.step('indices', 'Unsqueeze', [
    call.cast(call.input(1), 'i64', 'wide'),
    lowering.small([indexRank]),
  ]);
  const found = call.result('GatherND', [turned, indices], { batch_dims: batch });
  if (between.length === 0) return found;
  // Found: batch, indices, between, after. Wanted: batch, between, indices, after.
  const taken = indexRank - batch;
  const places = Array.from({ length: rank - 1 + taken }, (_, axis) => axis);
  const middle = places.slice(batch + taken, batch + taken + between.length);
  return lowering.transpose(found, [
    ...places.slice(0, batch),
    ...middle,
    ...places.slice(batch, batch + taken),
    ...places.slice(batch + taken + between.length),
  ]);
}
