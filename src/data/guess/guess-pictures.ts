/** How pictures are prepared for a model, from the shape and the type of its input and from its name. */
import { isFloat } from '#base/dtype.ts';
import { isOpen } from '#data/arrays/fill-shape.ts';
import { shapeText } from '#base/nd-array.ts';
import { findPictureSlot, pictureSlot } from '#data/image/plan-pictures.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import type { DataSettings, ImageSettings } from '#data/settings.ts';
import { imageSettings } from '#data/settings.ts';
import { knownPictures } from './known-models.ts';

export interface GuessedPictures {
  readonly settings: Partial<DataSettings>;
  readonly guesses: readonly string[];
}

/** Where the model leaves the size open: the habit of ImageNet. */
const OPEN_SIZE = 224;

export function guessPictures(model: ModelSlots, given: Partial<DataSettings>): GuessedPictures {
  const slot = findPictureSlot(model.inputs, { input: given.input, layout: given.layout });
  const seen = slot === null ? null : pictureSlot(slot, given.layout);
  if (slot === null || seen === null) return { settings: {}, guesses: [] };
  const guesses: string[] = [];
  const settings: Partial<DataSettings> = {};
  const known = knownPictures(model.name);
  const shape = `${slot.name} ${shapeText(slot.shape)}`;
  if (given.layout === undefined) {
    settings.layout = seen.layout;
    guesses.push(`Layout ${seen.layout.toUpperCase()}: the shape of ${shape} reads so.`);
  }
  if (model.inputs.length > 1 && given.input === undefined) {
    settings.input = slot.name;
    guesses.push(`Pictures go to ${slot.name}.`);
  }
  const sides = [
    ['width', seen.width],
    ['height', seen.height],
  ] as const;
  for (const [side, size] of sides) {
    if (!isOpen(size) || given[side] !== undefined) continue;
    settings[side] = OPEN_SIZE;
    guesses.push(
      `The ${side} is ${OPEN_SIZE}, since the model leaves it open and most networks for pictures take that.`,
    );
  }
  if (!isOpen(seen.width) && !isOpen(seen.height))
    guesses.push(`${seen.width} x ${seen.height} pixels, from ${shape}.`);
  const channels = seen.channels === 1 ? 'gray' : (known?.image?.channels ?? 'rgb');
  const image: ImageSettings = { ...imageSettings.parse({ ...known?.image, channels }), ...given.image };
  settings.image = image;
  if (given.image?.channels === undefined) guesses.push(channelSentence(channels, seen.channels));
  if (given.image?.fit === undefined) guesses.push(fitSentence(image));
  const scale = scaleFor(slot.dtype, known, channels);
  if (given.mean === undefined) settings.mean = scale.mean;
  if (given.std === undefined) settings.std = scale.std;
  if (given.mean === undefined && given.std === undefined) guesses.push(scale.why);
  return { settings, guesses };
}

function channelSentence(channels: ImageSettings['channels'], size: number | string | null): string {
  if (channels === 'gray') return 'Grey pictures, since the input has one channel.';
  return channels === 'bgr'
    ? 'Blue comes first (BGR), by the name of the model.'
    : `Red comes first (RGB), as in most models with ${size === 3 ? '3' : 'open'} channels.`;
}

function fitSentence({ fit, filter }: ImageSettings): string {
  const how = {
    crop: 'The largest centred part of the right shape is taken',
    stretch: 'The whole picture is stretched to the input',
    letterbox: 'The whole picture is fitted in and padded',
  };
  return `${how[fit]}, resized by ${filter}.`;
}

function scaleFor(
  dtype: string,
  known: ReturnType<typeof knownPictures>,
  channels: ImageSettings['channels'],
): { readonly mean: number | number[]; readonly std: number | number[]; readonly why: string } {
  if (dtype === 'i8') return { mean: 128, std: 1, why: 'Pixels become pixel - 128, since the input is int8.' };
  if (!isFloat(dtype as Parameters<typeof isFloat>[0])) {
    return { mean: 0, std: 1, why: `Pixels go in as 0 to 255, since the input is ${dtype}.` };
  }
  if (known === null) {
    const why = 'Pixels go in as 0 to 255, unscaled: set mean and deviation if the model was trained otherwise.';
    return { mean: 0, std: 1, why };
  }
  const gray = (value: number | number[] | undefined, otherwise: number): number | number[] => {
    if (value === undefined) return otherwise;
    return channels === 'gray' && Array.isArray(value)
      ? value.reduce((sum, one) => sum + one, 0) / value.length
      : value;
  };
  const mean = gray(known.mean, 0);
  const std = gray(known.std, 1);
  const text = (value: number | number[]): string => (Array.isArray(value) ? value.join(', ') : String(value));
  const way = known.mean === undefined ? 'nothing is scaled' : `mean ${text(mean)}, deviation ${text(std)}`;
  return { mean, std, why: `By its name: ${known.why}; so ${way}.` };
}
