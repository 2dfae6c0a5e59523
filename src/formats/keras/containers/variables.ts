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
/** Groups looked into; links may lead to one group by many ways. */
const MAX_GROUPS = 200_000;

/** Finds the weights of every layer of the tree. */
export async function readVariables(
  file: ByteSource,
  root: Hdf5Group,
  tree: TreeLayer,
  store: WeightStore,
): Promise<KerasWeights> {
  const weights = new FoundWeights();
  const tickets = openTickets(file, store);
  const walk = { file, groups: 0 };
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
  groups: number;
}

/** Counts a group, and refuses where there are too many or too deep ones. */
function enter(walk: Walk, group: Hdf5Group, depth: number): void {
  walk.groups += 1;
  if (walk.groups <= MAX_GROUPS && depth <= MAX_DEPTH) return;
  throw new PareError({
    code: 'keras/too-deep',
    file: walk.file.name,
    place: group.path.slice(0, 200),
    problem: `It has more than ${MAX_GROUPS} groups of weights, or they nest more than ${MAX_DEPTH} deep.`,
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
  const doubled = container.path.endsWith(DOUBLED);
  const counts = new Map<string, number>();
  const claimed = new Set<Hdf5Group>();
  for (const layer of layers) {
    const base = snakeCase(layer.className);
    const count = counts.get(base) ?? 0;
    const counted = groups.get(count === 0 ? base : `${base}_${count}`);
    // Keras 2.13 lists a layer with weights twice, and counts it twice.
    const twice = doubled && counted !== undefined && (await holdsWeights(walk, counted, 0));
    counts.set(base, count + (twice ? 2 : 1));
    const group = byLayerName.get(layer.name) ?? counted;
    if (group === undefined || claimed.has(group)) continue;
    claimed.add(group);
    found.set(layer, group);
  }
  return found;
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
  for (const [name, object] of vars?.kind === 'group' ? await childrenOf(vars) : []) {
    if (object.kind === 'dataset') found.push({ name: `vars/${name}`, dataset: object });
  }
  for (const [name, object] of await childrenOf(group)) {
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
async function childrenOf(group: Hdf5Group): Promise<readonly (readonly [string, Hdf5Object])[]> {
  const children: (readonly [string, Hdf5Object])[] = [];
  for (const name of (await group.names()).toSorted(compareParts)) {
    const child = await group.get(name);
    if (child !== undefined) children.push([name, child]);
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
