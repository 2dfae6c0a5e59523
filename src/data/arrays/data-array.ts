/** An array of a data set whose rows are read on demand: from `.npy`, `.npz` and IDX files. */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { NdArray, NdData } from '#base/nd-array.ts';
import { MOST_HELD_BYTES } from '#data/limits.ts';
import { gunzip } from '#wire/gzip.ts';
import { IDX_HEADER_BYTES, readIdxElements, readIdxHeader } from '#wire/idx.ts';
import { readNpy, readNpyElements, readNpyHeader } from '#wire/npy.ts';
import { isZip, readZip } from '#wire/zip.ts';

export interface DataArray {
  /** Key in the archive, or the file's name without its ending. */
  readonly name: string;
  readonly file: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Rows along the first axis. The caller's own. */
  rows(from: number, count: number): Promise<NdArray>;
  /** All of it, in its own shape. */
  whole(): Promise<NdArray>;
}

/** Counts what is held in memory for one data set, and refuses what goes over the limit. */
export interface Holding {
  take(file: string, bytes: number): void;
}

export function createHolding(most = MOST_HELD_BYTES): Holding {
  let held = 0;
  return {
    take(file, bytes) {
      held += bytes;
      if (held <= most) return;
      throw new PareError({
        code: 'data/too-big-to-hold',
        file,
        problem: `Packed or column-major arrays are held in memory, and these take more than ${most / 2 ** 20} MiB.`,
        hint: 'Save them unpacked and row-major: numpy.save(file, numpy.ascontiguousarray(array)).',
      });
    },
  };
}

/** One array in memory. */
export function memoryArray(name: string, file: string, array: NdArray): DataArray {
  const { dtype, shape, data } = array;
  const size = countOf(shape.slice(1));
  return {
    name,
    file,
    dtype,
    shape,
    rows: async (from, count) => ({
      dtype,
      shape: [count, ...shape.slice(1)],
      data: data.slice(from * size, (from + count) * size) as NdData,
    }),
    whole: async () => array,
  };
}

/** Longest header that is looked for at once; NumPy writes some 128 bytes. */
const HEAD_BYTES = 65_536 + 10;

/** An `.npy` file; row-major ones are read row by row and never whole. */
export async function openNpy(name: string, source: ByteSource, holding: Holding): Promise<DataArray> {
  const file = source.name;
  const header = readNpyHeader(file, await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes)));
  const { dtype, shape, dataAt, elementBytes } = header;
  const needed = dataAt + countOf(shape) * elementBytes;
  if (needed > source.sizeBytes) {
    throw new PareError({
      code: 'npy/truncated',
      file,
      problem: `It should have ${needed} bytes for its shape [${shape.join(', ')}], but has ${source.sizeBytes}.`,
      hint: 'The file is cut short: get it again.',
    });
  }
  if (header.fortran && shape.length > 1) {
    holding.take(file, needed);
    return memoryArray(name, file, readNpy(file, await source.read(0, source.sizeBytes)));
  }
  const rowBytes = countOf(shape.slice(1)) * elementBytes;
  return {
    name,
    file,
    dtype,
    shape,
    async rows(from, count) {
      const body = await source.read(dataAt + from * rowBytes, count * rowBytes);
      return readNpyElements(file, header, [count, ...shape.slice(1)], body);
    },
    whole: async () => readNpyElements(file, header, shape, await source.read(dataAt, needed - dataAt)),
  };
}

/** The arrays of an `.npz` file. Stored ones are read in place; packed ones are unpacked once and held. */
export async function openNpz(source: ByteSource, holding: Holding): Promise<readonly DataArray[]> {
  const arrays: DataArray[] = [];
  if (!isZip(await source.read(0, Math.min(4, source.sizeBytes)))) {
    const problem = 'It is named as an archive of arrays and is none.';
    throw new PareError({ code: 'npz/magic', file: source.name, problem, hint: 'Save it again with numpy.savez.' });
  }
  for (const member of await readZip(source)) {
    if (!member.path.endsWith('.npy')) continue;
    if (!member.stored) holding.take(source.name, member.sizeBytes);
    const name = member.path.slice(0, -4);
    arrays.push({ ...(await openNpy(name, await member.open(), holding)), file: source.name });
  }
  if (arrays.length > 0) return arrays;
  const hint = 'Save it with numpy.savez(file, name=array).';
  throw new PareError({ code: 'npz/empty', file: source.name, problem: 'It holds no arrays.', hint });
}

/** An IDX file, or a packed one, which is unpacked once and held. */
export async function openIdx(name: string, given: ByteSource, holding: Holding): Promise<DataArray> {
  let source = given;
  if (/\.gz$/i.test(given.name)) {
    source = await gunzip(given, MOST_HELD_BYTES);
    holding.take(given.name, source.sizeBytes);
  }
  const head = await source.read(0, Math.min(IDX_HEADER_BYTES, source.sizeBytes));
  const header = readIdxHeader(given.name, head, source.sizeBytes);
  const { dtype, shape, dataAt, elementBytes } = header;
  const rowBytes = countOf(shape.slice(1)) * elementBytes;
  const rows = async (from: number, count: number): Promise<NdArray> => {
    const body = await source.read(dataAt + from * rowBytes, count * rowBytes);
    return readIdxElements(header, [count, ...shape.slice(1)], body);
  };
  return { name, file: given.name, dtype, shape, rows, whole: () => rows(0, shape[0] ?? 1) };
}
