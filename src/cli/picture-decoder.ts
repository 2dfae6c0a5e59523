/** Decodes pictures with sharp (libvips): PNG, JPEG and WebP as the page's decoder gives them. */
import { PareError } from '#base/failure.ts';
import { readPictureHead } from '#data/image/picture-head.ts';
import type { Picture } from '#data/samples.ts';

/**
 * Turned upright as EXIF says, but for WebP, which Chromium leaves as it lies; transparent parts over white; pixel values as stored,
 * without their colour profile: networks were trained on what Pillow, OpenCV and TensorFlow decode, and none of those looks at it.
 */
export async function decodePicture(name: string, bytes: Uint8Array): Promise<Picture> {
  const { default: sharp } = await import('sharp');
  try {
    const isWebp = readPictureHead(bytes)?.kind === 'WebP';
    const stored = sharp(bytes, { failOn: 'error', ignoreIcc: true });
    const { data, info } = await (isWebp ? stored : stored.autoOrient())
      .toColourspace('srgb')
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    // A Buffer may lie in a pool that others share.
    const pixels = new Uint8Array(data);
    layOverWhite(pixels, isWebp ? Math.floor : Math.round);
    return { width: info.width, height: info.height, data: pixels };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
    throw new PareError(
      { code: 'data/picture', file: name, problem: `the picture cannot be decoded (${reason}).` },
      { cause: error },
    );
  }
}

/** Chromium multiplies alpha in before it blends: rounded for PNG, and cut off by libwebp for WebP. sharp's own cuts off for both. */
function layOverWhite(pixels: Uint8Array, round: (value: number) => number): void {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3] ?? 255;
    if (alpha === 255) continue;
    for (let channel = at; channel < at + 3; channel++) {
      pixels[channel] = 255 - alpha + round(((pixels[channel] ?? 0) * alpha) / 255);
    }
    pixels[at + 3] = 255;
  }
}
