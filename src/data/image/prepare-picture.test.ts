/** Resizing against Pillow, as scripts/reference/record-resize.py recorded it, and against the definition where Pillow has none. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageSettings, type ImageSettings } from '#data/settings.ts';
import { createPicturePreparer } from './prepare-picture.ts';

interface Recorded {
  readonly cases: readonly {
    readonly filter: ImageSettings['filter'];
    readonly from: readonly [number, number];
    readonly to: readonly [number, number];
    readonly pixels: readonly number[];
    readonly resized: readonly number[];
  }[];
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../scripts/reference/resize.json', import.meta.url), 'utf8'),
) as Recorded;

/** Grey as red, so that the first of three channels is the picture. */
function prepared(
  pixels: readonly number[],
  [width, height]: readonly [number, number],
  to: readonly [number, number],
  image: Partial<ImageSettings>,
): number[] {
  const data = new Uint8ClampedArray(pixels.length * 4);
  pixels.forEach((value, i) => data.set([value, 0, 255, 255], 4 * i));
  const settings = imageSettings.parse({ fit: 'stretch', ...image });
  const [outWidth, outHeight] = to;
  const plan = { width: outWidth, height: outHeight, layout: 'nchw', image: settings, mean: [0], std: [1] } as const;
  return [...createPicturePreparer(plan)({ width, height, data })].slice(0, outWidth * outHeight);
}

describe('resizing', () => {
  it.each(cases.map((one) => [`${one.filter}, ${one.from.join(' x ')} to ${one.to.join(' x ')}`, one] as const))(
    'equals Pillow: %s',
    (_name, { filter, from, to, pixels, resized }) => {
      const ours = prepared(pixels, from, to, { filter });
      // Bicubic overshoots; a picture's bytes end at 0 and 255, as they do in Pillow's 8-bit modes.
      const within = (value = NaN): number => Math.min(255, Math.max(0, value));
      const largest = Math.max(...ours.map((value, i) => Math.abs(value - within(resized[i]))));
      expect(largest).toBeLessThan(0.01);
    },
  );

  it('takes the two neighbours and no more when bilinear, as OpenCV does', () => {
    // Centre of output pixel i lies at (i + 0.5) * 4 - 0.5 = 1.5, 5.5.
    expect(prepared([0, 10, 20, 30, 40, 50, 60, 70], [8, 1], [2, 1], { filter: 'bilinear' })).toEqual([15, 55]);
    expect(prepared([0, 100], [2, 1], [4, 1], { filter: 'bilinear' })).toEqual([0, 25, 75, 100]);
  });

  it('crops the centre, and pads with the grey that was asked for', () => {
    expect(prepared([1, 2, 3, 4], [4, 1], [1, 1], { fit: 'crop', filter: 'nearest' })).toHaveLength(1);
    expect(
      prepared([9, 9], [2, 1], [2, 2], { fit: 'letterbox', pad: 114, filter: 'nearest' }).toSorted((a, b) => a - b),
    ).toEqual([9, 9, 114, 114]);
  });
});
