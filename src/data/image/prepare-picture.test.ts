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

  it('takes the nearest pixel by whole numbers, the later one where two are as near', () => {
    for (let size = 1; size <= 60; size++) {
      const pixels = Array.from({ length: size }, (_, i) => i);
      for (let out = 1; out <= 60; out++) {
        const made = prepared(pixels, [size, 1], [out, 1], { filter: 'nearest' });
        // Pixel p covers p to p + 1: the centre (2 at + 1) size / (2 out) lies in it.
        const nearest = pixels.flatMap((p) =>
          Array.from({ length: out }, (_, at) => at).flatMap((at) => {
            const centre = (2 * at + 1) * size;
            return centre >= 2 * out * p && centre < 2 * out * (p + 1) ? [p] : [];
          }),
        );
        if (made.some((value, at) => value !== nearest[at])) expect(made, `${size} to ${out}`).toEqual(nearest);
      }
    }
  });

  it('crops the centre, and pads with the grey that was asked for', () => {
    const five = [10, 20, 30, 40, 50];
    expect(prepared(five, [5, 1], [1, 1], { fit: 'crop', filter: 'nearest' })).toEqual([30]);
    const tall = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(prepared(tall, [2, 4], [2, 2], { fit: 'crop', filter: 'nearest' })).toEqual([3, 4, 5, 6]);
    const grid = Array.from({ length: 16 }, (_, i) => i);
    expect(prepared(grid, [4, 4], [2, 2], { fit: 'crop', cropShare: 0.5, filter: 'area' })).toEqual([5, 6, 9, 10]);
    expect(prepared([9, 8], [2, 1], [2, 3], { fit: 'letterbox', pad: 114, filter: 'nearest' })).toEqual([
      114, 114, 9, 8, 114, 114,
    ]);
  });
});

describe('colours', () => {
  const pixel = (
    image: Partial<ImageSettings>,
    rgba: readonly number[],
    layout: 'nchw' | 'nhwc' = 'nhwc',
  ): number[] => {
    const settings = imageSettings.parse({ fit: 'stretch', filter: 'nearest', ...image });
    const gray = settings.channels === 'gray';
    const [mean, std] = gray
      ? [[10], [2]]
      : [
          [10, 20, 30],
          [2, 4, 8],
        ];
    const plan = { width: 1, height: 1, layout, image: settings, mean, std };
    return [...createPicturePreparer(plan)({ width: 1, height: 1, data: Uint8ClampedArray.from(rgba) })];
  };

  it('come in the order of the network, each scaled by its own figures', () => {
    expect(pixel({}, [110, 60, 30, 255])).toEqual([50, 10, 0]);
    expect(pixel({ channels: 'bgr' }, [110, 60, 30, 255])).toEqual([10, 10, 10]);
    expect(pixel({ invert: true }, [110, 60, 30, 255])).toEqual([67.5, 43.75, 24.375]);
  });

  it('become grey by the weights of BT.601, and lie over white where they are transparent', () => {
    const [gray = NaN] = pixel({ channels: 'gray' }, [200, 100, 50, 255]);
    expect(gray).toBeCloseTo((0.299 * 200 + 0.587 * 100 + 0.114 * 50 - 10) / 2, 4);
    expect(pixel({}, [0, 0, 0, 0])).toEqual([122.5, 58.75, 28.125]);
    expect(pixel({}, [0, 255, 255, 51])).toEqual([97, 58.75, 28.125]);
  });
});
