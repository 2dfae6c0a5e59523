/**
 * Weights of a `.keras` file by layer. Groups are named after the class of a layer and counted in the order of layers
 * (`layers/dense_1/vars/0`); newer versions note the layer's own name beside, which is then what counts. Parts of layers are
 * groups named after attributes (`cell`, `query_dense`), models in models have `layers` of their own.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { KerasWeights } from '#formats/keras/archive.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Hdf5Dataset, Hdf5Group, Hdf5Object } from '#wire/hdf5/hdf5.ts';
import { snakeCase } from './class-names.ts';
import { FoundWeights } from './found-weights.ts';
import type { TreeLayer } from './layer-tree.ts';
import { openTickets } from './tickets.ts';

/** Groups of a model that hold its layers: of Keras 3 and 2.14, of Keras 2.12 and 2.13. */
const DOUBLED = '_layer_checkpoint_dependencies';
const CONTAINERS = ['layers', DOUBLED];
/** State of generators of chance, which are no weights. */
const NOT_WEIGHTS = new Set(['seed_generator', 'random_generator']);
/** Parts of layers in the order in which their classes make them, where that is not the order of their names. */
const PART_ORDER = ['forward_layer', 'backward_layer', 'query_dense', 'key_dense', 'value_dense', 'output_dense'];
const MAX_DEPTH = 32;
/** Objects looked at; links may lead to one by many ways. */
const MAX_OBJECTS = 100_000;

/** Finds the weights of every layer of the tree. */
export async function readVariables(
  file: ByteSource,
  root: Hdf5Group,
  tree: TreeLayer,
  store: WeightStore,
): Promise<KerasWeights> {
  const weights = new FoundWeights();
  const tickets = openTickets(file, store);
  const walk = { file, objects: 0 };
  const visitModel = async (group: Hdf5Group, layers: readonly TreeLayer[], path: readonly string[]): Promise<void> => {
    for (const [layer, own] of await groupsOfLayers(walk, group, layers)) {
      const here = [...path, layer.name];
      if (layer.layers !== undefined) {
        await visitModel(own, layer.layers, here);
        continue;
      }
      for (const { name, dataset } of await variablesOf(walk, own, layer, 0)) {
        weights.add(here, { name, tensor: await tickets.of(dataset, here.join('/')) });
      }
    }
  };
  await visitModel(root, tree.layers ?? [], []);
  return weights;
}

interface Variable {
  readonly name: string;
  readonly dataset: Hdf5Dataset;
}

/** What the search has cost so far. */
interface Walk {
  readonly file: ByteSource;
  objects: number;
}

/** Counts an object, and refuses where there are too many or too deep ones. */
function enter(walk: Walk, object: Hdf5Object, depth: number): void {
  walk.objects += 1;
  if (walk.objects <= MAX_OBJECTS && depth <= MAX_DEPTH) return;
  throw new PareError({
    code: 'keras/too-deep',
    file: walk.file.name,
    place: object.path.slice(0, 200),
    problem: `It has more than ${MAX_OBJECTS} groups and weights, or they nest more than ${MAX_DEPTH} deep.`,
    hint: 'The file is damaged: save the model again.',
  });
}

/** Which group is whose. Layers that have none have no weights. */
async function groupsOfLayers(
  walk: Walk,
  model: Hdf5Group,
  layers: readonly TreeLayer[],
): Promise<ReadonlyMap<TreeLayer, Hdf5Group>> {
  const found = new Map<TreeLayer, Hdf5Group>();
  const container = await containerOf(model);
  if (container === undefined) return found;
  const groups = new Map<string, Hdf5Group>();
  const byLayerName = new Map<string, Hdf5Group>();
  for (const name of await container.names()) {
    const group = await container.get(name);
    if (group?.kind !== 'group') continue;
    enter(walk, group, 0);
    groups.set(name, group);
    const noted = await notedName(group);
    if (noted !== undefined) byLayerName.set(noted, group);
  }
  const counted = container.path.endsWith(DOUBLED)
    ? await countedTwice(walk, groups, layers)
    : countedOnce(groups, layers);
  const claimed = new Set<Hdf5Group>();
  for (const layer of layers) {
    const group = byLayerName.get(layer.name) ?? counted.get(layer);
    if (group === undefined || claimed.has(group)) continue;
    claimed.add(group);
    found.set(layer, group);
  }
  return found;
}

/** By class and number: `dense`, `dense_1`. */
function countedOnce(
  groups: ReadonlyMap<string, Hdf5Group>,
  layers: readonly TreeLayer[],
): ReadonlyMap<TreeLayer, Hdf5Group> {
  const counts = new Map<string, number>();
  const found = new Map<TreeLayer, Hdf5Group>();
  for (const layer of layers) {
    const base = snakeCase(layer.className);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    const group = groups.get(count === 0 ? base : `${base}_${count}`);
    if (group !== undefined) found.set(layer, group);
  }
  return found;
}

/**
 * Keras 2.13 counts a layer with weights twice and one without once (`dense`, `dense_2`), later versions of the same layout
 * count as all others do. So where all layers of a class have weights, their groups are taken in order, whatever their numbers.
 */
async function countedTwice(
  walk: Walk,
  groups: ReadonlyMap<string, Hdf5Group>,
  layers: readonly TreeLayer[],
): Promise<ReadonlyMap<TreeLayer, Hdf5Group>> {
  const found = new Map<TreeLayer, Hdf5Group>();
  const byClass = new Map<string, TreeLayer[]>();
  for (const layer of layers) {
    const base = snakeCase(layer.className);
    addTo(byClass, base, layer);
  }
  const holding = new Map<string, Hdf5Group[]>();
  const all = new Set<Hdf5Group>();
  for (const name of [...groups.keys()].toSorted(compareParts)) {
    const group = groups.get(name);
    const base = name.replace(/_\d+$/, '');
    if (group === undefined || !(await holdsWeights(walk, group, 0))) continue;
    addTo(holding, base, group);
    all.add(group);
  }
  for (const [base, ofClass] of byClass) {
    const withWeights = holding.get(base) ?? [];
    let number = 0;
    for (const [index, layer] of ofClass.entries()) {
      const counted = groups.get(number === 0 ? base : `${base}_${number}`);
      const holds = counted !== undefined && all.has(counted);
      number += holds ? 2 : 1;
      const group = withWeights.length === ofClass.length ? withWeights[index] : holds ? counted : undefined;
      if (group !== undefined) found.set(layer, group);
    }
  }
  return found;
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

async function holdsWeights(walk: Walk, group: Hdf5Group, depth: number): Promise<boolean> {
  enter(walk, group, depth);
  for (const name of await group.names()) {
    if (NOT_WEIGHTS.has(name.replace(/^_+/, ''))) continue;
    const child = await group.get(name);
    if (child?.kind === 'dataset' || (child !== undefined && (await holdsWeights(walk, child, depth + 1)))) return true;
  }
  return false;
}

async function containerOf(model: Hdf5Group): Promise<Hdf5Group | undefined> {
  for (const name of CONTAINERS) {
    const container = await model.get(name);
    if (container?.kind === 'group') return container;
  }
  return undefined;
}

async function notedName(group: Hdf5Group): Promise<string | undefined> {
  const vars = await group.get('vars');
  const name = (await vars?.attribute('name'))?.values[0];
  return typeof name === 'string' ? name : undefined;
}

/** All variables of a layer: its own, then those of its parts. */
async function variablesOf(
  walk: Walk,
  group: Hdf5Group,
  layer: TreeLayer | undefined,
  depth: number,
): Promise<readonly Variable[]> {
  enter(walk, group, depth);
  const found: Variable[] = [];
  if (layer?.layers !== undefined) {
    for (const [inner, own] of await groupsOfLayers(walk, group, layer.layers)) {
      for (const { name, dataset } of await variablesOf(walk, own, inner, depth + 1)) {
        found.push({ name: `${inner.name}/${name}`, dataset });
      }
    }
    return found;
  }
  const vars = await group.get('vars');
  for (const [name, object] of vars?.kind === 'group' ? await childrenOf(walk, vars, depth) : []) {
    if (object.kind === 'dataset') found.push({ name: `vars/${name}`, dataset: object });
  }
  for (const [name, object] of await childrenOf(walk, group, depth)) {
    const part = name.replace(/^_+/, '');
    if (name === 'vars' || object.kind !== 'group' || NOT_WEIGHTS.has(part)) continue;
    const inner = part === 'layer' ? layer?.wrapped : undefined;
    for (const variable of await variablesOf(walk, object, inner, depth + 1)) {
      found.push({ name: `${part}/${variable.name}`, dataset: variable.dataset });
    }
  }
  return found;
}

/** In the order of the class: numbers by their value, known parts as they are made. */
async function childrenOf(
  walk: Walk,
  group: Hdf5Group,
  depth: number,
): Promise<readonly (readonly [string, Hdf5Object])[]> {
  const children: (readonly [string, Hdf5Object])[] = [];
  for (const name of (await group.names()).toSorted(compareParts)) {
    const child = await group.get(name);
    if (child === undefined) continue;
    enter(walk, child, depth);
    children.push([name, child]);
  }
  return children;
}

function compareParts(a: string, b: string): number {
  const byOrder = rankOf(a) - rankOf(b);
  if (byOrder !== 0) return byOrder;
  const [, baseA = '', numberA = '0'] = /^(.*?)_?(\d*)$/.exec(a) ?? [];
  const [, baseB = '', numberB = '0'] = /^(.*?)_?(\d*)$/.exec(b) ?? [];
  return baseA === baseB ? Number(numberA) - Number(numberB) : baseA < baseB ? -1 : 1;
}

function rankOf(name: string): number {
  const rank = PART_ORDER.indexOf(name.replace(/^_+/, ''));
  return rank === -1 ? PART_ORDER.length : rank;
}
