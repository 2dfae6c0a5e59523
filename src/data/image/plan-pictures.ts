/** Pictures meet a model's input: which one, where it keeps the channels, and how large it is. */
import { shapeText } from '#base/nd-array.ts';
import type { DataPlanned } from '#data/feeds.ts';
import { listOf, scaleFor } from '#data/feeds.ts';
import type { InputSlot } from '#data/samples.ts';
import type { DataSettings } from '#data/settings.ts';
import { imageSettings } from '#data/settings.ts';
import { channelsOf } from './prepare-picture.ts';

type Size = InputSlot['shape'][number];
type Layout = 'nhwc' | 'nchw';

/** An input seen as a picture; open sizes stay open. */
export interface PictureSlot {
  readonly layout: Layout;
  readonly channels: Size;
  readonly height: Size;
  readonly width: Size;
}

/** null: an input of that shape takes no picture. Without a layout, the end that looks like channels is one. */
export function pictureSlot({ shape }: InputSlot, layout: Layout | undefined): PictureSlot | null {
  if (shape.length === 4) {
    const [batch = null, a = null, b = null, c = null] = shape;
    if (typeof batch === 'number' && batch !== 1) return null;
    const first: PictureSlot = { layout: 'nchw', channels: a, height: b, width: c };
    const last: PictureSlot = { layout: 'nhwc', channels: c, height: a, width: b };
    return choose(first, last, layout);
  }
  if (shape.length !== 3) return null;
  const [a = null, b = null, c = null] = shape;
  const first: PictureSlot = { layout: 'nchw', channels: a, height: b, width: c };
  const last: PictureSlot = { layout: 'nhwc', channels: c, height: a, width: b };
  const picture = choose(first, last, layout);
  if (picture !== null) return picture;
  return typeof a === 'number' ? null : { layout: 'nchw', channels: 1, height: b, width: c };
}

function choose(first: PictureSlot, last: PictureSlot, layout: Layout | undefined): PictureSlot | null {
  if (layout !== undefined)
    return isPicture(layout === 'nchw' ? first : last) ? (layout === 'nchw' ? first : last) : null;
  const known = [first, last].filter(({ channels }) => channels === 1 || channels === 3);
  // 1 x 28 x 28 could be either; the side that is larger than the other end is a side.
  const best = known.toSorted((a, b) => spanOf(b) - spanOf(a))[0];
  if (best !== undefined && isPicture(best)) return best;
  return [first, last].find((slot) => typeof slot.channels !== 'number' && isPicture(slot)) ?? null;
}

function isPicture({ channels }: PictureSlot): boolean {
  return typeof channels !== 'number' || channels === 1 || channels === 3;
}

function spanOf({ height, width }: PictureSlot): number {
  const size = (side: Size): number => (typeof side === 'number' ? side : 1000);
  return Math.min(size(height), size(width));
}

export function findPictureSlot(
  inputs: readonly InputSlot[],
  settings: Pick<DataSettings, 'input' | 'layout'>,
): InputSlot | null {
  if (settings.input !== undefined) return inputs.find(({ name }) => name === settings.input) ?? null;
  return inputs.find((slot) => pictureSlot(slot, settings.layout) !== null) ?? null;
}

export function planPictures(count: number, inputs: readonly InputSlot[], settings: DataSettings): DataPlanned {
  const slot = findPictureSlot(inputs, settings);
  if (slot === null) {
    const named = settings.input === undefined ? '' : ` called ${settings.input}`;
    const has = inputs.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(', ') || 'none';
    return { problem: `The model has no input${named} that takes pictures of 1 or 3 channels (it has ${has}).` };
  }
  const seen = pictureSlot(slot, settings.layout);
  const takes = `the input ${slot.name} takes ${shapeText(slot.shape)}`;
  if (seen === null) {
    const how = settings.layout === undefined ? '' : ` in ${settings.layout.toUpperCase()}`;
    return { problem: `Pictures${how} have 1 or 3 channels, and ${takes}.` };
  }
  const width = settings.width ?? (typeof seen.width === 'number' ? seen.width : null);
  const height = settings.height ?? (typeof seen.height === 'number' ? seen.height : null);
  if (width === null || height === null)
    return { problem: `The size of a picture is open (${takes}): set width and height.` };
  const disagree =
    (typeof seen.width === 'number' && seen.width !== width) ||
    (typeof seen.height === 'number' && seen.height !== height);
  if (disagree) return { problem: `Pictures are to be ${width} x ${height}, and ${takes}.` };
  const image = settings.image ?? imageSettings.parse({});
  const channels = channelsOf(image);
  if (typeof seen.channels === 'number' && seen.channels !== channels) {
    return {
      problem: `${image.channels} pictures have ${channels} channel${channels === 1 ? '' : 's'}, and ${takes}.`,
    };
  }
  const inner = seen.layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  // Without an axis of channels, [N, height, width] is what one channel in front makes of it.
  const shape = slot.shape.length === 4 ? [1, ...inner] : inner;
  const scale = scaleFor([1, ...inner], { ...settings, layout: seen.layout }, slot.name);
  if (scale !== null && 'problem' in scale) return scale;
  const spread = (list: readonly number[]): readonly number[] =>
    Array.from({ length: channels }, (_, at) => list[at] ?? list[0] ?? 0);
  const mean = spread(scale?.mean ?? listOf(0));
  const std = spread(scale?.std ?? listOf(1));
  return {
    feeds: [{ from: 'pictures', slot, shape, plan: { width, height, layout: seen.layout, image, mean, std } }],
    samples: count,
  };
}
