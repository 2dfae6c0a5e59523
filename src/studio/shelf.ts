/** Where opened models are kept so that they survive a reload: the contract, and one in memory for tests and for engines without a disk. */
import { type Files, joinChunks, sizeOfFiles } from '#base/bytes.ts';
import type { OnProgress } from '#base/progress.ts';
import { memorySource } from '#base/sources.ts';

export interface ShelfEntry {
  readonly id: string;
  readonly files: Files;
}

export interface KeepOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Why a model could not be kept; undefined when it was. */
export type NotKept = string | undefined;

export interface Shelf {
  /** Copies the files, streaming. A model already kept is left as it is; a copy that fails leaves nothing behind. */
  keep(id: string, files: Files, options?: KeepOptions): Promise<NotKept>;
  has(id: string): Promise<boolean>;
  /** Models kept, oldest first. */
  list(): Promise<readonly ShelfEntry[]>;
  remove(id: string): Promise<void>;
}

export function createMemoryShelf(limitBytes = Number.POSITIVE_INFINITY): Shelf {
  const kept = new Map<string, Files>();
  const sizeOf = (files: Files): number => sizeOfFiles(files.values());
  return {
    async keep(id, files) {
      if (kept.has(id)) return undefined;
      const held = [...kept.values()].reduce((sum, other) => sum + sizeOf(other), 0);
      if (held + sizeOf(files) > limitBytes) return 'There is not enough room.';
      const copies = new Map<string, ReturnType<typeof memorySource>>();
      for (const [path, source] of files) {
        const bytes = await joinChunks([{ source, offset: 0, length: source.sizeBytes }]);
        copies.set(path, memorySource(source.name, bytes));
      }
      kept.set(id, copies);
      return undefined;
    },
    has: (id) => Promise.resolve(kept.has(id)),
    list: () => Promise.resolve([...kept].map(([id, files]) => ({ id, files }))),
    remove: (id) => {
      kept.delete(id);
      return Promise.resolve();
    },
  };
}
