/** Lists of tensors (`TensorList`, what TensorArray became), held as one tensor with the items along axis 0. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held, TfList } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

/** Shape of an item from the input that declares it: -1 for open sizes, a scalar -1 for an open rank. */
function itemShape(call: TfCall, at: number): TfList['item'] {
  const operand = call.known(at);
  if (operand === undefined || call.shape(at)?.length === 0) return null;
  return operand.map((size) => (size < 0 ? null : size));
}

function reserve(call: TfCall, empty: boolean): readonly Held[] {
  const dtype = call.type('element_dtype');
  if (dtype === null) throw new Inexpressible('It is a list of lists.');
  const count = empty ? call.lowering.small(0) : scalar(call, call.long(1), 'count');
  return [{ kind: 'list', dtype, item: itemShape(call, 0), count, items: null }];
}

function scalar(call: TfCall, operand: Operand, name: string): Operand {
  const rank = call.lowering.shape(operand)?.length;
  return rank === 0 ? operand : call.lowering.reshape(operand, [], { name: `${call.name}/${name}` });
}

function fromTensor(call: TfCall): readonly Held[] {
  const items = call.input(0);
  const dtype = call.lowering.dtype(items);
  if (dtype === null) throw new Inexpressible('The type of its items is not known.');
  const shape = call.shape(0)?.slice(1) ?? null;
  const item = shape?.map((size) => (typeof size === 'number' ? size : null)) ?? null;
  return [{ kind: 'list', dtype, item, count: null, items }];
}

/** The items as one tensor. Where none was written, zeros. */
export function itemsOf(call: TfCall, list: TfList): Operand {
  if (list.items !== null) return list.items;
  const { item, count } = list;
  if (list.scan !== undefined || count === null || item === null || item.some((size) => size === null)) {
    throw new Inexpressible('It reads a list of tensors before its items have a shape.');
  }
  const { lowering } = call;
  const sizes = item.filter((size) => size !== null);
  const all = call.step(
    'list_sizes',
    'Concat',
    [lowering.reshape(count, [1], { name: `${call.name}/list_count` }), lowering.small(sizes)],
    { axis: 0 },
  );
  return call.step('list_zeros', 'Expand', [lowering.small(0, list.dtype), all]);
}

/** How many items there are: a scalar of 64 bits. */
export function countOf(call: TfCall, list: TfList): Operand {
  if (list.items === null) {
    if (list.count !== null) return list.count;
    throw new Inexpressible('The length of its list is not known.');
  }
  const shape = call.step('list_shape', 'Shape', [list.items]);
  return call.step('list_length', 'Gather', [shape, call.lowering.small(0)], { axis: 0 });
}

function read(call: TfCall): readonly Operand[] {
  const items = itemsOf(call, call.list(0));
  return [call.emit('Gather', [items, call.input(1)], { axis: 0 })];
}

function write(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const list = call.list(0);
  const item = call.input(2);
  if (list.scan !== undefined) return [{ ...list, scan: { written: item } }];
  const row = call.step('row', 'Unsqueeze', [item, lowering.small([0])]);
  // The only place there is: what stood there before is gone.
  const only = list.count !== null && lowering.numbers(list.count)?.[0] === 1;
  if (only && lowering.numbers(call.input(1))?.[0] === 0) return [{ ...list, items: row }];
  const index = lowering.reshape(call.long(1), [1, 1], { name: `${call.name}/index` });
  let before = list.items ?? zerosLike(call, list, row);
  if (call.flag('resize_if_index_out_of_bounds')) before = grown(call, before, index);
  const items = call.emit('ScatterND', [before, index, row]);
  return [{ ...list, items }];
}

/** As many zeros as the list has room for, each like the row that is written. */
function zerosLike(call: TfCall, list: TfList, row: Operand): Operand {
  const { lowering } = call;
  const count = lowering.reshape(countOf(call, list), [1], { name: `${call.name}/room` });
  const shape = call.step('row_shape', 'Shape', [row]);
  const rest = call.step('item_shape', 'Slice', [
    shape,
    lowering.small([1]),
    lowering.small([64]),
    lowering.small([0]),
  ]);
  const sizes = call.step('list_sizes', 'Concat', [count, rest], { axis: 0 });
  return call.step('list_zeros', 'Expand', [lowering.small(0, list.dtype), sizes]);
}

/** Room for one more item behind the last, where the index is past it. */
function grown(call: TfCall, items: Operand, index: Operand): Operand {
  const { lowering } = call;
  const rank = lowering.shape(items)?.length;
  if (rank === undefined) throw new Inexpressible('The rank of its items is not known.');
  const shape = call.step('old_shape', 'Shape', [items]);
  const count = call.step('old_count', 'Slice', [shape, lowering.small([0]), lowering.small([1]), lowering.small([0])]);
  const flat = lowering.reshape(index, [1], { name: `${call.name}/flat_index` });
  const needed = call.step('needed', 'Add', [flat, lowering.small([1])]);
  const missing = call.step('missing', 'Max', [call.step('more', 'Sub', [needed, count]), lowering.small([0])]);
  const before = lowering.small(Array.from({ length: rank }, () => 0));
  const parts = [before, missing, ...(rank > 1 ? [lowering.small(Array.from({ length: rank - 1 }, () => 0))] : [])];
  return call.step('grown', 'Pad', [items, call.step('growth', 'Concat', parts, { axis: 0 })]);
}

function push(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const list = call.list(0);
  const item = call.input(1);
  if (list.scan !== undefined) return [{ ...list, scan: { written: item } }];
  const row = call.step('row', 'Unsqueeze', [item, lowering.small([0])]);
  const empty = list.items === null && list.count !== null && lowering.numbers(list.count)?.[0] === 0;
  if (empty) return [{ ...list, items: row, count: null }];
  return [{ ...list, items: call.emit('Concat', [itemsOf(call, list), row], { axis: 0 }), count: null }];
}

function pop(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const list = call.list(0);
  const items = itemsOf(call, list);
  const zero = lowering.small([0]);
  const rest = call.step('rest', 'Slice', [items, zero, lowering.small([-1]), zero]);
  const last = lowering.apply('Gather', [items, lowering.small(-1)], {
    name: `${call.name}/last`,
    outputs: [call.outputName(1)],
    attrs: { axis: 0 },
  });
  return [{ ...list, items: rest, count: null }, last];
}

function gather(call: TfCall): readonly Operand[] {
  return [call.emit('Gather', [itemsOf(call, call.list(0)), call.input(1)], { axis: 0 })];
}

function scatter(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const items = call.input(0);
  const dtype = lowering.dtype(items);
  if (dtype === null) throw new Inexpressible('The type of its items is not known.');
  const places = call.known(1);
  if (places === undefined || !places.every((place, at) => place === at)) {
    throw new Inexpressible('It scatters items in another order than they come in.');
  }
  const item =
    call
      .shape(0)
      ?.slice(1)
      .map((size) => (typeof size === 'number' ? size : null)) ?? null;
  return [{ kind: 'list', dtype, item, count: null, items }];
}

/** Items of equal shape one behind the other along their first axis. */
function concat(call: TfCall): readonly Held[] {
  const { lowering } = call;
  const items = itemsOf(call, call.list(0));
  const shape = lowering.shape(items);
  const [count, rows, ...rest] = shape ?? [];
  if (shape === null || shape.length < 2 || rest.some((size) => typeof size !== 'number')) {
    throw new Inexpressible('The shape of its items is not known.');
  }
  const whole = lowering.reshape(items, [-1, ...(rest as number[])], { name: call.name });
  const lengths =
    typeof count === 'number' && typeof rows === 'number'
      ? lowering.small(Array.from({ length: count }, () => rows))
      : lowering.small([]);
  return [whole, lengths];
}

function resized(call: TfCall): readonly Held[] {
  const list = call.list(0);
  if (list.items === null) return [{ ...list, count: scalar(call, call.long(1), 'count') }];
  throw new Inexpressible('It changes the length of a list that has items.');
}

function toTensor(call: TfCall): readonly Held[] {
  const list = call.list(0);
  return [list.items ?? itemsOf(call, list)];
}

export const listRows: readonly (readonly [string, Row])[] = [
  ['TensorListReserve', (call) => reserve(call, false)],
  ['EmptyTensorList', (call) => reserve(call, true)],
  ['TensorListFromTensor', fromTensor],
  ['TensorListStack', toTensor],
  ['TensorListGetItem', read],
  ['TensorListSetItem', write],
  ['TensorListPushBack', push],
  ['TensorListPopBack', pop],
  ['TensorListGather', gather],
  ['TensorListScatter', scatter],
  ['TensorListScatterV2', scatter],
  ['TensorListConcat', concat],
  ['TensorListConcatV2', concat],
  ['TensorListResize', resized],
  ['TensorListLength', (call) => [countOf(call, call.list(0))]],
];
