/** Images: resizing, and places of pixels traded against channels or batch. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { bool, int } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

export const spaceOperators: readonly OperatorRow[] = [
  resizing('RESIZE_BILINEAR', 'linear', 2),
  resizing('RESIZE_NEAREST_NEIGHBOR', 'nearest', 0),
  row('DEPTH_TO_SPACE', { block: int(0) }, (call, { block }) =>
    // Both count the row in a block first, then the column, then channels.
    turned(call, 'DepthToSpace', { blocksize: block, mode: 'DCR' }),
  ),
  row('SPACE_TO_DEPTH', { block: int(0) }, (call, { block }) => turned(call, 'SpaceToDepth', { blocksize: block })),
  row('SPACE_TO_BATCH_ND', {}, (call) => spaceToBatch(call)),
  row('BATCH_TO_SPACE_ND', {}, (call) => batchToSpace(call)),
];

function resizing(name: string, mode: 'linear' | 'nearest', slot: number): OperatorRow {
  return row(name, { aligned: bool(slot), half: bool(slot + 1) }, (call, { aligned, half }) => {
    const settings = {
      mode,
      sizes: call.known(1) ?? call.input(1),
      alignCorners: aligned,
      halfPixelCenters: half,
    };
    const { type, quantization } = call.resultTensor();
    const [scale] = quantization?.scale ?? [];
    if (mode === 'nearest' || (type !== 'i8' && type !== 'u8') || scale === undefined || !(scale > 0)) {
      return call.lowering.resize(call.input(0), { name: call.name, output: call.output, ...settings });
    }
    // Levels half way between two, which quarters of a pixel give often, are rounded up; ONNX rounds to the even one.
    const mixed = call.lowering.resize(call.input(0), { name: `${call.name}/mixed`, ...settings });
    return call.result('Add', [mixed, call.like(mixed, scale * HALF_WAY)]);
  });
}

/** Of a step: more than floats err by, less than other mixtures of levels are likely to lie from half way. */
const HALF_WAY = 2 ** -12;

function turned(call: OperatorCall, op: string, attrs: Readonly<Record<string, number | string>>): Operand {
  const { lowering } = call;
  if (call.rank(0) !== 4) throw new Unsupported(`It takes a tensor with ${call.rank(0)} axes.`);
  return lowering.transpose(call.result(op, [lowering.transpose(call.input(0), [0, 3, 1, 2])], attrs), [0, 2, 3, 1]);
}

/** Pads, then cuts every spatial axis into blocks whose places become the outermost part of the batch. */
function spaceToBatch(call: OperatorCall): Operand {
  const { lowering } = call;
  const shape = call.shape(0);
  const blocks = call.numbers(1, 'list of block sizes');
  const borders = call.numbers(2, 'list of borders');
  const padding = (side: 0 | 1): number[] =>
    shape.map((_, axis) => (axis >= 1 && axis <= blocks.length ? (borders[2 * (axis - 1) + side] ?? 0) : 0));
  const pads = [...padding(0), ...padding(1)];
  const x = pads.every((pad) => pad === 0)
    ? call.input(0)
    : call.step('padded', 'Pad', [call.input(0), lowering.small(pads)]);
  const sizes = spatial(call, lowering.shape(x), blocks.length);
  const rest = restOf(call, blocks.length);
  const cut = lowering.reshape(
    x,
    [-1, ...blocks.flatMap((block, at) => [Math.floor((sizes[at] ?? 0) / block), block]), ...rest],
    { name: `${call.name}/blocks` },
  );
  const inner = blocks.map((_, at) => 2 * at + 2);
  const outer = blocks.map((_, at) => 2 * at + 1);
  const behind = rest.map((_, at) => 2 * blocks.length + 1 + at);
  const moved = lowering.transpose(cut, [...inner, 0, ...outer, ...behind]);
  const result = [-1, ...blocks.map((block, at) => Math.floor((sizes[at] ?? 0) / block)), ...rest];
  return lowering.reshape(moved, result, { name: call.name, output: call.output });
}

function batchToSpace(call: OperatorCall): Operand {
  const { lowering } = call;
  const blocks = call.numbers(1, 'list of block sizes');
  const crops = call.numbers(2, 'list of borders');
  const sizes = spatial(call, call.shape(0), blocks.length);
  const rest = restOf(call, blocks.length);
  const cut = lowering.reshape(call.input(0), [...blocks, -1, ...sizes, ...rest], { name: `${call.name}/blocks` });
  const count = blocks.length;
  const order = [count, ...blocks.flatMap((_, at) => [count + 1 + at, at]), ...rest.map((_, at) => 2 * count + 1 + at)];
  const joined = lowering.reshape(
    lowering.transpose(cut, order),
    [-1, ...blocks.map((block, at) => block * (sizes[at] ?? 0)), ...rest],
    { name: call.name, output: call.output },
  );
  if (crops.every((crop) => crop === 0)) return joined;
  const full = blocks.map((block, at) => block * (sizes[at] ?? 0));
  return call.step('cropped', 'Slice', [
    joined,
    lowering.small(blocks.map((_, at) => crops[2 * at] ?? 0)),
    lowering.small(full.map((size, at) => size - (crops[2 * at + 1] ?? 0))),
    lowering.small(blocks.map((_, at) => at + 1)),
  ]);
}

function spatial(call: OperatorCall, shape: readonly unknown[] | null, count: number): readonly number[] {
  const sizes = (shape ?? []).slice(1, 1 + count);
  if (sizes.length === count && sizes.every((size) => typeof size === 'number')) return sizes;
  throw new Unsupported('It cuts an image whose size is only known when it is run.');
}

function restOf(call: OperatorCall, count: number): readonly number[] {
  return call
    .shape(0)
    .slice(1 + count)
    .map((size) => {
      if (typeof size === 'number') return size;
      throw new Unsupported('It cuts an image whose channels are only known when it is run.');
    });
}
