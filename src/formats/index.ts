/** The list of formats, and opening of whatever was dropped: a file, files together, a folder, or a zip of those. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Model } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { ZipMember } from '#wire/zip.ts';
import { isZip, readZip } from '#wire/zip.ts';
import type { Format, ReadModel } from './format.ts';
import { identify, isNamedOtherwise } from './identify.ts';
import { keras } from './keras/keras.ts';
import { onnx } from './onnx/onnx.ts';
import { savedmodel } from './savedmodel/savedmodel.ts';
import { tfjs } from './tfjs/tfjs.ts';
import { tflite } from './tflite/tflite.ts';

export const FORMATS: readonly Format[] = [onnx, tflite, keras, savedmodel, tfjs];

export interface OpenedModel {
  readonly format: Format;
  readonly model: Model;
  readonly store: WeightStore;
  readonly notices: readonly Notice[];
  /** The files that the model is made of, as they were found in folders and archives; the model itself first. */
  readonly files: Files;
  /** Of formats with several entry points: the one that was read, and all of them. */
  readonly signatures?: ReadModel['signatures'];
}

export interface OpenOptions {
  /** Looks for a file beside the model that was not given, by its path relative to the model: a command line, on disk. */
  readonly find?: (path: string) => Promise<ByteSource | undefined>;
  /** The store to link weights in; a new one by default. */
  readonly store?: WeightStore;
  /** Which of the model's signatures to read; the format's usual one by default. */
  readonly signature?: string;
}

const HEAD_BYTES = 4096;
/** Files are recognised by content only when few were given: a folder of thousands is judged by names. */
const MAX_SNIFFED = 64;
/** What can be opened, for sentences. */
const KINDS =
  'an .onnx, .tflite, .keras, .h5 or frozen .pb file, a SavedModel folder, or a TF.js model.json with its .bin files';
/** Extensions that other files have as well: what carries one is a model only if its content says so. */
const AMBIGUOUS = /\.(json|pb)$/i;

/** Opens the one model among the files. Reads structure only. Throws a `PareError` that names what was seen instead. */
export async function openFiles(given: Files, options: OpenOptions = {}): Promise<OpenedModel> {
  if (given.size === 0) {
    throw new PareError({
      code: 'open/nothing',
      problem: 'No file was given.',
      hint: `Drop a model: ${KINDS}.`,
    });
  }
  const files = await unpackZips(given);
  const { format, main } = await findModel(files);
  const store = options.store ?? createWeightStore();
  const { find, signature } = options;
  const input = {
    files,
    main,
    ...(find === undefined ? {} : { find }),
    ...(signature === undefined ? {} : { signature }),
  };
  const read = await format.read(input, store);
  const ignored = [...files.keys()].filter((path) => !read.used.has(path));
  const notices = [...read.notices, ...ignoredNotice(ignored)];
  const signatures = read.signatures === undefined ? {} : { signatures: read.signatures };
  const model = format.id === 'onnx' ? read.model : { ...read.model, name: nameOfModel(main, given) };
  return { format, model, store, notices, files: read.used, ...signatures };
}

/** Files that go by this name in every model of their format. */
const USUAL_NAMES = /^(saved_model|model)$/i;

/** The file without its extension; its folder or archive where every file of the kind has the same name. */
function nameOfModel(path: string, given: Files): string {
  const parts = path.split('/');
  const file = withoutExtension(parts.at(-1) ?? path);
  if (!USUAL_NAMES.test(file)) return file;
  const [archive = file] = given.size === 1 ? given.keys() : [];
  return parts.at(-2) ?? withoutExtension(archive);
}

function withoutExtension(name: string): string {
  return name.replace(/\.[a-z0-9]+$/i, '');
}

/** The format with that id. */
export function formatOf(id: string): Format {
  const format = FORMATS.find((candidate) => candidate.id === id);
  if (format !== undefined) return format;
  throw new PareError({
    code: 'open/format',
    problem: `There is no format "${id}".`,
    hint: `Known are ${FORMATS.map((candidate) => candidate.id).join(', ')}.`,
  });
}

/** Zip archives are replaced by their files; archives that are files of other programs stay as they are. */
async function unpackZips(given: Files): Promise<Files> {
  const files = new Map<string, ByteSource>();
  for (const [path, source] of given) {
    const named = /\.zip$/i.test(path) || given.size === 1;
    // A .keras file is a zip that its own reader opens.
    if (!named || /\.keras$/i.test(path) || !isZip(await headOf(source))) {
      files.set(path, source);
      continue;
    }
    const members = await readZip(source);
    const folder = given.size > 1 ? `${path.replace(/\.zip$/i, '')}/` : '';
    const isModel = members.some((member) => hasExtension(member.path));
    if (!isModel) {
      files.set(path, source);
      continue;
    }
    // Only what lies in the folder of a model can belong to it: the rest need not be unpacked.
    const folders = members.filter((member) => hasExtension(member.path)).map((member) => folderOf(member.path));
    for (const member of members) {
      if (folders.some((home) => member.path.startsWith(home)))
        files.set(folder + member.path, await memberSource(member));
    }
  }
  return files;
}

/** A stored member in place; a deflated one unpacked when it is first read, as most may never be. */
async function memberSource(member: ZipMember): Promise<ByteSource> {
  if (member.stored) return member.open();
  let unpacked: Promise<ByteSource> | undefined;
  return {
    name: member.path,
    sizeBytes: member.sizeBytes,
    async read(offset, length) {
      unpacked ??= member.open();
      return (await unpacked).read(offset, length);
    },
  };
}

interface Found {
  readonly format: Format;
  readonly main: string;
}

async function findModel(files: Files): Promise<Found> {
  const named = await namedModels(files);
  const [first] = named;
  if (named.length > 1) {
    const paths = named.map(({ main }) => main);
    throw new PareError({
      code: 'open/several',
      problem: `There are ${named.length} models here: ${paths.slice(0, 5).join(', ')}${named.length > 5 ? ', …' : ''}.`,
      hint: 'Open one at a time.',
    });
  }
  if (first !== undefined) {
    await refuseOtherKinds(first.main, files);
    return first;
  }
  const sniffed: Found[] = [];
  for (const [path, source] of [...files].filter(([name]) => !isNamedOtherwise(name)).slice(0, MAX_SNIFFED)) {
    const head = await headOf(source);
    const format = FORMATS.find((candidate) => candidate.sniff(head, path));
    if (format !== undefined) sniffed.push({ format, main: path });
  }
  const [only] = sniffed;
  if (only !== undefined && sniffed.length === 1) return only;
  throw await notAModel(files);
}

/** Files whose name is a model's; where the name alone does not say it, the content must. */
async function namedModels(files: Files): Promise<readonly Found[]> {
  const found: Found[] = [];
  let read = 0;
  for (const [path, source] of files) {
    if (isHidden(path)) continue;
    const lower = path.toLowerCase();
    const format = FORMATS.find((candidate) => candidate.extensions.some((end) => lower.endsWith(end)));
    if (format === undefined) continue;
    if (AMBIGUOUS.test(path) && (read++ >= MAX_SNIFFED || !format.sniff(await headOf(source), path))) continue;
    found.push({ format, main: path });
  }
  return found;
}

/** A file with a model's extension that holds something else, by its first bytes. */
async function refuseOtherKinds(path: string, files: Files): Promise<void> {
  const source = files.get(path);
  const head = source === undefined ? new Uint8Array(0) : await headOf(source);
  if (head.byteLength === 0 || FORMATS.some((format) => format.sniff(head, path))) return;
  const { what, hint } = identify(path, head);
  if (what.startsWith('of a kind')) return;
  throw new PareError({
    code: 'open/not-a-model',
    file: path,
    problem: `In spite of its name this is ${what}, not a model.`,
    hint: hint ?? `Open a model: ${KINDS}.`,
  });
}

async function notAModel(files: Files): Promise<PareError> {
  const [first] = files;
  if (first === undefined || files.size > 1) {
    const seen = [...files.keys()].slice(0, 3).join(', ');
    return new PareError({
      code: 'open/no-model',
      problem: `None of these ${files.size} files is a model (${seen}${files.size > 3 ? ', …' : ''}).`,
      hint: `Open a model: ${KINDS}; with the files that belong to it.`,
    });
  }
  const [path, source] = first;
  const { what, hint } = identify(path, await headOf(source));
  const kind = what.includes('model') || what.includes('not ') ? what : `${what}, not a model`;
  return new PareError({
    code: 'open/not-a-model',
    file: path,
    problem: `This is ${kind}.`,
    hint: hint ?? `Open a model: ${KINDS}.`,
  });
}

function ignoredNotice(paths: readonly string[]): readonly Notice[] {
  if (paths.length === 0) return [];
  const list = paths.slice(0, 3).join(', ') + (paths.length > 3 ? ` and ${paths.length - 3} more` : '');
  const text = `${paths.length === 1 ? 'A file does' : `${paths.length} files do`} not belong to the model and was left aside: ${list}.`;
  return [{ level: 'info', code: 'open/ignored', text: paths.length === 1 ? text : text.replace(' was ', ' were ') }];
}

function headOf(source: ByteSource): Promise<Uint8Array> {
  return source.read(0, Math.min(HEAD_BYTES, source.sizeBytes));
}

function hasExtension(path: string): boolean {
  return FORMATS.some((format) => format.extensions.some((end) => path.toLowerCase().endsWith(end)));
}

/** Files that systems scatter into folders and archives. */
function isHidden(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
