/** Layers that move, add or drop elements: Flatten, Reshape, Permute, padding, cropping, upsampling, resizing. */
import { countOf, isFloat } from '#base/dtype.ts';
import { isList } from '#formats/keras/config/json.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { sizesFor, type Target } from '#formats/keras/lower/shapes.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { codeOfDtype } from '#ops/dtype-code.ts';
import { isChannelsFirst } from './convolution.ts';
import type { LayerRow, LayerRows } from './row.ts';

function flatten(call: LayerCall): Operand {
  const { lowering, first } = call;
  const rank = lowering.rank(first);
  const turned = isChannelsFirst(call) && rank > 2;
  const order = [0, ...Array.from({ length: rank - 2 }, (_, at) => at + 2), 1];
  const x = turned ? lowering.transpose(first, order) : first;
  if (rank === 1) return lowering.reshape(x, [-1, 1], { name: call.name });
  if (rank === 2) return x;
  const [batch, ...rest] = call.sizes(x);
  if (rest.some((size) => size === undefined)) return call.own('Flatten', [x], { axis: 1 });
  return lowering.reshape(x, [batch ?? -1, countOf(rest as number[])], { name: call.name });
}

function reshape(call: LayerCall): Operand {
  const { lowering, first, settings } = call;
  const asked = settings.wholes('target_shape');
  const sizes = call.sizes(first);
  const rest = sizes.slice(1);
  const known = rest.every((size) => size !== undefined);
  // A row of channels for every sample, as squeeze-and-excite blocks make it: laid as convolutions want it.
  const channels = asked.at(-1);
  const isRow = sizes.length === 2 && asked.length > 1 && asked.slice(0, -1).every((size) => size === 1);
  if (isRow && channels !== undefined && channels === sizes[1]) {
    const ones = asked.slice(1).map(() => 1);
    const laid = lowering.reshape(first, [sizes[0] ?? -1, channels, ...ones], { name: call.name });
    return lowering.transpose(laid, [0, ...ones.map((_, at) => at + 2), 1]);
  }
  const open = asked.indexOf(-1);
  // One size is left to be found: it follows from the others where those are known.
  const found = known && open !== -1 ? countOf(rest as number[]) / -countOf(asked) : -1;
  const target = asked.map((size) => (size === -1 && Number.isInteger(found) && found > 0 ? found : size));
  const targets: readonly Target[] = [{ axis: 0 }, ...target];
  return lowering.reshape(first, sizesFor(call, first, targets, 'shape'), { name: call.name });
}

function permute(call: LayerCall): Operand {
  const dims = call.settings.wholes('dims');
  const rank = call.lowering.rank(call.first);
  if (dims.toSorted((a, b) => a - b).some((axis, at) => axis !== at + 1) || dims.length !== rank - 1) {
    throw call.settings.wrong('dims', `the axes 1 to ${rank - 1} in some order`);
  }
  return call.lowering.transpose(call.first, [0, ...dims]);
}

function repeatVector(call: LayerCall): Operand {
  const wide = call.node('Unsqueeze', [call.first, call.lowering.small([1])], 'wide');
  return call.own('Tile', [wide, call.lowering.small([1, call.settings.size('n'), 1])]);
}

function padding(axes: number): LayerRow {
  return {
    lower: (call) => {
      const pairs = call.settings.pairs('padding', axes);
      const first = isChannelsFirst(call);
      const around = (side: 0 | 1): readonly number[] => {
        const spatial = pairs.map((pair) => pair[side]);
        return first ? [0, 0, ...spatial] : [0, ...spatial, 0];
      };
      const pads = [...around(0), ...around(1)];
      if (pads.some((pad) => pad < 0)) throw call.settings.wrong('padding', 'sizes of at least 0');
      if (call.lowering.rank(call.first) !== axes + 2)
        throw call.settings.wrong('padding', `for ${axes} axes of its input`);
      return call.own('Pad', [call.first, call.lowering.small(pads)]);
    },
  };
}

function cropping(axes: number): LayerRow {
  return {
    lower: (call) => {
      const { lowering } = call;
      const pairs = call.settings.pairs('cropping', axes);
      if (pairs.some((pair) => pair[0] < 0 || pair[1] < 0))
        throw call.settings.wrong('cropping', 'sizes of at least 0');
      const first = isChannelsFirst(call) ? 2 : 1;
      const starts = pairs.map(([before]) => before);
      const ends = pairs.map(([, after]) => (after === 0 ? 2 ** 31 - 1 : -after));
      const named = pairs.map((_, axis) => first + axis);
      return call.own('Slice', [call.first, lowering.small(starts), lowering.small(ends), lowering.small(named)]);
    },
  };
}

/** Spatial sizes times whole factors. */
function scaledSizes(
  call: LayerCall,
  x: Operand,
  first: number,
  factors: readonly number[],
): readonly number[] | Operand {
  const { lowering } = call;
  const sizes = call.sizes(x).slice(first, first + factors.length);
  if (sizes.every((size) => size !== undefined)) return sizes.map((size, axis) => size * (factors[axis] ?? 1));
  const shape = call.node('Shape', [x], 'input_shape');
  const span = [lowering.small([first]), lowering.small([first + factors.length]), lowering.small([0])];
  const spatial = call.node('Slice', [shape, ...span], 'input_sizes');
  return call.node('Mul', [spatial, lowering.small(factors)], 'sizes');
}

/** What Keras calls the ways to interpolate, as far as ONNX has them. */
function modeOf(call: LayerCall): 'nearest' | 'linear' | 'cubic' {
  const name = call.settings.text('interpolation', 'nearest').toLowerCase();
  if (name === 'nearest') return 'nearest';
  if (name === 'bilinear') return 'linear';
  if (name === 'bicubic') return 'cubic';
  throw new Unsupported(
    `it interpolates by "${name}", which ONNX has no operator for.`,
    'Use nearest, bilinear or bicubic interpolation.',
  );
}

function upsampling(axes: number): LayerRow {
  return {
    lower: (call) => {
      const factors = call.settings.sizes(
        'size',
        axes,
        Array.from({ length: axes }, () => 2),
      );
      const mode = axes === 2 ? modeOf(call) : 'nearest';
      const channelsFirst = isChannelsFirst(call);
      const x = call.x;
      const sizes = scaledSizes(call, x, channelsFirst ? 2 : 1, factors);
      return call.lowering.resize(x, {
        name: call.name,
        mode,
        sizes,
        channelsFirst,
        halfPixelCenters: mode !== 'nearest',
      });
    },
  };
}

function resizing(call: LayerCall): Operand {
  const { settings } = call;
  for (const name of ['crop_to_aspect_ratio', 'pad_to_aspect_ratio', 'antialias']) {
    if (settings.flag(name, false)) throw new Unsupported(`it resizes with ${name}, which ONNX has no operator for.`);
  }
  const sizes = [settings.size('height'), settings.size('width')];
  const mode = settings.has('interpolation') ? modeOf(call) : 'linear';
  const { lowering, first } = call;
  const given = lowering.dtype(first);
  // Keras 3 gives whole numbers for whole numbers.
  const whole = call.version >= 3 && given !== null && !isFloat(given);
  const made = lowering.resize(call.x, {
    name: whole ? call.part('resized') : call.name,
    mode,
    sizes,
    channelsFirst: isChannelsFirst(call),
    halfPixelCenters: true,
  });
  if (!whole) return made;
  const rounded = call.node('Round', [made], 'rounded');
  const bounded = given === 'u8' ? call.node('Clip', [rounded, call.number(0), call.number(255)], 'bounded') : rounded;
  return call.own('Cast', [bounded], { to: codeOfDtype(given) });
}

function centerCrop(call: LayerCall): Operand {
  const { settings, lowering } = call;
  const first = isChannelsFirst(call) ? 2 : 1;
  const wanted = [settings.size('height'), settings.size('width')];
  const starts = wanted.map((size, axis) => {
    const spare = call.size(call.x, first + axis) - size;
    if (spare < 0) throw new Unsupported('its input is smaller than what it crops to, so that it would be resized.');
    return Math.floor(spare / 2);
  });
  const ends = starts.map((start, axis) => start + (wanted[axis] ?? 0));
  return call.own('Slice', [call.x, lowering.small(starts), lowering.small(ends), lowering.small([first, first + 1])]);
}

function rescaling(call: LayerCall): Operand {
  const factor = vector(call, 'scale', 1);
  const shift = vector(call, 'offset', 0);
  const isZero = call.lowering.numbers(shift)?.every((one) => one === 0) === true;
  if (isZero) return call.own('Mul', [call.x, factor]);
  return call.own('Add', [call.node('Mul', [call.x, factor], 'scaled'), shift]);
}

/** A number or one for each channel. */
function vector(call: LayerCall, name: string, otherwise: number): Operand {
  const { settings, lowering } = call;
  if (!isList(settings.raw(name))) return lowering.small(settings.real(name, otherwise), 'f32');
  const { values, shape } = settings.array(name);
  if (shape.length !== 1) throw settings.wrong(name, 'a number or a list of them');
  if (!isChannelsFirst(call)) return lowering.small(values, 'f32', call.part(name));
  const spatial = Array.from({ length: lowering.rank(call.x) - 2 }, () => 1);
  const flat = lowering.small(values, 'f32', call.part(name));
  return lowering.reshape(flat, [values.length, ...spatial], { name: call.part(name) });
}

export const RESHAPING: LayerRows = {
  Flatten: { lower: flatten },
  Reshape: { lower: reshape },
  Permute: { lower: permute },
  RepeatVector: { lower: repeatVector },
  ZeroPadding1D: padding(1),
  ZeroPadding2D: padding(2),
  ZeroPadding3D: padding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  UpSampling1D: upsampling(1),
  UpSampling2D: upsampling(2),
  UpSampling3D: upsampling(3),
  Resizing: { lower: resizing },
  CenterCrop: { lower: centerCrop },
  Rescaling: { lower: rescaling },
};
