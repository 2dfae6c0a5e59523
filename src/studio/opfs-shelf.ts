/**
 * The shelf in the browser's private file system (OPFS). Each model is a folder: its files by number, and an index that is
 * written last, so that a copy cut short by a closed tab is recognised and cleared away.
 */
import { sizeOfFiles, type ByteSource, type Files } from '#base/bytes.ts';
import { checkCancelled } from '#base/failure.ts';
import { blobSource } from '#base/sources.ts';
import type { KeepOptions, NotKept, Shelf, ShelfEntry } from './shelf.ts';

interface Index {
  readonly version: 1;
  readonly keptAt: number;
  readonly files: readonly { readonly path: string; readonly name: string; readonly stored: string }[];
}

/** Named here because the DOM types leave out what only workers have. */
interface SyncAccess {
  write(bytes: Uint8Array<ArrayBuffer>, options?: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

const FOLDER = 'models';
const INDEX = 'index.json';
/** Bytes copied at a time: large enough for the disk, small enough for memory and for a prompt cancel. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Room that must stay free after a copy, for results and for the browser itself. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** The shelf of this origin, or null where the browser has none (or refuses it, as some do in private windows). */
export async function openOpfsShelf(): Promise<Shelf | null> {
  try {
    const root = await navigator.storage.getDirectory();
    return shelfIn(await root.getDirectoryHandle(FOLDER, { create: true }));
  } catch {
    // Not an error: the studio works without, and says that models are not kept.
    return null;
  }
}

function shelfIn(folder: FileSystemDirectoryHandle): Shelf {
  const copying = new Set<string>();
  const has = async (id: string): Promise<boolean> => {
    try {
      const model = await folder.getDirectoryHandle(id);
      await model.getFileHandle(INDEX);
      return true;
    } catch {
      return false;
    }
  };
  const remove = async (id: string): Promise<void> => {
    try {
      await folder.removeEntry(id, { recursive: true });
    } catch {
      // Gone already, or open in another tab, which keeps it.
    }
  };

  return {
    has,
    remove,
    async keep(id, files, options = {}) {
      if (copying.has(id) || (await has(id))) return undefined;
      const lack = await lackOfRoom(files);
      if (lack !== undefined) return lack;
      copying.add(id);
      try {
        await remove(id);
        await copyInto(await folder.getDirectoryHandle(id, { create: true }), files, options);
        return undefined;
      } catch (error) {
        await remove(id);
        checkCancelled(options.signal);
        if (error instanceof DOMException) return `The browser refused to store it (${error.message}).`;
        throw error;
      } finally {
        copying.delete(id);
      }
    },
    async list() {
      const entries: (ShelfEntry & { readonly keptAt: number })[] = [];
      const broken: string[] = [];
      for await (const [id, handle] of folder.entries()) {
        if (handle.kind !== 'directory' || copying.has(id)) continue;
        const entry = await readEntry(id, handle as FileSystemDirectoryHandle);
        if (entry === undefined) broken.push(id);
        else entries.push(entry);
      }
      for (const id of broken) await remove(id);
      return entries.toSorted((a, b) => a.keptAt - b.keptAt);
    },
  };
}

async function lackOfRoom(files: Files): Promise<NotKept> {
  const needed = sizeOfFiles(files.values()) + SPARE_BYTES;
  const { quota, usage } = await navigator.storage.estimate();
  if (quota === undefined || quota - (usage ?? 0) >= needed) return undefined;
  const free = Math.max(0, quota - (usage ?? 0));
  return `The browser has room for ${megabytes(free)} more, and keeping it takes ${megabytes(needed)}.`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

async function copyInto(folder: FileSystemDirectoryHandle, files: Files, options: KeepOptions): Promise<void> {
  const total = sizeOfFiles(files.values());
  const index: { path: string; name: string; stored: string }[] = [];
  let done = 0;
  for (const [path, source] of files) {
    const stored = String(index.length);
    const handle = await syncAccess(await folder.getFileHandle(stored, { create: true }));
    try {
      for (let at = 0; at < source.sizeBytes; at += PIECE_BYTES) {
        checkCancelled(options.signal);
        const bytes = await source.read(at, Math.min(PIECE_BYTES, source.sizeBytes - at));
        handle.write(bytes as Uint8Array<ArrayBuffer>, { at });
        done += bytes.byteLength;
        options.onProgress?.({ label: `Keeping ${source.name} for your next visit`, done, of: total });
      }
      handle.flush();
    } finally {
      handle.close();
    }
    index.push({ path, name: source.name, stored });
  }
  const written: Index = { version: 1, keptAt: Date.now(), files: index };
  const handle = await syncAccess(await folder.getFileHandle(INDEX, { create: true }));
  try {
    handle.write(new TextEncoder().encode(JSON.stringify(written)));
    handle.flush();
  } finally {
    handle.close();
  }
}

function syncAccess(file: FileSystemFileHandle): Promise<SyncAccess> {
  return (file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> }).createSyncAccessHandle();
}

async function readEntry(
  id: string,
  folder: FileSystemDirectoryHandle,
): Promise<(ShelfEntry & { readonly keptAt: number }) | undefined> {
  try {
    const text = await (await (await folder.getFileHandle(INDEX)).getFile()).text();
    const index = JSON.parse(text) as Index;
    const files = new Map<string, ByteSource>();
    for (const { path, name, stored } of index.files) {
      files.set(path, blobSource(name, await (await folder.getFileHandle(stored)).getFile()));
    }
    return { id, keptAt: index.keptAt, files };
  } catch {
    return undefined;
  }
}
