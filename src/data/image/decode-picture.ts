/** Decodes a picture of a data set: checked before, so that nothing unpacks to more than memory has, and after. */
import { PareError } from '#base/failure.ts';
import type { DecodePicture, Picture } from '#data/samples.ts';
import { MOST_PICTURE_BYTES } from '#data/limits.ts';
import type { PictureFile } from './find-pictures.ts';
import { checkPicture } from './picture-head.ts';

export async function decodePicture(file: PictureFile | undefined, decode: DecodePicture): Promise<Picture> {
  if (file === undefined) throw new RangeError('there is no such picture');
  const { path, source } = file;
  if (source.sizeBytes > MOST_PICTURE_BYTES) {
    const problem = `It is ${source.sizeBytes} bytes long; pictures up to ${MOST_PICTURE_BYTES} are read.`;
    throw new PareError({ code: 'picture/too-big', file: path, problem, hint: 'Make it smaller, or take it out.' });
  }
  const bytes = await source.read(0, source.sizeBytes);
  checkPicture(path, bytes, true);
  const picture = await decode(path, bytes);
  if (picture.data.length === picture.width * picture.height * 4 && picture.data.length > 0) return picture;
  throw new PareError({ code: 'picture/decoder', file: path, problem: 'Its decoder gave no whole picture.' });
}
