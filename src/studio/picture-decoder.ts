/** Decodes pictures with the browser's own decoders, in a worker: PNG, JPEG and WebP as the command line's decoder gives them. */
import { PareError } from '#base/failure.ts';
import type { Picture } from '#data/samples.ts';

/** Turned upright as EXIF says, transparent parts over white, pixel values as stored: the command line's decoder tells why. */
export async function decodePicture(name: string, bytes: Uint8Array): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
      colorSpaceConversion: 'none',
      imageOrientation: 'from-image',
    });
  } catch (error) {
    throw new PareError(
      { code: 'data/picture', file: name, problem: 'the browser cannot decode this picture.' },
      { cause: error },
    );
  }
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (context === null)
      throw new PareError({ code: 'data/no-canvas', problem: 'This browser draws no pictures in workers.' });
    context.fillStyle = '#ffffff';
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}
