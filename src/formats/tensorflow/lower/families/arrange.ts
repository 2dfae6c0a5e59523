/** Operators that move elements and change none: reshapes, joins, cuts, repetitions. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { reshape } from './reshapes.ts';
import { transposed } from './reversal.ts';
import { constantSizes, paired } from './operands.ts';
import { squeeze } from './squeeze.ts';

function expandDims(call: TfCall): readonly Operand[] {
  const axis = call.axis(call.number(1), call.rank(0) + 1);
  const sizes = constantSizes(call, call.input(0));
  if (sizes !== undefined) {
    return [call.lowering.reshape(call.input(0), sizes.toSpliced(axis, 0, 1), { name: call.name })];
  }
  return [call.emit('Unsqueeze', [call.input(0), call.lowering.small([axis])])];
}

function transpose(call: TfCall): readonly Operand[] {
  const order = call.numbers(1);
  if (order.length !== call.rank(0)) throw call.broken(`orders ${order.length} axes of ${call.rank(0)}`);
  return [
    transposed(
      call,
      call.input(0),
      order.map((axis) => call.axis(axis, order.length)),
    ),
  ];
}

function concat(call: TfCall, parts: readonly Operand[], axis: number): readonly Operand[] {
  const [first] = parts;
  if (first === undefined) throw call.broken('joins nothing');
  if (parts.length === 1) return [first];
  const rank = call.lowering.shape(first)?.length;
  const place = rank === undefined ? axis : call.axis(axis, rank);
  return [call.emit('Concat', paired(call, parts), { axis: place })];
}

/** Scalars and tensors laid one behind the other along a new axis. */
function pack(call: TfCall): readonly Operand[] {
  const parts = paired(call, call.inputs());
  const [first] = parts;
  if (first === undefined) throw call.broken('packs nothing');
  const rank = (call.lowering.shape(first)?.length ?? -1) + 1;
  if (rank === 0) throw new Inexpressible('The rank of its inputs is not known.');
  const axis = call.axis(call.int('axis', 0), rank);
  const lifted = parts.map((part, at) => call.step(`part_${at}`, 'Unsqueeze', [part, call.lowering.small([axis])]));
  return lifted.length === 1 ? lifted : [call.emit('Concat', lifted, { axis })];
}

function unpack(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const rank = call.rank(0);
  const axis = call.axis(call.int('axis', 0), rank);
  const size = call.sizes(0)[axis];
  const count = call.int('num', typeof size === 'number' ? size : 0);
  if (count < 1 || count > 4096) throw new Inexpressible('How many tensors it gives is not known.');
  return Array.from({ length: count }, (_, at) => {
    const options = { name: at === 0 ? call.name : `${call.name}/${at}`, outputs: [call.outputName(at)] };
    return lowering.apply('Gather', [call.input(0), lowering.small(at)], { ...options, attrs: { axis } });
  });
}

function split(call: TfCall, x: Operand, axis: number, count: number, sizes?: Operand): readonly Operand[] {
  if (count < 1 || count > 4096) throw call.broken(`splits into ${count}`);
  if (count === 1) return [x];
  const known = call.lowering.shape(x)?.[axis];
  if (sizes === undefined && typeof known === 'number' && known % count !== 0) {
    throw call.broken(`splits ${known} into ${count} equal parts`);
  }
  const parts = sizes ?? equal(call, known, count);
  return call.lowering.node('Split', parts === null ? [x] : [x, parts], {
    name: call.name,
    outputs: Array.from({ length: count }, (_, at) => call.outputName(at)),
    attrs: { axis, ...(call.lowering.opset >= 18 && parts === null ? { num_outputs: count } : {}) },
  });
}

function equal(call: TfCall, size: unknown, count: number): Operand | null {
  if (typeof size !== 'number') return null;
  return call.lowering.small(Array.from({ length: count }, () => size / count));
}

function splitEqually(call: TfCall): readonly Operand[] {
  const axis = call.axis(call.number(0), call.rank(1));
  return split(call, call.input(1), axis, call.int('num_split', 1));
}

/** One size may be -1: the rest. */
function splitBySizes(call: TfCall): readonly Operand[] {
  const axis = call.axis(call.number(2), call.rank(0));
  const sizes = call.numbers(1);
  const total = call.sizes(0)[axis];
  const rest = sizes.indexOf(-1);
  const settled = [...sizes];
  if (rest >= 0) {
    if (typeof total !== 'number')
      throw new Inexpressible('It splits off the rest of an axis whose size is not known.');
    settled[rest] = total - sizes.reduce((sum, size) => sum + Math.max(0, size), 0);
  }
  return split(call, call.input(0), axis, sizes.length, call.lowering.small(settled));
}

function tile(call: TfCall): readonly Operand[] {
  return [call.emit('Tile', [call.input(0), call.long(1)])];
}

function broadcastTo(call: TfCall): readonly Operand[] {
  return [call.emit('Expand', [call.input(0), call.long(1)])];
}

/** Blocks of space to channels and back; TensorFlow's order of channels is ONNX's `DCR`. */
function betweenDepthAndSpace(op: 'DepthToSpace' | 'SpaceToDepth'): Row {
  return (call) => {
    const format = call.text('data_format', 'NHWC');
    if (format === 'NCHW_VECT_C') throw new Inexpressible('Its data format packs channels by fours.');
    const attrs = { blocksize: call.int('block_size', 2), ...(op === 'DepthToSpace' ? { mode: 'DCR' } : {}) };
    if (format === 'NCHW') return [call.emit(op, [call.input(0)], attrs)];
    const first = call.lowering.transpose(call.input(0), [0, 3, 1, 2]);
    return [call.lowering.transpose(call.emit(op, [first], attrs), [0, 2, 3, 1])];
  };
}

const identity: Row = (call) => [call.held(0)];

export const arrangeRows: readonly (readonly [string, Row])[] = [
  ['Identity', identity],
  ['IdentityN', (call) => Array.from({ length: call.count }, (_, at) => call.held(at))],
  ['StopGradient', identity],
  ['PreventGradient', identity],
  ['Snapshot', identity],
  ['CheckNumerics', identity],
  ['CheckNumericsV2', identity],
  ['EnsureShape', identity],
  ['Print', identity],
  ['Copy', identity],
  ['PlaceholderWithDefault', identity],
  ['ReadVariableOp', identity],
  ['Reshape', reshape],
  ['ExpandDims', expandDims],
  ['Squeeze', squeeze],
  ['Transpose', transpose],
  ['ConcatV2', (call) => concat(call, call.inputs(0, call.count - 1), call.number(call.count - 1))],
  ['Concat', (call) => concat(call, call.inputs(1), call.number(0))],
  ['Pack', pack],
  ['Unpack', unpack],
  ['Split', splitEqually],
  ['SplitV', splitBySizes],
  ['Tile', tile],
  ['BroadcastTo', broadcastTo],
  ['DepthToSpace', betweenDepthAndSpace('DepthToSpace')],
  ['SpaceToDepth', betweenDepthAndSpace('SpaceToDepth')],
];
