/** Functions that move elements: reshape, transpose, slices, joining, splitting, padding, gathering. */
import { countOf } from '#base/dtype.ts';
import type { Json } from '#formats/keras/archive.ts';
import { classOf, fieldOf, isList, isObject } from '#formats/keras/config/json.ts';
import { operandsOf } from '#formats/keras/lower/layer-call.ts';
import { sizesFor, type Target } from '#formats/keras/lower/shapes.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { arrayOf, type Operation, type OperationCall, type Operations } from './operation-call.ts';

function reshape(o: OperationCall): Operand {
  const given = o.given(1, 'shape', 'newshape');
  const { lowering, call } = o;
  if (given?.kind === 'tensor') return lowering.reshape(o.x, given.operand, { name: call.name });
  if (given?.kind === 'list') {
    // Sizes of which some are computed.
    const pieces = given.items.map((item, at) => {
      if (item.kind === 'value' && typeof item.value === 'number') return lowering.small([item.value]);
      const [size] = operandsOf(item);
      if (size === undefined) throw new Unsupported('one of its sizes is not a number.');
      const wide = call.cast(size, 'i64', `size_${at}`);
      return lowering.rank(wide) === 0 ? call.node('Unsqueeze', [wide, lowering.small([0])], `size_${at}_list`) : wide;
    });
    return lowering.reshape(o.x, call.node('Concat', pieces, 'sizes', { axis: 0 }), { name: call.name });
  }
  const asked = o.wholes(1, 'shape', 'newshape') ?? [];
  const known = call.sizes(o.x);
  // Where the batch stays in front and another size is open, that one follows from the others.
  const rest = known.slice(1);
  const open = asked.indexOf(-1);
  if (open > 0 && asked.filter((size) => size === -1).length === 1)
    return lowering.reshape(o.x, asked, { name: call.name });
  if (open === 0 && rest.every((size) => size !== undefined) && countOf(asked.slice(1)) === countOf(rest as number[])) {
    const targets: readonly Target[] = [{ axis: 0 }, ...asked.slice(1)];
    return lowering.reshape(o.x, sizesFor(call, o.x, targets, 'sizes'), { name: call.name });
  }
  return lowering.reshape(o.x, asked, { name: call.name });
}

function transpose(o: OperationCall): Operand {
  const rank = o.lowering.rank(o.x);
  const order = o.wholes(1, 'perm', 'axes', 'pattern') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return o.lowering.transpose(
    o.x,
    order.map((axis) => o.call.axis(o.x, axis)),
  );
}

function swapAxes(o: OperationCall): Operand {
  const rank = o.lowering.rank(o.x);
  const [a, b] = [o.call.axis(o.x, o.whole(1, 'axis1')), o.call.axis(o.x, o.whole(2, 'axis2'))];
  const order = Array.from({ length: rank }, (_, axis) => (axis === a ? b : axis === b ? a : axis));
  return o.lowering.transpose(o.x, order);
}

function moveAxis(o: OperationCall): Operand {
  const from = (o.wholes(1, 'source') ?? []).map((axis) => o.call.axis(o.x, axis));
  const to = (o.wholes(2, 'destination') ?? []).map((axis) => o.call.axis(o.x, axis));
  const rank = o.lowering.rank(o.x);
  const order: (number | undefined)[] = Array.from({ length: rank }, () => undefined);
  for (const [at, axis] of from.entries()) order[to[at] ?? 0] = axis;
  const left = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !from.includes(axis));
  return o.lowering.transpose(
    o.x,
    order.map((axis) => axis ?? left.shift() ?? 0),
  );
}

function expandDims(o: OperationCall): Operand {
  const axes = o.wholes(1, 'axis', 'dim') ?? [0];
  const full = o.lowering.rank(o.x) + axes.length;
  return o.own('Unsqueeze', [o.x, o.lowering.small(axes.map((axis) => (axis < 0 ? axis + full : axis)))]);
}

function squeeze(o: OperationCall): Operand {
  const axes =
    o.wholes(1, 'axis', 'squeeze_dims') ?? o.call.sizes(o.x).flatMap((size, axis) => (size === 1 ? [axis] : []));
  return o.own('Squeeze', [o.x, o.lowering.small(axes.map((axis) => o.call.axis(o.x, axis)))]);
}

function concat(o: OperationCall): Operand {
  const inputs = o.list(0, 'values', 'xs', 'tensors');
  const [first] = inputs;
  if (first === undefined) throw new Unsupported('it joins nothing.');
  const axis = o.raw(1, 'axis');
  return o.own('Concat', inputs, { axis: o.call.axis(first, typeof axis === 'number' ? axis : o.isKeras ? 0 : -1) });
}

function stack(o: OperationCall): Operand {
  const inputs = o.list(0, 'values', 'x', 'xs');
  const [first] = inputs;
  if (first === undefined) throw new Unsupported('it joins nothing.');
  const full = o.lowering.rank(first) + 1;
  const asked = o.whole(1, 'axis', 0);
  const axis = asked < 0 ? asked + full : asked;
  const wide = inputs.map((one, at) => o.node('Unsqueeze', [one, o.lowering.small([axis])], `part_${at}`));
  return o.own('Concat', wide, { axis });
}

function unstack(o: OperationCall): readonly Operand[] {
  const axis = o.call.axis(o.x, o.whole(-1, 'axis', 0));
  const count = o.call.size(o.x, axis);
  if (count > 4096) throw new Unsupported('it takes a tensor apart into thousands of parts.');
  return Array.from({ length: count }, (_, at) =>
    o.node('Gather', [o.x, o.lowering.small(at)], `part_${at}`, { axis }),
  );
}

function split(o: OperationCall): readonly Operand[] {
  const axis = o.call.axis(o.x, o.whole(2, 'axis', 0));
  const size = o.call.size(o.x, axis);
  const asked = o.raw(1, 'num_or_size_splits', 'indices_or_sections') ?? 1;
  const sizes =
    typeof asked === 'number'
      ? Array.from({ length: Math.min(asked, 65_536) }, () => size / asked)
      : partsOf(o, asked, size);
  if (sizes.some((one) => !Number.isInteger(one) || one < 0))
    throw new Unsupported('it splits an axis into parts that do not add up.');
  if (sizes.length === 1) return [o.x];
  return o.lowering.node('Split', [o.x, o.lowering.small(sizes)], {
    name: o.call.name,
    outputs: sizes.map((_, at) => (at === 0 ? o.call.name : o.call.part(`part_${at}`))),
    attrs: { axis },
  });
}

/** TensorFlow lists sizes, keras.ops the places to cut at. */
function partsOf(o: OperationCall, asked: Json, size: number): readonly number[] {
  const numbers = isList(asked) ? asked.filter((one): one is number => typeof one === 'number') : [];
  if (!o.isKeras) {
    const known = numbers.filter((one) => one >= 0).reduce((a, b) => a + b, 0);
    return numbers.map((one) => (one === -1 ? size - known : one));
  }
  return [...numbers, size].map((end, at) => end - (at === 0 ? 0 : (numbers[at - 1] ?? 0)));
}

function repeat(o: OperationCall): Operand {
  const times = o.raw(1, 'repeats', 'rep');
  const axis = o.raw(2, 'axis');
  if (typeof times !== 'number' || typeof axis !== 'number')
    throw new Unsupported('it repeats elements in different numbers, or all of them as one row.');
  const at = o.call.axis(o.x, axis);
  const rank = o.lowering.rank(o.x);
  const wide = o.node('Unsqueeze', [o.x, o.lowering.small([at + 1])], 'wide');
  const tiled = o.node(
    'Tile',
    [wide, o.lowering.small(Array.from({ length: rank + 1 }, (_, one) => (one === at + 1 ? times : 1)))],
    'tiled',
  );
  const size = o.call.sizes(o.x)[at];
  const targets = Array.from({ length: rank }, (_, one): Target =>
    one < at ? { axis: one } : one > at ? { axis: one + 1 } : size === undefined ? -1 : size * times,
  );
  return o.lowering.reshape(tiled, sizesFor(o.call, tiled, targets, 'sizes'), { name: o.call.name });
}

function tile(o: OperationCall): Operand {
  const repeats = o.wholes(1, 'multiples', 'repeats', 'n') ?? [];
  const rank = o.lowering.rank(o.x);
  if (repeats.length > rank) throw new Unsupported('it repeats along more axes than its input has.');
  return o.own('Tile', [
    o.x,
    o.lowering.small([...Array.from({ length: rank - repeats.length }, () => 1), ...repeats]),
  ]);
}

function flip(o: OperationCall): Operand {
  const axes = (o.wholes(1, 'axis', 'axes') ?? Array.from({ length: o.lowering.rank(o.x) }, (_, axis) => axis)).map(
    (axis) => o.call.axis(o.x, axis),
  );
  const list = (value: number): Operand => o.lowering.small(axes.map(() => value));
  return o.own('Slice', [o.x, list(-1), list(-(2 ** 31)), o.lowering.small(axes), list(-1)]);
}

function pad(o: OperationCall): Operand {
  const rank = o.lowering.rank(o.x);
  const given = o.raw(1, 'paddings', 'pad_width');
  const pairs = isList(given) ? given : [given ?? null];
  const pair = (one: Json): readonly [number, number] => {
    if (typeof one === 'number') return [one, one];
    const [before, after] = isList(one) ? one : [];
    if (typeof before !== 'number' || typeof after !== 'number')
      throw new Unsupported('its padding is computed by the model.');
    return [before, after];
  };
  const all = pairs.length === rank ? pairs.map(pair) : Array.from({ length: rank }, () => pair(pairs[0] ?? null));
  const pads = o.lowering.small([...all.map(([before]) => before), ...all.map(([, after]) => after)]);
  const mode = String(o.raw(-1, 'mode') ?? 'constant').toLowerCase();
  if (mode === 'reflect') return o.own('Pad', [o.x, pads], { mode: 'reflect' });
  if (mode !== 'constant') throw new Unsupported(`it pads by "${mode}".`);
  const value = o.optional(-1, o.lowering.dtype(o.x) ?? 'f32', 'constant_values');
  return o.own('Pad', value === undefined ? [o.x, pads] : [o.x, pads, value]);
}

/** Python's index: slices, numbers, None for a new axis, an ellipsis. */
function getItem(o: OperationCall): Operand {
  const { lowering, call, x } = o;
  const key = o.raw(1, 'slice_spec', 'key');
  const parts = isList(key) ? key : [key ?? null];
  const rank = lowering.rank(x);
  const taken = parts.filter((part) => part !== null && classOf(part)?.name !== '__ellipsis__').length;
  if (taken > rank) throw new Unsupported('it indexes more axes than its input has.');
  const slices: { readonly axis: number; readonly start: number; readonly end: number; readonly step: number }[] = [];
  const gone: number[] = [];
  const added: number[] = [];
  let axis = 0;
  for (const part of parts) {
    if (part === null) {
      added.push(axis - gone.length + added.length);
    } else if (classOf(part)?.name === '__ellipsis__') {
      axis += rank - taken;
    } else if (typeof part === 'number') {
      slices.push({ axis, start: part, end: part === -1 ? LAST : part + 1, step: 1 });
      gone.push(axis++);
    } else {
      const slice = sliceOf(part, axis);
      if (slice !== undefined) slices.push(slice);
      axis++;
    }
  }
  let made = x;
  if (slices.length > 0) {
    const list = (read: (slice: (typeof slices)[number]) => number): Operand => lowering.small(slices.map(read));
    const inputs = [
      x,
      list((one) => one.start),
      list((one) => one.end),
      list((one) => one.axis),
      list((one) => one.step),
    ];
    made = gone.length + added.length === 0 ? call.own('Slice', inputs) : call.node('Slice', inputs, 'slice');
  }
  if (gone.length > 0) {
    const inputs = [made, lowering.small(gone)];
    made = added.length === 0 ? call.own('Squeeze', inputs) : call.node('Squeeze', inputs, 'squeezed');
  }
  return added.length === 0 ? made : call.own('Unsqueeze', [made, lowering.small(added)]);
}

const LAST = 2 ** 31 - 1;

function sliceOf(part: Json, axis: number): { axis: number; start: number; end: number; step: number } | undefined {
  const made = classOf(part);
  const fields = made !== undefined && isObject(made.config) ? made.config : part;
  if (!isObject(fields)) throw new Unsupported('it indexes by a tensor.');
  const number = (name: string): number | undefined => {
    const value = fieldOf(fields, name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number') throw new Unsupported('it indexes by a tensor.');
    return value;
  };
  const [start, stop, step = 1] = [number('start'), number('stop'), number('step')];
  if (start === undefined && stop === undefined && step === 1) return undefined;
  return { axis, start: start ?? (step < 0 ? LAST : 0), end: stop ?? (step < 0 ? -LAST : LAST), step };
}

/** Starts and sizes; -1 takes all that is left. */
function sliced(o: OperationCall): Operand {
  const starts = o.wholes(1, 'begin', 'start_indices') ?? [];
  const sizes = o.wholes(2, 'size', 'shape') ?? [];
  if (starts.length !== sizes.length || starts.length !== o.lowering.rank(o.x))
    throw new Unsupported('its slice is not known.');
  const ends = sizes.map((size, axis) => (size === -1 ? LAST : (starts[axis] ?? 0) + size));
  const axes = starts.map((_, axis) => axis);
  return o.own('Slice', [o.x, o.lowering.small(starts), o.lowering.small(ends), o.lowering.small(axes)]);
}

function gather(o: OperationCall): Operand {
  const indices = o.given(1, 'indices');
  const axis = o.raw(-1, 'axis');
  if ((o.raw(-1, 'batch_dims') ?? 0) !== 0)
    throw new Unsupported('it gathers from each sample of the batch by its own list.');
  const places =
    indices?.kind === 'tensor'
      ? indices.operand
      : o.constant(arrayOf(indices?.kind === 'value' ? indices.value : null), 'i64');
  if (axis === null && o.isKeras) throw new Unsupported('it gathers from all elements at once.');
  return o.own('Gather', [o.x, places], { axis: o.call.axis(o.x, typeof axis === 'number' ? axis : 0) });
}

function broadcastTo(o: OperationCall): Operand {
  const sizes = o.wholes(1, 'shape') ?? [];
  if (sizes.some((size) => size < 0)) throw new Unsupported('it broadcasts to a size that is not known.');
  return o.own('Expand', [o.x, o.lowering.small(sizes)]);
}

function shapeOf(o: OperationCall): Operand {
  const wanted = o.dtype(-1, 'out_type', 'i32');
  const shape = o.node('Shape', [o.x], 'sizes');
  return wanted === 'i64' ? shape : o.own('Cast', [shape], { to: 6 });
}

function ravel(o: OperationCall): Operand {
  return o.lowering.reshape(o.x, [-1], { name: o.call.name });
}

function triangle(upper: number): Operation {
  return (o) => o.own('Trilu', [o.x, o.lowering.small(o.whole(1, 'k', 0))], { upper });
}

export const ARRANGING: Operations = {
  reshape,
  transpose,
  permute_dimensions: transpose,
  swapaxes: swapAxes,
  moveaxis: moveAxis,
  expand_dims: expandDims,
  squeeze,
  concat,
  concat_v2: concat,
  concatenate: concat,
  stack,
  pack: stack,
  unstack,
  split,
  repeat,
  repeat_elements: repeat,
  tile,
  flip,
  reverse: flip,
  pad,
  pad_v2: pad,
  getitem: getItem,
  get_item: getItem,
  slice: sliced,
  gather,
  gather_v2: gather,
  take: gather,
  broadcast_to: broadcastTo,
  shape: shapeOf,
  ravel,
  tril: triangle(0),
  triu: triangle(1),
};
