/** Weights as containers find them, by the names of the layers that lead to them. */
import type { KerasWeight, KerasWeights } from '#formats/keras/archive.ts';

export class FoundWeights implements KerasWeights {
  readonly #lists = new Map<string, KerasWeight[]>();

  add(path: readonly string[], weight: KerasWeight): void {
    const key = keyOf(path);
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [weight]);
    else list.push(weight);
  }

  layer(path: readonly string[]): readonly KerasWeight[] {
    return this.#lists.get(keyOf(path)) ?? [];
  }
}

/** Names of layers may hold slashes: what parts them here is no letter of any name. */
function keyOf(path: readonly string[]): string {
  return path.join('\0');
}
