/** What data may cost before it is refused: one place for the limits, so that sentences and checks agree. */

/** Bytes that packed or column-major arrays of one data set may take in memory, unpacked: 512 MiB. */
export const MOST_HELD_BYTES = 512 * 1024 * 1024;

/** Tables of labels and lists of classes are read whole. */
export const MOST_TEXT_BYTES = 64 * 1024 * 1024;

/** Longest side of a picture, in pixels. */
export const MOST_SIDE = 16_384;

/** A picture of this many pixels takes 400 MB decoded. */
export const MOST_PIXELS = 100_000_000;

/** A packed picture is read whole before it is decoded. */
export const MOST_PICTURE_BYTES = 256 * 1024 * 1024;
