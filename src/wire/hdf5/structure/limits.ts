/** What a file of weights never exceeds; a file that does is damaged or hostile, and is refused before it costs time or memory. */

/** Blocks of structure (headers, tree nodes, heaps) read for one file, or for one dataset's chunks. */
export const MAX_BLOCKS = 200_000;
/** Bytes of structure read for one file, or for one dataset's chunks. */
export const MAX_STRUCTURE_BYTES = 256 * 1024 * 1024;
/** Messages of one object header. */
export const MAX_MESSAGES = 65_536;
/** Blocks that one object header may go on in. */
export const MAX_CONTINUATIONS = 1024;
/** Links of one group. */
export const MAX_LINKS = 200_000;
/** Attributes of one object. */
export const MAX_ATTRIBUTES = 65_536;
/** Soft links followed on the way to one object. */
export const MAX_SOFT_LINKS = 16;
export const MAX_RANK = 32;
/** Levels of a datatype made of datatypes. */
export const MAX_TYPE_DEPTH = 8;
/** Elements of an attribute, or of a dataset that is read as values. */
export const MAX_VALUES = 1_000_000;
/** Characters that one list of texts takes in all. */
export const MAX_TEXT_BYTES = 64 * 1024 * 1024;
/** A dataset that is not one range of the file, as it then lies in memory. */
export const MAX_UNPACKED_BYTES = 2 ** 31 - 1;
/** Bytes of a dataset that no chunk of the file stands for: they are only the fill value. */
export const MAX_FILLED_BYTES = 64 * 1024 * 1024;
/** Deflate cannot shrink more than about 1032 times. */
export const MAX_RATIO = 1032;
/** How many times larger than the whole file one dataset may be. */
export const MAX_DATASET_RATIO = 200;
/** Chunks may hang over the edges of a dataset; how many times more bytes than the dataset they may be in all. */
export const MAX_OVERHANG = 16;
