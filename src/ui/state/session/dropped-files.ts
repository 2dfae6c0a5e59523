/** Files out of a drop or a picker, folders walked to the end, each with its path. */
import type { DroppedFile } from '#studio/jobs.ts';

/** More than most data sets hold; a dropped home directory stops here. */
export const MOST_FILES = 60_000;

/**
 * Files of a drop. The entries have to be taken before the first await: the browser empties the list once the event is
 * over.
 */
export async function filesOfDrop(transfer: DataTransfer): Promise<readonly DroppedFile[]> {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry());
  const plain = items.map((item) => item.getAsFile());
  const found: DroppedFile[] = [];
  for (const [index, entry] of entries.entries()) {
    const file = plain[index];
    if (entry !== null && entry.isDirectory) await walk(entry, found);
    else if (file) found.push({ path: file.name, file });
  }
  return found;
}

export function filesOfPicker(list: FileList): readonly DroppedFile[] {
  return [...list].map((file) => ({
    path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath,
    file,
  }));
}

async function walk(entry: FileSystemEntry, found: DroppedFile[]): Promise<void> {
  if (found.length >= MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ''), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives at most 100 entries at a time and an empty list at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await walk(one, found);
  }
}
