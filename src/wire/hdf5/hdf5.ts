/**
 * HDF5 files, read on demand: groups, attributes and datasets as far as Keras and Python's h5py write them. A dataset whose
 * elements lie in the file as they are names its range there, so that nobody has to read it to pass it on.
 *
 * HDF5 File Format Specification 3.0: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
 */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { type FoundAttribute, readAttributes, valueOfAttribute } from './data/attributes.ts';
import { elementsOf, readDataspace } from './data/dataspace.ts';
import { nameOfDatatype, readDatatype } from './data/datatype.ts';
import { readFilters } from './data/filters.ts';
import { readFill, readLayout } from './data/layout.ts';
import { placeOf, readStored, type Stored } from './data/read.ts';
import { type Hdf5Value, type HeapText, readValue } from './data/value.ts';
import { damaged } from './structure/cursor.ts';
import type { Hdf5Bytes } from './structure/file.ts';
import { MESSAGE, type Message, messageOf, readMessages } from './structure/header.ts';
import { openGlobalHeap } from './structure/heaps.ts';
import { MAX_SOFT_LINKS } from './structure/limits.ts';
import { isGroup, type Link, type Links, readLinks } from './structure/links.ts';
import { readSuperblock } from './structure/superblock.ts';

export type { Hdf5Scalar, Hdf5Value } from './data/value.ts';

interface Hdf5Common {
  /** Path from the root, without a slash in front. */
  readonly path: string;
  /** Where its header stands: two links to one object lead to the same. */
  readonly address: number;
  attributeNames(): Promise<readonly string[]>;
  /** Undefined where there is no such attribute; null where its value is of a kind that is not read. */
  attribute(name: string): Promise<Hdf5Value | null | undefined>;
}

export interface Hdf5Group extends Hdf5Common {
  readonly kind: 'group';
  /** Names of its links, in the order of the file. */
  names(): Promise<readonly string[]>;
  /** The object that a path from here leads to; soft links are followed. Undefined where there is none. */
  get(path: string): Promise<Hdf5Object | undefined>;
}

export interface Hdf5Dataset extends Hdf5Common {
  readonly kind: 'dataset';
  /** Null for elements that are not numbers; `typeName` says what they are. */
  readonly dtype: DType | null;
  readonly typeName: string;
  readonly elementBytes: number;
  /** No sizes for a single element; `[0]` for a dataset without elements. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Range of the source with all elements, row-major and little endian, where they lie there so. */
  readonly place?: { readonly offset: number; readonly length: number };
  /** All elements, row-major and little endian. */
  read(): Promise<Uint8Array>;
  /** Elements as values, texts included; null where they are of a kind that has none. */
  values(): Promise<Hdf5Value | null>;
}

export type Hdf5Object = Hdf5Group | Hdf5Dataset;

/** Opens a file at its root group. */
export async function openHdf5(source: ByteSource): Promise<Hdf5Group> {
  const { file, root } = await readSuperblock(source);
  return openRoot({ file, root, heap: openGlobalHeap(file), headers: new Map() });
}

/** What all objects of one file share. */
interface Opened {
  readonly file: Hdf5Bytes;
  readonly root: number;
  readonly heap: HeapText;
  readonly headers: Map<number, Promise<readonly Message[]>>;
}

interface OpenedGroup extends Hdf5Group {
  links(): Promise<Links>;
}

type OpenedObject = OpenedGroup | Hdf5Dataset;

async function openRoot(opened: Opened): Promise<OpenedGroup> {
  const { file, root } = opened;
  const group = await openObject(opened, root, '');
  if (group?.kind === 'group') return group;
  throw damaged(file.name, root, 'A root group should start here.');
}

/** Undefined for objects that are neither group nor dataset. */
async function openObject(opened: Opened, address: number, path: string): Promise<OpenedObject | undefined> {
  let header = opened.headers.get(address);
  if (header === undefined) {
    header = readMessages(opened.file, address);
    opened.headers.set(address, header);
  }
  const messages = await header;
  const common = commonOf(opened, messages, address, path);
  if (isGroup(messages)) return openGroup(opened, messages, common);
  if (messages.some(({ type }) => type === MESSAGE.layout)) return openDataset(opened, messages, common);
  return undefined;
}

function commonOf(opened: Opened, messages: readonly Message[], address: number, path: string): Hdf5Common {
  let found: Promise<ReadonlyMap<string, FoundAttribute>> | undefined;
  const attributes = (): Promise<ReadonlyMap<string, FoundAttribute>> => {
    found ??= readAttributes(opened.file, messages);
    return found;
  };
  return {
    path,
    address,
    attributeNames: async () => [...(await attributes()).keys()],
    async attribute(name) {
      const attribute = (await attributes()).get(name);
      if (attribute === undefined) return undefined;
      return valueOfAttribute(opened.file, opened.heap, name, attribute);
    },
  };
}

function openGroup(opened: Opened, messages: readonly Message[], common: Hdf5Common): OpenedGroup {
  let found: Promise<Links> | undefined;
  const group: OpenedGroup = {
    ...common,
    kind: 'group',
    links() {
      found ??= readLinks(opened.file, messages);
      return found;
    },
    names: async () => [...(await group.links()).keys()],
    get: (path) => walk(opened, group, path, { left: MAX_SOFT_LINKS }),
  };
  return group;
}

/** Follows a path; `soft` counts the soft links that may still be followed on the way. */
async function walk(
  opened: Opened,
  from: OpenedGroup,
  path: string,
  soft: { left: number },
): Promise<OpenedObject | undefined> {
  let here: OpenedObject | undefined = from;
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (here?.kind !== 'group') return undefined;
    const link: Link | undefined = (await here.links()).get(name);
    if (link === undefined) return undefined;
    here = await follow(opened, here, name, link, soft);
  }
  return here;
}

async function follow(
  opened: Opened,
  from: OpenedGroup,
  name: string,
  link: Link,
  soft: { left: number },
): Promise<OpenedObject | undefined> {
  const path = from.path === '' ? name : `${from.path}/${name}`;
  if (link.kind === 'hard') return openObject(opened, link.address, path);
  if (link.kind === 'external') throw external(opened.file, path);
  soft.left -= 1;
  if (soft.left < 0) {
    const hint = 'The file is damaged: get it again.';
    const problem = 'Its links lead in a circle.';
    throw new PareError({ code: 'hdf5/links', file: opened.file.name, place: path, problem, hint });
  }
  return walk(opened, link.path.startsWith('/') ? await openRoot(opened) : from, link.path, soft);
}

function external(file: Hdf5Bytes, path: string): PareError {
  return new PareError({
    code: 'hdf5/external',
    file: file.name,
    place: path,
    problem: 'What stands here lies in another file, which is not opened.',
    hint: 'Save the model again as one file.',
  });
}

async function openDataset(opened: Opened, messages: readonly Message[], common: Hdf5Common): Promise<Hdf5Dataset> {
  const { file, heap } = opened;
  const part = async (type: number): Promise<NonNullable<Awaited<ReturnType<typeof messageOf>>>> => {
    const body = await messageOf(file, messages, type);
    if (body !== undefined) return body;
    const problem = 'A part of the description of this dataset is missing.';
    const hint = 'The file is damaged: get it again.';
    throw new PareError({ code: 'hdf5/damaged', file: file.name, place: common.path, problem, hint });
  };
  const type = readDatatype(await part(MESSAGE.datatype));
  const space = readDataspace(await part(MESSAGE.dataspace));
  const layout = readLayout(file, await part(MESSAGE.layout));
  const filters = await messageOf(file, messages, MESSAGE.filters);
  if (messages.some((message) => message.type === MESSAGE.externalFiles)) throw external(file, common.path);
  const stored: Stored = {
    type,
    space,
    layout,
    filters: filters === undefined ? [] : readFilters(filters),
    fill: await readFill(file, messages),
  };
  const place = placeOf(file, stored);
  const read = (): Promise<Uint8Array> => readStored(file, stored);
  return {
    ...common,
    kind: 'dataset',
    dtype: type.kind === 'number' ? type.dtype : null,
    typeName: nameOfDatatype(type),
    elementBytes: type.sizeBytes,
    shape: space ?? [0],
    sizeBytes: elementsOf(space) * type.sizeBytes,
    ...(place === undefined ? {} : { place }),
    read,
    async values() {
      const bytes = await read();
      // Read elements are little endian whatever the file says.
      const plain = type.kind === 'number' ? { ...type, bigEndian: false } : type;
      return readValue(file, heap, plain, space, bytes);
    },
  };
}
