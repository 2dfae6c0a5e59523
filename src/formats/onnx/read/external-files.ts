/** Weights in files beside the model: finds each by the path that the model names, and refuses paths that lead elsewhere. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { baseName, safeRelativePath } from '#formats/onnx/record/paths.ts';

/** Files by their path relative to the model's folder; found ones are remembered. */
export class ExternalFiles {
  readonly #files: Files;
  readonly #main: string;
  readonly #find: ((path: string) => Promise<ByteSource | undefined>) | undefined;
  readonly #used = new Map<string, ByteSource>();
  /** The same by the path they were given under. */
  readonly #paths = new Map<string, ByteSource>();

  /** `main` is the model's own path in `files`; `find` looks beyond them, as a command line does on disk. */
  constructor(files: Files, main: string, find?: (path: string) => Promise<ByteSource | undefined>) {
    this.#files = files;
    this.#main = main;
    this.#find = find;
  }

  /** Locations that were read from so far, in order. */
  get locations(): readonly string[] {
    return [...this.#used.keys()];
  }

  /** The files themselves, by path beside the model's own. */
  get used(): Files {
    return this.#paths;
  }

  async open(location: string, tensor: string): Promise<ByteSource> {
    const path = safeRelativePath(location);
    if (path === undefined) {
      throw new PareError({
        code: 'onnx/external-path',
        file: this.#main,
        place: `tensor ${tensor}`,
        problem: `Its weights are said to lie in "${location}", which leads out of the model's folder.`,
        hint: 'Such paths are not followed: save the model again with a plain file name.',
      });
    }
    const known = this.#used.get(path);
    if (known !== undefined) return known;
    const folder = this.#main.slice(0, this.#main.lastIndexOf('/') + 1);
    const given = this.#lookUp(folder, path);
    const source = given?.[1] ?? (await this.#find?.(path));
    if (source === undefined) {
      throw new PareError({
        code: 'onnx/external-missing',
        file: this.#main,
        place: `tensor ${tensor}`,
        problem: `Its weights lie in a second file, "${path}", which is not there.`,
        hint: `Open "${path}" together with "${baseName(this.#main)}" (drop both, or their folder).`,
      });
    }
    this.#used.set(path, source);
    this.#paths.set(given?.[0] ?? folder + path, source);
    return source;
  }

  #lookUp(folder: string, path: string): readonly [string, ByteSource] | undefined {
    const exact = this.#files.get(folder + path);
    if (exact !== undefined) return [folder + path, exact];
    // Files dropped one by one lose their folder: a single file of that name is the one that is meant.
    const alike = [...this.#files].filter(([name]) => baseName(name) === baseName(path) && name !== this.#main);
    return alike.length === 1 ? alike[0] : undefined;
  }
}
