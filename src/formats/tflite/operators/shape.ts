/** Operators that move elements without computing: shapes, pieces, joins, borders. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, onnxTypeOf, row, type OperatorRow } from '#formats/tflite/call.ts';
import { byte, int, ints } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';
import { activated } from './fused.ts';

export const shapeOperators: readonly OperatorRow[] = [
  row(
    'RESHAPE',
    { shape: ints(0) },
    (call, options) => {
      const complex = call.tensor(0).type === 'c64';
      const listed = call.has(1) ? undefined : options.shape;
      const known = listed ?? call.known(1);
      const names = { name: call.name, output: call.output };
      if (known !== undefined) return call.lowering.reshape(call.input(0), complex ? [...known, 2] : known, names);
      if (complex) throw new Unsupported('It gives complex numbers a shape that is only known when it is run.');
      return call.lowering.reshape(call.input(0), call.input(1), names);
    },
    true,
  ),
  row('TRANSPOSE', {}, (call) => {
    const rank = call.rank(0);
    return call.lowering.transpose(
      call.input(0),
      call.numbers(1, 'order of axes').map((axis) => call.axis(axis, rank)),
    );
  }),
  row('SQUEEZE', { axes: ints(0) }, (call, { axes }) => {
    if (axes.length > 0) return call.result('Squeeze', [call.input(0), call.lowering.small(axes)]);
    const ones = call.sizes(0).flatMap((size, axis) => (size === 1 ? [axis] : []));
    return ones.length === 0 ? call.input(0) : call.result('Squeeze', [call.input(0), call.lowering.small(ones)]);
  }),
  row('EXPAND_DIMS', {}, (call) => {
    const [axis = 0] = call.numbers(1, 'axis');
    return call.result('Unsqueeze', [call.input(0), call.lowering.small([call.axis(axis, call.rank(0) + 1)])]);
  }),
  row('SHAPE', { type: byte(0) }, (call) => {
    const { type } = call.resultTensor();
    const shape = call.lowering.apply('Shape', [call.input(0)], { name: call.name, outputs: [`${call.output}_wide`] });
    if (type === 'i64') return shape;
    return call.step('narrow', 'Cast', [shape], { to: onnxTypeOf(type) });
  }),
  row('RANK', {}, (call) => call.lowering.small(call.rank(0), 'i32')),
  row('CONCATENATION', { axis: int(0), activation: byte(1) }, (call, { axis, activation }) =>
    activated(call, activation, ({ name, output }) =>
      call.lowering.apply('Concat', call.inputs(), {
        name,
        outputs: [output],
        attrs: { axis: call.axis(axis, call.rank(0)) },
      }),
    ),
  ),
  row('PACK', { count: int(0), axis: int(1) }, (call, { axis }) => {
    const along = call.axis(axis, call.rank(0) + 1);
    const where = call.lowering.small([along]);
    const raised = call.inputs().map((one, at) => call.step(`raised_${at}`, 'Unsqueeze', [one, where]));
    return raised.length === 1 ? raised : call.result('Concat', raised, { axis: along });
  }),
  row('UNPACK', { count: int(0), axis: int(1) }, (call, { axis }) => {
    const along = call.axis(axis, call.rank(0));
    const where = call.lowering.small([along]);
    const pieces = split(call, call.input(0), along, undefined, '_raised');
    return pieces.map((piece, at) => {
      const output = call.outputs[at] ?? `${call.name}_${at}`;
      return call.lowering.apply('Squeeze', [piece, where], { name: `${call.name}/${at}`, outputs: [output] });
    });
  }),
  row('SPLIT', { count: int(0) }, (call) => {
    const [axis = 0] = call.numbers(0, 'axis');
    return split(call, call.input(1), call.axis(axis, call.rank(1)), undefined, '');
  }),
  row('SPLIT_V', { count: int(0) }, (call) => {
    const [axis = 0] = call.numbers(2, 'axis');
    const along = call.axis(axis, call.rank(0));
    const sizes = call.numbers(1, 'list of sizes');
    const total = call.shape(0)[along];
    const rest = sizes.filter((size) => size >= 0).reduce((sum, size) => sum + size, 0);
    if (sizes.includes(-1) && typeof total !== 'number') throw new Unsupported('The size of one piece is left open.');
    const full = sizes.map((size) => (size < 0 ? (total as number) - rest : size));
    return split(call, call.input(0), along, full, '');
  }),
  row('TILE', {}, (call) => call.result('Tile', [call.input(0), call.cast(call.input(1), 'i64', 'times')])),
  row('BROADCAST_TO', {}, (call) => call.result('Expand', [call.input(0), call.cast(call.input(1), 'i64', 'shape')])),
  row('FILL', {}, (call) => call.result('Expand', [call.input(1), call.cast(call.input(0), 'i64', 'shape')])),
  row('RANGE', {}, (call) => call.result('Range', call.inputs())),
  row('PAD', {}, (call) => call.result('Pad', [call.input(0), pads(call)])),
  row('PADV2', {}, (call) => {
    const value = call.lowering.reshape(call.input(2), [], { name: `${call.name}/value` });
    return call.result('Pad', [call.input(0), pads(call), value]);
  }),
  row('MIRROR_PAD', { mode: byte(0) }, (call, { mode }) => {
    if (mode === 0) return call.result('Pad', [call.input(0), pads(call)], { mode: 'reflect' });
    return mirrored(call);
  }),
  row('REVERSE_V2', {}, (call) => {
    const rank = call.rank(0);
    const axes = call.numbers(1, 'list of axes').map((axis) => call.axis(axis, rank));
    return axes.length === 0 ? call.input(0) : call.result('Slice', [call.input(0), ...backwards(call, axes)]);
  }),
  row('REVERSE_SEQUENCE', { time: int(0), batch: int(1) }, (call, { time, batch }) => {
    const rank = call.rank(0);
    const [along, rows] = [call.axis(time, rank), call.axis(batch, rank)];
    const rest = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== along && axis !== rows);
    const order = [rows, along, ...rest];
    const made = call.result(
      'ReverseSequence',
      [call.lowering.transpose(call.input(0), order), call.cast(call.input(1), 'i64', 'lengths')],
      { batch_axis: 0, time_axis: 1 },
    );
    return call.lowering.transpose(
      made,
      order.map((_, axis) => order.indexOf(axis)),
    );
  }),
  row('ONE_HOT', { axis: int(0) }, (call, { axis }) => {
    // Indices that no place has give no place in TFLite, while ONNX counts negative ones from the back.
    const { lowering } = call;
    const rank = call.rank(0) + 1;
    const along = axis === -1 ? rank - 1 : call.axis(axis, rank);
    const depth = lowering.reshape(call.input(1), [], { name: `${call.name}/depth` });
    const type = lowering.dtype(call.input(0)) === 'i64' ? 'i64' : 'i32';
    const places = call.step('places', 'Range', [
      lowering.small(0, type),
      call.cast(depth, type, 'wide_depth'),
      lowering.small(1, type),
    ]);
    const behind = Array.from({ length: rank - 1 - along }, (_, at) => at + 1);
    const aligned = behind.length === 0 ? places : call.step('aligned', 'Unsqueeze', [places, lowering.small(behind)]);
    const indices = call.step('indices', 'Unsqueeze', [
      call.cast(call.input(0), type, 'wide'),
      lowering.small([along]),
    ]);
    return call.result('Where', [call.step('hit', 'Equal', [indices, aligned]), call.input(2), call.input(3)]);
  }),
  row('WHERE', {}, (call) => call.lowering.transpose(call.result('NonZero', [call.input(0)]), [1, 0])),
  row('SCATTER_ND', {}, (call) => {
    const { lowering } = call;
    const zeros = call.step('zeros', 'Expand', [call.like(call.input(1), 0), call.cast(call.input(2), 'i64', 'shape')]);
    return lowering.apply('ScatterND', [zeros, call.cast(call.input(0), 'i64', 'indices'), call.input(1)], {
      name: call.name,
      outputs: [call.output],
      attrs: { reduction: 'add' },
    });
  }),
];

/** Equal pieces, or pieces of the given sizes, one for each output. */
function split(
  call: OperatorCall,
  x: Operand,
  axis: number,
  sizes: readonly number[] | undefined,
  suffix: string,
): readonly Operand[] {
  const { lowering, outputs, name } = call;
  if (outputs.length === 1) return [x];
  const total = lowering.shape(x)?.[axis];
  if (sizes === undefined && typeof total === 'number' && total % outputs.length !== 0) {
    throw new Unsupported(`It cuts ${total} places into ${outputs.length} equal pieces.`, 'The file is damaged.');
  }
  // Sizes in so many words where they are known: onnxruntime takes two Splits of one tensor that differ in the number of outputs alone
  // for the same. Since opset 18 equal pieces of an open size are counted in an attribute.
  const equal = typeof total === 'number' ? outputs.map(() => total / outputs.length) : undefined;
  const pieces = sizes ?? equal;
  const counted = pieces === undefined && lowering.opset >= 18 ? { num_outputs: outputs.length } : {};
  return lowering.node('Split', pieces === undefined ? [x] : [x, lowering.small(pieces)], {
    name,
    outputs: outputs.map((output, at) => (output === '' ? `${name}_${at}` : `${output}${suffix}`)),
    attrs: { axis, ...counted },
  });
}

/** Pads before all axes, then behind them, from a list of pairs. */
function pads(call: OperatorCall): Operand {
  const known = call.known(1);
  if (known === undefined) {
    const pairs = call.lowering.transpose(call.cast(call.input(1), 'i64', 'pairs'), [1, 0]);
    return call.lowering.reshape(pairs, [-1], { name: `${call.name}/pads` });
  }
  if (known.length !== 2 * call.rank(0)) throw new Unsupported('Its pads do not fit the axes of its input.');
  return call.lowering.small([0, 1].flatMap((side) => known.filter((_, at) => at % 2 === side)));
}

/** Beyond any size: slices to the end. */
const END = 2 ** 31 - 1;

function backwards(call: OperatorCall, axes: readonly number[]): readonly Operand[] {
  const { lowering } = call;
  const each = (value: number): Operand => lowering.small(axes.map(() => value));
  return [each(-1), each(-END), lowering.small(axes), each(-1)];
}

/** Borders that repeat the edge too, which ONNX has no mode for: turned pieces beside the middle, axis by axis. */
function mirrored(call: OperatorCall): Operand {
  const { lowering } = call;
  const known = call.numbers(1, 'list of pads');
  const sizes = call.shape(0);
  let x = call.input(0);
  for (const [axis, size] of sizes.entries()) {
    const [before = 0, after = 0] = [known[2 * axis], known[2 * axis + 1]];
    if (before === 0 && after === 0) continue;
    if (typeof size !== 'number') throw new Unsupported(`It mirrors axis ${axis}, whose size callers choose.`);
    const piece = (from: number, to: number, side: string): Operand => {
      const cut = call.step(`${side}_${axis}`, 'Slice', [
        x,
        lowering.small([from]),
        lowering.small([to]),
        lowering.small([axis]),
      ]);
      return call.step(`${side}_${axis}_turned`, 'Slice', [cut, ...backwards(call, [axis])]);
    };
    const parts = [
      ...(before > 0 ? [piece(0, before, 'before')] : []),
      x,
      ...(after > 0 ? [piece(size - after, size, 'after')] : []),
    ];
    x = call.step(`axis_${axis}`, 'Concat', parts, { axis });
  }
  return x;
}
