/** What the files of a data set are for: the data itself, labels, names of classes, and the rest. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { DataKind } from '#data/dataset.ts';
import { isGzip } from '#wire/gzip.ts';
import { IDX_HEADER_BYTES, isIdx } from '#wire/idx.ts';
import { baseName } from './list-files.ts';

export interface SortedFiles {
  readonly kind: DataKind;
  readonly main: Files;
  /** Tables of text that may hold labels. */
  readonly tables: Files;
  /** Lists of class names, one a line. */
  readonly names: Files;
  readonly notices: readonly Notice[];
}

type Role = DataKind | 'names' | 'other';

const CLASS_NAMES =
  /^((classes|class[_-]?names|class[_-]?list|labels?([_-]?(map|\d+))?|[a-z0-9_-]*[_-](classes|labels?(_\d+)?)|categories|synset([_-]?words)?)\.(txt|names)|[a-z0-9_-]*label\.csv)$/i;

async function roleOf(path: string, source: ByteSource): Promise<Role> {
  const name = baseName(path).toLowerCase();
  if (CLASS_NAMES.test(name)) return 'names';
  if (/\.(png|jpe?g|webp)$/.test(name)) return 'images';
  if (/\.(wav|wave)$/.test(name)) return 'audio';
  if (/\.(npy|npz)$/.test(name)) return 'arrays';
  if (/\.(csv|tsv)$/.test(name)) return 'table';
  if (!/(idx\d|ubyte|\.idx)/.test(name) && /\.[a-z]\w*$/.test(name)) return 'other';
  const head = await source.read(0, Math.min(IDX_HEADER_BYTES, source.sizeBytes));
  return isGzip(head) || isIdx(head, source.sizeBytes) ? 'arrays' : 'other';
}

/** Pictures, recordings or arrays are the data, whichever are most, and tables beside them hold labels; of tables alone the largest. */
export async function sortFiles(files: Files): Promise<SortedFiles> {
  const roles = new Map<Role, Map<string, ByteSource>>();
  for (const [path, source] of files) {
    const role = await roleOf(path, source);
    const group = roles.get(role) ?? new Map<string, ByteSource>();
    roles.set(role, group.set(path, source));
  }
  const filesOf = (role: Role): Files => roles.get(role) ?? new Map<string, ByteSource>();
  const kinds = (['images', 'audio', 'arrays'] as const).toSorted((a, b) => filesOf(b).size - filesOf(a).size);
  const [most] = kinds;
  const kind: DataKind = most === undefined || filesOf(most).size === 0 ? 'table' : most;
  const [largest, ...otherTables] = [...filesOf('table')].toSorted(([, a], [, b]) => b.sizeBytes - a.sizeBytes);
  const main: Files = kind === 'table' ? new Map(largest === undefined ? [] : [largest]) : filesOf(kind);
  if (main.size === 0) throw nothingFound(files);
  const notices: Notice[] = [];
  for (const other of kinds) {
    const left = filesOf(other);
    if (other === kind || left.size === 0) continue;
    const text = `${left.size} ${left.size === 1 ? 'file' : 'files'} of ${other} are not used: the data is read as ${kind}.`;
    notices.push({ level: 'warning', code: 'data/other-kind', text });
  }
  const tables = kind === 'table' ? new Map(otherTables) : filesOf('table');
  return { kind, main, tables, names: filesOf('names'), notices };
}

function nothingFound(files: Files): PareError {
  const some = [...files.keys()].slice(0, 3).join(', ');
  return new PareError({
    code: 'data/unknown',
    problem: `None of the ${files.size} files is data that is read (${some}${files.size > 3 ? ', ...' : ''}).`,
    hint: 'Pictures (PNG, JPEG, WebP), recordings (WAV), arrays (.npy, .npz, IDX) and tables (.csv) are.',
  });
}
