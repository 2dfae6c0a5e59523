/** Convolutions and pooling. Weights lie as output, height, width, input in TFLite; ONNX wants output, input, height, width. */
import type { Operand, Padding } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { byte, int } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';
import { activated } from './fused.ts';

const POOL = {
  padding: byte(0),
  strideWidth: int(1),
  strideHeight: int(2),
  width: int(3),
  height: int(4),
  activation: byte(5),
} as const;

export function paddingOf(padding: number): Padding {
  return padding === 0 ? 'SAME' : 'VALID';
}

/** Steps of at least one: others would never arrive. */
function steps(...list: readonly number[]): readonly number[] {
  if (list.every((step) => step >= 1)) return list;
  throw new Unsupported(`Its steps are [${list.join(', ')}].`, 'The file is damaged: get it again.');
}

/** Channels that the input of a convolution has. */
function channelsOf(call: OperatorCall, at: number): number {
  const channels = call.shape(at).at(-1);
  if (typeof channels === 'number' && channels > 0) return channels;
  throw new Unsupported('How many channels its input has is only known when it is run.');
}

function sizeOf(call: OperatorCall, at: number, rank: number): readonly number[] {
  const shape = call.sizes(at);
  if (shape.length === rank) return shape;
  throw new Unsupported(
    `Its weight has ${shape.length} axes where ${rank} belong.`,
    'The file is damaged: get it again.',
  );
}

export const convolutionOperators: readonly OperatorRow[] = [
  row(
    'CONV_2D',
    {
      padding: byte(0),
      strideWidth: int(1),
      strideHeight: int(2),
      activation: byte(3),
      dilationWidth: int(4, 1),
      dilationHeight: int(5, 1),
    },
    (call, options) => {
      const [, , , perGroup = 0] = sizeOf(call, 1, 4);
      const groups = channelsOf(call, 0) / perGroup;
      if (!Number.isInteger(groups)) throw new Unsupported('The channels of its input and of its weight do not match.');
      return activated(call, options.activation, (names) =>
        call.lowering.convolve(call.input(0), call.weight(1, [0, 3, 1, 2]), call.bias(2, 0, 1), {
          ...names,
          strides: steps(options.strideHeight, options.strideWidth),
          padding: paddingOf(options.padding),
          dilations: steps(options.dilationHeight, options.dilationWidth),
          groups,
        }),
      );
    },
  ),
  row(
    'DEPTHWISE_CONV_2D',
    {
      padding: byte(0),
      strideWidth: int(1),
      strideHeight: int(2),
      activation: byte(4),
      dilationWidth: int(5, 1),
      dilationHeight: int(6, 1),
    },
    (call, options) => {
      const [, , , out = 0] = sizeOf(call, 1, 4);
      const groups = channelsOf(call, 0);
      if (out % groups !== 0) throw new Unsupported('The channels of its input and of its weight do not match.');
      return activated(call, options.activation, (names) =>
        // [1, height, width, channels] holds one filter for each channel.
        call.lowering.convolve(call.input(0), call.weight(1, [3, 0, 1, 2]), call.bias(2, 0, 1), {
          ...names,
          strides: steps(options.strideHeight, options.strideWidth),
          padding: paddingOf(options.padding),
          dilations: steps(options.dilationHeight, options.dilationWidth),
          groups,
        }),
      );
    },
  ),
  row(
    'TRANSPOSE_CONV',
    { padding: byte(0), strideWidth: int(1), strideHeight: int(2), activation: byte(3) },
    (call, options) => {
      const sizes = call.known(0);
      return activated(call, options.activation, (names) =>
        call.lowering.convolveTransposed(call.input(2), call.weight(1, [3, 0, 1, 2]), call.bias(3, 2, 1), {
          ...names,
          strides: steps(options.strideHeight, options.strideWidth),
          padding: paddingOf(options.padding),
          ...(sizes?.length === 4 ? { outputSizes: sizes.slice(1, 3) } : {}),
        }),
      );
    },
  ),
  row(
    'CONV_3D',
    {
      padding: byte(0),
      strideDepth: int(1),
      strideWidth: int(2),
      strideHeight: int(3),
      activation: byte(4),
      dilationDepth: int(5, 1),
      dilationWidth: int(6, 1),
      dilationHeight: int(7, 1),
    },
    (call, options) => {
      // [depth, height, width, in, out], as TensorFlow lays them.
      const [, , , perGroup = 0] = sizeOf(call, 1, 5);
      const groups = channelsOf(call, 0) / perGroup;
      if (!Number.isInteger(groups)) throw new Unsupported('The channels of its input and of its weight do not match.');
      return activated(call, options.activation, (names) =>
        call.lowering.convolve(call.input(0), call.weight(1, [4, 3, 0, 1, 2]), call.bias(2, 0, 1), {
          ...names,
          strides: steps(options.strideDepth, options.strideHeight, options.strideWidth),
          padding: paddingOf(options.padding),
          dilations: steps(options.dilationDepth, options.dilationHeight, options.dilationWidth),
          groups,
        }),
      );
    },
  ),
  pooling('MAX_POOL_2D', 'max'),
  pooling('AVERAGE_POOL_2D', 'average'),
  row('L2_POOL_2D', POOL, (call, options) =>
    activated(call, options.activation, ({ name, output }) => {
      const x = call.input(0);
      const squares = call.step('squares', 'Mul', [x, x]);
      const mean = call.lowering.pool(squares, {
        name: `${name}/mean`,
        kind: 'average',
        window: steps(options.height, options.width),
        strides: steps(options.strideHeight, options.strideWidth),
        padding: paddingOf(options.padding),
      });
      return call.lowering.apply('Sqrt', [mean], { name, outputs: [output] });
    }),
  ),
];

function pooling(name: string, kind: 'max' | 'average'): OperatorRow {
  return row(name, POOL, (call, options): Operand =>
    activated(call, options.activation, (names) => {
      const pooled = {
        kind,
        window: steps(options.height, options.width),
        strides: steps(options.strideHeight, options.strideWidth),
        padding: paddingOf(options.padding),
      };
      const grid = kind === 'average' ? gridOf(call) : undefined;
      const places = options.width * options.height;
      // Only a mean of an even number of levels can lie half way; at padded borders any number of them may count.
      const never = places % 2 === 1 && pooled.padding === 'VALID';
      if (grid === undefined || never) return call.lowering.pool(call.input(0), { ...names, ...pooled });
      const mean = call.lowering.pool(call.input(0), { name: `${names.name}/mean`, ...pooled });
      return awayFromZero(call, mean, grid, places, names);
    }),
  );
}

interface Grid {
  readonly signed: boolean;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The grid of a result of integers. */
function gridOf(call: OperatorCall): Grid | undefined {
  const { type, quantization } = call.resultTensor();
  const [scale] = quantization?.scale ?? [];
  if ((type !== 'i8' && type !== 'u8') || scale === undefined || !(scale > 0)) return undefined;
  return { signed: type === 'i8', scale, zeroPoint: Number(quantization?.zeroPoint[0] ?? 0n) };
}

/**
 * TFLite rounds a mean of levels that lies half way between two away from level zero; ONNX rounds to the even one. A nudge that
 * is less than the least distance of other means from half way decides such cases alone. Level zero is the real -zeroPoint * scale,
 * and no mean half way lies nearer to it than half a step, so that what is clipped to the nudge has its sign.
 */
function awayFromZero(
  call: OperatorCall,
  mean: Operand,
  { signed, scale, zeroPoint }: Grid,
  places: number,
  { name, output }: { readonly name: string; readonly output?: string },
): Operand {
  const most = scale / (4 * places);
  const level =
    !signed || zeroPoint === 0 ? mean : call.step('level', 'Add', [mean, call.like(mean, zeroPoint * scale)]);
  const nudge = signed
    ? call.step('nudge', 'Clip', [level, call.like(mean, -most), call.like(mean, most)])
    : call.like(mean, most);
  return call.lowering.apply('Add', [mean, nudge], { name, outputs: [output ?? name] });
}
