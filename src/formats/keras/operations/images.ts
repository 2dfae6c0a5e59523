/** Functions on images and classes: resizing, pooling, blocks of pixels, one-hot rows. */
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Operation, OperationCall, Operations } from './operation-call.ts';

const MODES: Readonly<Record<string, 'nearest' | 'linear' | 'cubic'>> = {
  bilinear: 'linear',
  nearest: 'nearest',
  bicubic: 'cubic',
};

function channelsFirst(o: OperationCall): boolean {
  const format = o.raw(-1, 'data_format');
  return format === 'channels_first' || (typeof format === 'string' && format.startsWith('NC'));
}

function resize(o: OperationCall): Operand {
  const name = String(o.raw(2, 'interpolation', 'method') ?? 'bilinear').toLowerCase();
  const mode = Object.hasOwn(MODES, name) ? MODES[name] : undefined;
  const others = ['antialias', 'preserve_aspect_ratio', 'crop_to_aspect_ratio', 'pad_to_aspect_ratio'];
  if (mode === undefined || others.some((one) => o.flag(-1, [one], false)))
    throw new Unsupported('it resizes in a way that ONNX has no operator for.');
  const sizes = o.wholes(1, 'size');
  if (sizes?.length !== 2 || sizes.some((size) => size < 1)) throw sizesComputed();
  return o.lowering.resize(o.real32(o.x), {
    name: o.call.name,
    mode,
    sizes,
    halfPixelCenters: true,
    channelsFirst: channelsFirst(o),
  });
}

/** As TensorFlow 1 resizes: pixels are counted from their corners unless said otherwise. */
function resizeOld(mode: 'nearest' | 'linear' | 'cubic'): Operation {
  return (o) => {
    const sizes = o.wholes(1, 'size');
    if (sizes?.length !== 2 || sizes.some((size) => size < 1)) throw sizesComputed();
    return o.lowering.resize(o.real32(o.x), {
      name: o.call.name,
      mode,
      sizes,
      alignCorners: o.flag(-1, ['align_corners'], false),
      halfPixelCenters: o.flag(-1, ['half_pixel_centers'], false),
    });
  };
}

function sizesComputed(): Unsupported {
  return new Unsupported('it resizes to a size that is computed by the model.');
}

/** The sizes of the spatial axes, given as one number, one for each, or one for every axis. */
function spatial(
  o: OperationCall,
  given: readonly number[] | undefined,
  axes: number,
  otherwise: readonly number[],
): readonly number[] {
  if (given === undefined) return otherwise;
  if (given.length === 1) return Array.from({ length: axes }, () => given[0] ?? 1);
  if (given.length === axes) return given;
  const inside = channelsFirst(o) ? given.slice(2) : given.slice(1, -1);
  if (inside.length === axes) return inside;
  throw new Unsupported('its window has another number of axes than its input.');
}

function pool(kind: 'max' | 'average'): Operation {
  return (o) => {
    const x = o.real32(o.x);
    const axes = o.lowering.rank(x) - 2;
    const window = spatial(o, o.wholes(1, 'pool_size', 'ksize'), axes, []);
    const strides = spatial(o, o.wholes(2, 'strides'), axes, window);
    if ([...window, ...strides].some((one) => one < 1) || window.length !== axes)
      throw new Unsupported('its window is not known.');
    const padding = String(o.raw(3, 'padding') ?? 'valid').toLowerCase() === 'same' ? 'SAME' : 'VALID';
    return o.lowering.pool(x, { name: o.call.name, kind, window, strides, padding, channelsFirst: channelsFirst(o) });
  };
}

function oneHot(o: OperationCall): Operand {
  const depth = o.raw(1, 'depth', 'num_classes');
  if (typeof depth !== 'number' || depth < 1) throw new Unsupported('its number of classes is computed by the model.');
  if (o.flag(-1, ['sparse'], false)) throw new Unsupported('it gives a sparse tensor.');
  const dtype = o.dtype(-1, 'dtype', 'f32');
  const on = o.real(-1, ['on_value'], 1);
  const off = o.real(-1, ['off_value'], 0);
  const given = o.lowering.dtype(o.x);
  const places = given === 'i64' || given === 'i32' ? o.x : o.call.cast(o.x, 'i64', 'places');
  const axis = o.whole(-1, 'axis', -1);
  // Places outside are rows of zeros in Keras; ONNX counts negative ones from the end.
  const type = o.lowering.dtype(places) ?? 'i64';
  const outside = o.lowering.small(depth, type);
  const zero = o.lowering.small(0, type);
  const safe = o.node('Where', [o.node('Less', [places, zero], 'negative'), outside, places], 'safe');
  return o.own('OneHot', [safe, outside, o.lowering.small([off, on], dtype)], { axis });
}

function blocks(op: 'DepthToSpace' | 'SpaceToDepth'): Operation {
  return (o) => {
    const x = o.x;
    const size = o.whole(1, 'block_size');
    const first = channelsFirst(o);
    const inner = first ? x : o.lowering.transpose(x, [0, 3, 1, 2]);
    const made = o.own(op, [inner], { blocksize: size, ...(op === 'DepthToSpace' ? { mode: 'DCR' } : {}) });
    return first ? made : o.lowering.transpose(made, [0, 2, 3, 1]);
  };
}

export const IMAGES: Operations = {
  resize,
  resize_bilinear: resizeOld('linear'),
  resize_nearest_neighbor: resizeOld('nearest'),
  resize_bicubic: resizeOld('cubic'),
  max_pool: pool('max'),
  max_pool1d: pool('max'),
  max_pool2d: pool('max'),
  max_pool3d: pool('max'),
  average_pool: pool('average'),
  avg_pool: pool('average'),
  avg_pool1d: pool('average'),
  avg_pool2d: pool('average'),
  avg_pool3d: pool('average'),
  one_hot: oneHot,
  depth_to_space: blocks('DepthToSpace'),
  space_to_depth: blocks('SpaceToDepth'),
};
