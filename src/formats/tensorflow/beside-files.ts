/** Files that belong to a model, found beside it: among those that were given, wherever a folder was flattened, or on disk. */
import type { ByteSource, Files } from '#base/bytes.ts';

export class BesideFiles {
  readonly #files: Files;
  readonly #main: string;
  readonly #find: ((path: string) => Promise<ByteSource | undefined>) | undefined;
  readonly #used = new Map<string, ByteSource>();

  constructor(files: Files, main: string, find?: (path: string) => Promise<ByteSource | undefined>) {
    this.#files = files;
    this.#main = main;
    this.#find = find;
  }

  /** Files that were opened, by the path they were given under. */
  get used(): Files {
    return this.#used;
  }

  /** The file at a path relative to the model; paths that lead elsewhere are not followed. */
  async open(path: string): Promise<ByteSource | undefined> {
    const safe = safePath(path);
    if (safe === undefined) return undefined;
    const folder = this.#main.slice(0, this.#main.lastIndexOf('/') + 1);
    const given = this.#lookUp(folder, safe);
    const source = given?.[1] ?? (await this.#find?.(safe));
    if (source !== undefined) this.#used.set(given?.[0] ?? folder + safe, source);
    return source;
  }

  /** Marks a given file as part of the model, if it is there, without reading it. */
  claim(path: string): void {
    const folder = this.#main.slice(0, this.#main.lastIndexOf('/') + 1);
    const source = this.#files.get(folder + path);
    if (source !== undefined) this.#used.set(folder + path, source);
  }

  /** Given files in a folder beside the model. */
  claimFolder(name: string): void {
    const folder = `${this.#main.slice(0, this.#main.lastIndexOf('/') + 1)}${name}/`;
    for (const [path, source] of this.#files) if (path.startsWith(folder)) this.#used.set(path, source);
  }

  #lookUp(folder: string, path: string): readonly [string, ByteSource] | undefined {
    const exact = this.#files.get(folder + path);
    if (exact !== undefined) return [folder + path, exact];
    // Files dropped one by one lose their folder: a single file of that name is the one that is meant.
    const name = baseName(path);
    const alike = [...this.#files].filter(([each]) => baseName(each) === name && each !== this.#main);
    const near = alike.filter(([each]) => each.startsWith(folder));
    return near.length === 1 ? near[0] : alike.length === 1 ? alike[0] : undefined;
  }
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Without `.` parts; undefined when it is absolute or climbs out. */
function safePath(path: string): string | undefined {
  if (path === '' || path.includes('\0') || /^([/\\]|[A-Za-z]:)/.test(path)) return undefined;
  const parts = path.split(/[/\\]/).filter((part) => part !== '.' && part !== '');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}
