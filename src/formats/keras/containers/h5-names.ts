/**
 * Which layer a weight of an `.h5` file belongs to. The weights of a model in a model stand in one list under the outer
 * one, those that train first; their names begin with scopes: names of layers, of models around them, or of neither.
 */
import { PareError } from '#base/failure.ts';
import { snakeCase } from './class-names.ts';
import { type Leaf, leavesOf, type TreeLayer } from './layer-tree.ts';

/** Layers of one name that are told apart by the models around them. */
const MAX_NAMESAKES = 64;
/** Scopes of one weight that are looked at. */
const MAX_SCOPES = 12;

/** `dense_1/kernel:0` as its parts without the `:0`. */
function partsOf(weightName: string): readonly string[] {
  return weightName.replace(/:\d+$/, '').split('/');
}

export interface WeightPlace {
  /** Names of the layers that lead to it. */
  readonly path: readonly string[];
  /** Its own name inside the last of them. */
  readonly inside: string;
}

/** Whose the weights are that stand under a layer of the model. */
export function placesOf(
  file: string,
  name: string,
  layer: TreeLayer | undefined,
  weightNames: readonly string[],
): readonly WeightPlace[] {
  if (layer?.layers !== undefined) {
    const paths = assignToLeaves(file, name, leavesOf(layer.layers, [name]), weightNames);
    return paths.map((path, index) => ({ path, inside: nameInside(path, weightNames[index] ?? '') }));
  }
  const wrapped = layer?.wrapped?.layers;
  if (wrapped === undefined) return weightNames.map((one) => ({ path: [name], inside: nameInside([name], one) }));
  // A wrapper is one layer: the layers of the model in it are part of the names of its weights.
  const paths = assignToLeaves(file, name, leavesOf(wrapped), weightNames);
  return paths.map((path, index) => {
    const inside = [...path, nameInside(path, weightNames[index] ?? '')].join('/');
    return { path: [name], inside };
  });
}

/** The path inside a layer: what follows its name, or its scope where that is another. */
export function nameInside(path: readonly string[], weightName: string): string {
  const name = partsOf(weightName).join('/');
  const scope = `${path.at(-1) ?? ''}/`;
  if (name.startsWith(scope)) return name.slice(scope.length);
  const at = name.lastIndexOf(`/${scope}`);
  if (at >= 0) return name.slice(at + 1 + scope.length);
  return name.slice(name.indexOf('/') + 1);
}

/** The layer of each weight of a nested model, by its names. */
export function assignToLeaves(
  file: string,
  model: string,
  leaves: readonly Leaf[],
  weightNames: readonly string[],
): readonly (readonly string[])[] {
  const byName = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const list = byName.get(leaf.layer.name);
    if (list === undefined) byName.set(leaf.layer.name, [leaf]);
    else if (list.length < MAX_NAMESAKES) list.push(leaf);
  }
  const found = weightNames.map((name) => bestLeaf(byName, partsOf(name).slice(0, -1)));
  const byScope = guessByClass(leaves, weightNames, found);
  return weightNames.map((name, index) => {
    const leaf = found[index] ?? byScope.get(scopeOf(name));
    if (leaf !== undefined) return leaf.path;
    throw new PareError({
      code: 'keras/weights',
      file,
      place: `layer ${model}`,
      problem: `It cannot be told which of its layers the weight ${name} belongs to.`,
      hint: 'Save the model as .keras, which names them by layer.',
    });
  });
}

/** The layer whose name is in the scopes, and of several the one most of whose models are there too. */
function bestLeaf(byName: ReadonlyMap<string, readonly Leaf[]>, scopes: readonly string[]): Leaf | undefined {
  let best: Leaf | undefined;
  let bestScore = 0;
  const count = Math.min(scopes.length, MAX_SCOPES);
  for (let from = 0; from < count; from++) {
    // Names of Keras 2 may hold slashes: `conv1/bn` is one layer.
    for (let to = from + 1; to <= count; to++) {
      for (const leaf of byName.get(scopes.slice(from, to).join('/')) ?? []) {
        const around = leaf.path.slice(0, -1).filter((name) => scopes.slice(0, from).includes(name)).length;
        const score = 2 * around + (to - from);
        if (score > bestScore) [best, bestScore] = [leaf, score];
      }
    }
  }
  return best;
}

function scopeOf(weightName: string): string {
  return partsOf(weightName).slice(0, -1).join('/');
}

/**
 * Scopes that are no layer's name: Keras before 2.4 counted them anew for each model it made, so that `dense_4/kernel:0` may
 * be of a layer named `dense`. The scopes of a class stand in the order of its layers.
 */
function guessByClass(
  leaves: readonly Leaf[],
  weightNames: readonly string[],
  found: readonly (Leaf | undefined)[],
): ReadonlyMap<string, Leaf> {
  const taken = new Set(found);
  const free = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    if (taken.has(leaf)) continue;
    const base = snakeCase(leaf.layer.className);
    const list = free.get(base);
    if (list === undefined) free.set(base, [leaf]);
    else list.push(leaf);
  }
  const byScope = new Map<string, Leaf>();
  for (const [index, name] of weightNames.entries()) {
    const scope = scopeOf(name);
    if (found[index] !== undefined || byScope.has(scope)) continue;
    const base =
      scope
        .split('/')
        .at(-1)
        ?.replace(/(_\d+)+$/, '') ?? '';
    const leaf = free.get(base)?.shift();
    if (leaf !== undefined) byScope.set(scope, leaf);
  }
  return byScope;
}
