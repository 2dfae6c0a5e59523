/** Tells dropped model files from dropped data, so that one window takes both. */
import type { DroppedFile } from '#studio/jobs.ts';

/** `companion`: text and JSON, which go with whatever else was dropped. */
export type FileKind = 'model' | 'data' | 'companion' | 'unknown';

export interface SortedDrop {
  /** What all of it is; `both` and `unsure` are for the person to say. */
  readonly verdict: 'model' | 'data' | 'both' | 'unsure';
  readonly model: readonly DroppedFile[];
  readonly data: readonly DroppedFile[];
}

const MODEL =
  /(\.(onnx|onnx[._]data|ort|tflite|h5|hdf5|keras|pb|mlmodel|data|bin|weights|safetensors)|\.data-\d+-of-\d+|variables\.index|-shard\d+of\d+)$/;
/** What the JSON of a TF.js model has near its start, whichever program wrote it. */
const MODEL_JSON = /"(modelTopology|weightsManifest)"|"(graph|layers)-model"/;
const DATA = /(\.(png|jpe?g|jfif|webp|npy|npz|wav|wave|csv|tsv|idx)|[-.](idx\d?-)?ubyte)(\.gz)?$/;
const COMPANION = /\.(txt|json|md|names|labels)$/;

export function kindOfName(path: string): FileKind {
  const name = path.toLowerCase();
  if (MODEL.test(name)) return 'model';
  if (DATA.test(name)) return 'data';
  return COMPANION.test(name) ? 'companion' : 'unknown';
}

export async function sortDrop(files: readonly DroppedFile[]): Promise<SortedDrop> {
  const kinds = await Promise.all(
    files.map(async (file) => {
      if (/\.zip$/i.test(file.path)) return kindOfZip(file.file);
      return /\.json$/i.test(file.path) ? kindOfJson(file) : kindOfName(file.path);
    }),
  );
  const some = (kind: FileKind) => kinds.includes(kind);
  if (some('data') && some('model')) {
    const model = files.filter((_file, at) => kinds[at] === 'model' || kinds[at] === 'unknown');
    return { verdict: 'both', model, data: files.filter((_file, at) => kinds[at] !== 'model') };
  }
  if (some('data')) return { verdict: 'data', model: [], data: files };
  if (some('model')) return { verdict: 'model', model: files, data: [] };
  return { verdict: 'unsure', model: files, data: files };
}

/** Files that name what other files are: they are added to open data rather than opened instead of it. */
export function looksLikeLabels(files: readonly DroppedFile[]): boolean {
  return (
    files.length > 0 && files.every((file) => /label|class|target|truth|y_/i.test(file.path.split('/').at(-1) ?? ''))
  );
}

/** A JSON file is a model's when it starts like one. */
async function kindOfJson({ path, file }: DroppedFile): Promise<FileKind> {
  const head = await file.slice(0, HEAD_BYTES).text();
  return MODEL_JSON.test(head) ? 'model' : kindOfName(path);
}

const HEAD_BYTES = 4096;

/** A zip keeps its list of names at its end, and the names are plain text. */
const TAIL_BYTES = 1 << 20;

async function kindOfZip(file: Blob): Promise<FileKind> {
  const tail = new Uint8Array(await file.slice(Math.max(0, file.size - TAIL_BYTES)).arrayBuffer());
  const view = new DataView(tail.buffer);
  const kinds = new Set<FileKind>();
  for (let at = 0; at + 46 <= tail.length; at += 1) {
    // An entry of the central directory: `PK\1\2`, the length of its name at 28, the name at 46.
    if (view.getUint32(at) !== 0x504b0102) continue;
    const length = view.getUint16(at + 28, true);
    kinds.add(kindOfName(new TextDecoder().decode(tail.subarray(at + 46, at + 46 + length))));
  }
  if (kinds.has('data')) return kinds.has('model') ? 'unknown' : 'data';
  // A zip of texts or of nothing holds neither: whoever opens models says so. One of unknown files may hold anything.
  return kinds.has('model') || !kinds.has('unknown') ? 'model' : 'unknown';
}
