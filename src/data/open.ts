/** Opens dropped data: finds out what the files are, reads what is needed to count and label them, and nothing else. */
import type { Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { DataArray } from './arrays/data-array.ts';
import type { DataTable } from './arrays/data-table.ts';
import { openTable } from './arrays/data-table.ts';
import { findArrays } from './arrays/find-arrays.ts';
import type { Recording } from './audio/recording.ts';
import { findRecordings } from './audio/recording.ts';
import type { Dataset, DataKind } from './dataset.ts';
import { digestOfFiles } from './files/digest.ts';
import { commonFolder, listFiles } from './files/list-files.ts';
import { sortFiles } from './files/sort-files.ts';
import type { SortedFiles } from './files/sort-files.ts';
import type { PictureFile } from './image/find-pictures.ts';
import { findPictures } from './image/find-pictures.ts';
import type { FoundLabels } from './labels/find-labels.ts';
import { findLabels } from './labels/find-labels.ts';
import type { LabelColumn } from './labels/label-column.ts';
import type { DecodePicture } from './samples.ts';

export interface OpenOptions {
  /** null: this place decodes no pictures, and data of pictures is refused. */
  readonly decode: DecodePicture | null;
  /** A file of labels that was given apart. */
  readonly labels?: Files | undefined;
  /** As the person knows the data; made from the paths where absent. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenDataset {
  readonly info: Dataset;
  readonly content: Content;
  /** The likeliest first. */
  readonly labels: readonly LabelColumn[];
  /** The same for the same paths, sizes and bytes. */
  readonly fingerprint: string;
}

export type Content =
  | { readonly kind: 'images'; readonly files: readonly PictureFile[]; readonly decode: DecodePicture }
  | { readonly kind: 'audio'; readonly recordings: readonly Recording[] }
  | { readonly kind: 'arrays'; readonly arrays: readonly DataArray[] }
  | { readonly kind: 'table'; readonly table: DataTable };

/** Throws a `PareError` where there is no data in the files, or labels that were asked for do not belong to it. */
export async function openDataset(given: Files, options: OpenOptions): Promise<OpenDataset> {
  const { signal } = options;
  const files = await listFiles(given, signal);
  if (files.size === 0) {
    throw new PareError({
      code: 'data/nothing',
      problem: given.size === 0 ? 'No file was given.' : 'There is no file in what was given.',
      hint: 'Drop pictures, WAV recordings, arrays (.npy, .npz, IDX) or a table (.csv), or a folder or zip of them.',
    });
  }
  const fingerprint = await digestOfFiles(new Map([...given, ...(options.labels ?? [])]));
  checkCancelled(signal);
  const sorted = await sortFiles(files);
  const found = await findContent(sorted, options);
  checkCancelled(signal);
  const { content, count, paths } = found;
  const labels = await findLabels(sorted, { count, paths, rowLabels: found.rowLabels }, options.labels, signal);
  const notices = [...sorted.notices, ...found.notices, ...labels.notices];
  const name = options.name ?? nameOf(given);
  return {
    info: describe(found, labels, { id: fingerprint, name, notices }),
    content,
    labels: labels.columns,
    fingerprint,
  };
}

interface Found {
  readonly content: Content;
  /** Files or rows. */
  readonly count: number;
  readonly paths: readonly string[] | null;
  readonly label: string;
  /** Labels that lie in the data itself: an array or a column. */
  readonly rowLabels: FoundLabels;
  readonly notices: readonly Notice[];
}

const NO_LABELS: FoundLabels = { columns: [], names: null, notices: [] };

async function findContent(sorted: SortedFiles, options: OpenOptions): Promise<Found> {
  const { signal } = options;
  switch (sorted.kind) {
    case 'images': {
      if (options.decode === null) {
        throw new PareError({ code: 'data/no-decoder', problem: 'Pictures cannot be decoded here.' });
      }
      const { files, notices, label } = await findPictures(sorted.main, signal);
      const content: Content = { kind: 'images', files, decode: options.decode };
      return {
        content,
        count: files.length,
        paths: files.map(({ path }) => path),
        label,
        rowLabels: NO_LABELS,
        notices,
      };
    }
    case 'audio': {
      const { recordings, notices, label } = await findRecordings(sorted.main, signal);
      const paths = recordings.map(({ path }) => path);
      const content: Content = { kind: 'audio', recordings };
      return { content, count: recordings.length, paths, label, rowLabels: NO_LABELS, notices };
    }
    case 'arrays': {
      const { arrays, labels, count, label, notices } = await findArrays(sorted.main, signal);
      return { content: { kind: 'arrays', arrays }, count, paths: null, label, rowLabels: labels, notices };
    }
    default: {
      const { table, labels, label, notices } = await openTable(sorted.main, signal);
      const content: Content = { kind: 'table', table };
      return { content, count: table.rows, paths: null, label, rowLabels: labels, notices };
    }
  }
}

function describe(
  { content, count, label }: Found,
  labels: FoundLabels,
  { id, name, notices }: Pick<Dataset, 'id' | 'name' | 'notices'>,
): Dataset {
  const kind: DataKind = content.kind;
  const [first] = labels.columns;
  return {
    id,
    name,
    kind,
    items: count,
    label,
    labelColumns: labels.columns.map((column) => column.name),
    classNames: labels.names,
    labelled: first?.labelled ?? 0,
    notices,
  };
}

function nameOf(given: Files): string {
  const paths = [...given.keys()];
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) return only;
  const folder = commonFolder(paths);
  return folder === '' ? `${paths.length} files` : folder;
}
