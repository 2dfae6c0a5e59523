/** Names what a file is that cannot be opened as a model, so that a refusal says what was seen and what would do. */

export interface Identity {
  /** With its article: `a JPEG image`. */
  readonly what: string;
  /** What to do to get a model that can be opened. */
  readonly hint?: string;
}

interface Mark {
  readonly at?: number;
  /** Text, or bytes. */
  readonly is: string | readonly number[];
  readonly what: string;
  readonly hint?: string;
}

const EXPORT_ONNX = 'Export it to ONNX (for PyTorch: torch.onnx.export) and open that file.';
const NOT_YET = 'This kind is not opened: convert it to ONNX first.';

/** Longest and most telling first. */
const MARKS: readonly Mark[] = [
  {
    is: 'version https://git-lfs',
    what: 'a Git LFS pointer, not the file itself',
    hint: 'Run "git lfs pull" or download the file from its page.',
  },
  { at: 4, is: 'TFL3', what: 'a TensorFlow Lite model' },
  { is: [0x89, 0x48, 0x44, 0x46], what: 'an HDF5 file' },
  { is: 'GGUF', what: 'a GGUF model', hint: NOT_YET },
  { at: 4, is: 'ORTM', what: 'a model in ORT format', hint: 'Open the .onnx file that it was made from.' },
  {
    is: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59],
    what: 'a NumPy array',
    hint: 'Open a model first; arrays serve as its inputs.',
  },
  { is: [0x80, 0x02], what: 'a Python pickle, such as a PyTorch checkpoint', hint: EXPORT_ONNX },
  { is: [0x80, 0x04, 0x95], what: 'a Python pickle', hint: EXPORT_ONNX },
  { is: [0xff, 0xd8, 0xff], what: 'a JPEG image' },
  { is: [0x89, 0x50, 0x4e, 0x47], what: 'a PNG image' },
  { is: 'GIF8', what: 'a GIF image' },
  { at: 8, is: 'WEBP', what: 'a WebP image' },
  { at: 8, is: 'WAVE', what: 'a WAV sound' },
  { at: 4, is: 'ftyp', what: 'a video or HEIF image' },
  { is: 'ID3', what: 'an MP3 sound' },
  { is: 'OggS', what: 'an Ogg sound' },
  { is: 'fLaC', what: 'a FLAC sound' },
  { is: '%PDF', what: 'a PDF document' },
  { is: [0x1f, 0x8b], what: 'a gzip file', hint: 'Unpack it and open what is inside.' },
  { is: '7z\u00bc\u00af', what: 'a 7-Zip archive', hint: 'Unpack it and open what is inside.' },
  { is: 'Rar!', what: 'a RAR archive', hint: 'Unpack it and open what is inside.' },
  { at: 257, is: 'ustar', what: 'a tar archive', hint: 'Unpack it and open what is inside.' },
  { is: [0x7f, 0x45, 0x4c, 0x46], what: 'a program' },
  { is: 'MZ', what: 'a program' },
  { is: '<!DOCTYPE', what: 'a web page', hint: 'The download gave a page instead of the file: get it again.' },
  { is: '<!doctype', what: 'a web page', hint: 'The download gave a page instead of the file: get it again.' },
  { is: '<html', what: 'a web page', hint: 'The download gave a page instead of the file: get it again.' },
  { is: 'PK', what: 'a zip archive' },
];

const BY_EXTENSION: Readonly<Record<string, Identity>> = {
  pt: { what: 'a PyTorch checkpoint', hint: EXPORT_ONNX },
  pth: { what: 'a PyTorch checkpoint', hint: EXPORT_ONNX },
  ckpt: { what: 'a checkpoint', hint: EXPORT_ONNX },
  safetensors: { what: 'a file of weights without a graph', hint: EXPORT_ONNX },
  mlmodel: { what: 'a Core ML model', hint: NOT_YET },
  mlpackage: { what: 'a Core ML model', hint: NOT_YET },
  pb: {
    what: 'not a TensorFlow graph that Pare can read',
    hint: 'Open saved_model.pb with its variables folder, or a frozen graph.',
  },
  npz: { what: 'an archive of NumPy arrays', hint: 'Open a model first; arrays serve as its inputs.' },
};

/** Whether a name says that a file is something that is not opened, whatever its first bytes resemble. */
export function isNamedOtherwise(name: string): boolean {
  return extensionOf(name) in BY_EXTENSION;
}

function extensionOf(name: string): string {
  return /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
}

/** What the file is, judged by its first bytes (up to 4 KiB) and its name. */
export function identify(name: string, head: Uint8Array): Identity {
  if (head.byteLength === 0) return { what: 'an empty file' };
  const extension = extensionOf(name);
  const mark = MARKS.find((candidate) => matches(head, candidate));
  const named = BY_EXTENSION[extension];
  if (mark !== undefined && !(mark.what === 'a zip archive' && named !== undefined)) return mark;
  if (named !== undefined) return named;
  if (isText(head)) return { what: extension === 'json' ? 'a JSON file' : 'a text file' };
  return { what: 'of a kind that is not known' };
}

function matches(head: Uint8Array, { at = 0, is }: Mark): boolean {
  for (let index = 0; index < is.length; index++) {
    const expected = typeof is === 'string' ? is.charCodeAt(index) : is[index];
    if (head[at + index] !== expected) return false;
  }
  return true;
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}
