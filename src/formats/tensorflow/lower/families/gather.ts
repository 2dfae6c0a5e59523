/** Looking up, selecting and scattering by position or condition. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { filled, paired } from './operands.ts';

/** Indices are 32-bit or 64-bit in both; a batch of look-ups is one along a flat axis. */
function gather(call: TfCall, axis: number): readonly Operand[] {
  const { lowering } = call;
  const [x, indices] = [call.input(0), call.input(1)];
  const given = call.int('batch_dims', 0);
  const rank = lowering.shape(x)?.length;
  const place = rank === undefined ? axis : call.axis(axis, rank);
  const batch = given < 0 ? given + call.rank(1) : given;
  if (batch === 0) return [call.emit('Gather', [x, indices], { axis: place })];
  if (place === batch && call.rank(1) === batch + 1 && call.rank(0) === batch + 1) {
    return [call.emit('GatherElements', [x, call.long(1)], { axis: batch })];
  }
  if (place === batch) {
    // One more axis for the position, and ONNX looks up rows under the batch.
    const rows = call.step('rows', 'Unsqueeze', [call.long(1), lowering.small([call.rank(1)])]);
    return [call.emit('GatherND', [x, rows], { batch_dims: batch })];
  }
  throw new Inexpressible('It looks up along an axis that does not follow its batch axes.');
}

function gatherNd(call: TfCall): readonly Operand[] {
  return [call.emit('GatherND', [call.input(0), call.long(1)], { batch_dims: call.int('batch_dims', 0) })];
}

function where(call: TfCall): readonly Operand[] {
  if (call.count > 1) return select(call);
  const x = call.input(0);
  const positions = call.step('positions', 'NonZero', [x]);
  return [call.emit('Transpose', [positions], { perm: [1, 0] })];
}

/** TensorFlow 1: a condition vector chooses rows, where broadcasting would line it up with the last axis. */
function select(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const [yes, no] = paired(call, call.inputs(1, 3)) as [Operand, Operand];
  let condition = call.input(0);
  const rank = lowering.shape(yes)?.length ?? lowering.shape(no)?.length;
  const own = lowering.shape(condition)?.length;
  if (rank === undefined || own === undefined) throw new Inexpressible('The rank of its inputs is not known.');
  if (own === 1 && rank > 1) {
    const axes = Array.from({ length: rank - 1 }, (_, at) => at + 1);
    condition = call.step('rows', 'Unsqueeze', [condition, lowering.small(axes)]);
  }
  return [call.emit('Where', [condition, yes, no])];
}

function selectV2(call: TfCall): readonly Operand[] {
  const [yes, no] = paired(call, call.inputs(1, 3)) as [Operand, Operand];
  return [call.emit('Where', [call.input(0), yes, no])];
}

/** Indices out of range give rows of `off`, in both; negative ones too in TensorFlow, where ONNX counts from the back. */
function oneHot(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const [on, off] = [call.input(2), call.input(3)];
  const depth = call.long(1);
  const axis = call.int('axis', -1);
  const rank = call.rank(0) + 1;
  const place = call.axis(axis, rank);
  // Equal to each of 0 .. depth - 1: a negative index then hits none, as in TensorFlow.
  const range = call.step('classes', 'Range', [lowering.small(0), depth, lowering.small(1)]);
  const column = call.step('column', 'Unsqueeze', [call.long(0), lowering.small([place])]);
  const sizes = Array.from({ length: rank }, (_, at) => (at === place ? -1 : 1));
  const row = place === rank - 1 ? range : lowering.reshape(range, sizes, { name: `${call.name}/row` });
  const hit = call.step('hit', 'Equal', [column, row]);
  const plain = lowering.numbers(on)?.[0] === 1 && lowering.numbers(off)?.[0] === 0;
  const dtype = lowering.dtype(on);
  if (plain && dtype !== null) return [call.cast(hit, dtype)];
  return [call.emit('Where', [hit, on, off])];
}

function scatterNd(call: TfCall): readonly Operand[] {
  const zeros = filled(call, 'zeros', call.long(2), call.like(call.input(1), 0));
  return [call.emit('ScatterND', [zeros, call.long(0), call.input(1)], { reduction: 'add' })];
}

function scatter(reduction: 'none' | 'add' | 'max' | 'min', negated = false): Row {
  return (call) => {
    if ((reduction === 'max' || reduction === 'min') && call.lowering.opset < 18) {
      throw new Inexpressible(`Scattering by ${reduction} is in ONNX since opset 18.`);
    }
    const updates = negated ? call.step('negated', 'Neg', [call.input(2)]) : call.input(2);
    const [x, u] = paired(call, [call.input(0), updates]) as [Operand, Operand];
    return [call.emit('ScatterND', [x, call.long(1), u], { reduction })];
  };
}

/** Where each number stands in a permutation. */
function invert(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const known = call.known(0);
  if (known !== undefined)
    return [
      lowering.small(
        known.map((_, at) => known.indexOf(at)),
        'i64',
        call.name,
      ),
    ];
  const order = call.long(0);
  const count = call.step('count', 'Size', [order]);
  const places = call.step('places', 'Range', [lowering.small(0), count, lowering.small(1)]);
  return [call.emit('ScatterElements', [order, order, places], { axis: 0 })];
}

export const gatherRows: readonly (readonly [string, Row])[] = [
  ['Gather', (call) => gather(call, 0)],
  ['GatherV2', (call) => gather(call, call.number(2))],
  ['ResourceGather', (call) => gather(call, 0)],
  ['GatherNd', gatherNd],
  ['Where', where],
  ['Select', select],
  ['SelectV2', selectV2],
  ['OneHot', oneHot],
  ['ScatterNd', scatterNd],
  ['TensorScatterUpdate', scatter('none')],
  ['TensorScatterAdd', scatter('add')],
  ['TensorScatterSub', scatter('add', true)],
  ['TensorScatterMax', scatter('max')],
  ['TensorScatterMin', scatter('min')],
  ['InvertPermutation', invert],
];
