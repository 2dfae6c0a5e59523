/** The files of dropped data: archives opened, folders of systems and of editors left out, in one order everywhere. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { ZipMember } from '#wire/zip.ts';
import { isZip, readZip } from '#wire/zip.ts';

/** Left behind by systems, editors and archivers; never data. */
const CLUTTER = /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i;

/** Files by path, sorted by it. A zip gives its members; `.npz` stays whole, since it is read as arrays. */
export async function listFiles(given: Files, signal?: AbortSignal): Promise<Files> {
  const found: [string, ByteSource][] = [];
  for (const [path, source] of given) {
    checkCancelled(signal);
    if (CLUTTER.test(path)) continue;
    const members = await membersOf(path, source);
    if (members === null) {
      found.push([path, source]);
      continue;
    }
    const folder = given.size > 1 ? `${path.replace(/\.zip$/i, '')}/` : '';
    const unpacked = createUnpacked();
    for (const member of members) {
      if (CLUTTER.test(member.path)) continue;
      const inner = folder + member.path;
      found.push([inner, member.stored ? storedMember(inner, member) : unpacked(inner, member)]);
    }
  }
  // By code unit: the same order on every machine, whatever its language.
  return new Map(found.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

async function membersOf(path: string, source: ByteSource): Promise<readonly ZipMember[] | null> {
  if (/\.npz$/i.test(path)) return null;
  if (!/\.zip$/i.test(path)) return null;
  if (source.sizeBytes < 22 || !isZip(await source.read(0, 4))) {
    throw new PareError({
      code: 'data/zip',
      file: path,
      problem: 'It is named as a zip archive and is none.',
      hint: 'Get the file again.',
    });
  }
  return readZip(source);
}

/** Opened when it is first read, so that an archive of thousands costs nothing to list. */
function storedMember(name: string, member: ZipMember): ByteSource {
  let opened: Promise<ByteSource> | undefined;
  return {
    name,
    sizeBytes: member.sizeBytes,
    read: async (offset, length) => (await (opened ??= member.open())).read(offset, length),
  };
}

/** Unpacked members lie in memory: only the one that was read last is kept, so that many cost no more than one. */
function createUnpacked(): (name: string, member: ZipMember) => ByteSource {
  let last: { readonly name: string; readonly opened: Promise<ByteSource> } | undefined;
  return (name, member) => ({
    name,
    sizeBytes: member.sizeBytes,
    async read(offset, length) {
      if (last?.name !== name) last = { name, opened: member.open() };
      return (await last.opened).read(offset, length);
    },
  });
}

/** The folder that all paths lie in, without the slash; empty when there is none. */
export function commonFolder(paths: readonly string[]): string {
  const [first] = paths;
  if (first === undefined) return '';
  let parts = first.split('/').slice(0, -1);
  for (const path of paths) {
    const other = path.split('/').slice(0, -1);
    let same = 0;
    while (same < parts.length && same < other.length && parts[same] === other[same]) same++;
    parts = parts.slice(0, same);
  }
  return parts.join('/');
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `images/cat` of `images/cat/1.jpg`; empty at the top. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** `features` of `data/features.npy`. */
export function stemOf(path: string): string {
  return baseName(path)
    .replace(/\.gz$/i, '')
    .replace(/\.[^.]*$/, '');
}
