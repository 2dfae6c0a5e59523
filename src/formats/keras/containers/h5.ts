/**
 * Keras models saved as `.h5`, by Keras 2 and in the same form by Keras 3: the configuration is an attribute, weights stand
 * under the name of their layer, in the order that a list names.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import type { WeightStore } from '#ir/weights.ts';
import { type Hdf5Group, type Hdf5Object, openHdf5 } from '#wire/hdf5/hdf5.ts';
import { readConfig } from './config-text.ts';
import { FoundWeights } from './found-weights.ts';
import { placesOf } from './h5-names.ts';
import { readLayerTree } from './layer-tree.ts';
import { openTickets } from './tickets.ts';

/** Lists longer than a header can hold are split; as many parts as any list would need. */
const MAX_PARTS = 10_000;
const MAX_WEIGHTS = 50_000;

/** Reads configuration and places of weights; the weights stay in the file. */
export async function readH5Archive(source: ByteSource, store: WeightStore): Promise<KerasArchive> {
  const root = await openHdf5(source);
  const text = await textOf(root, 'model_config');
  if (text === undefined) throw await withoutConfig(source, root);
  const config = readConfig(source.name, text);
  const saved = await root.get('model_weights');
  const weights = new FoundWeights();
  if (saved?.kind === 'group') {
    const layers = new Map(
      (readLayerTree(source.name, config).layers ?? []).map((layer) => [layer.name, layer] as const),
    );
    const tickets = openTickets(source, store);
    let count = 0;
    for (const name of await listOf(saved, 'layer_names')) {
      const group = await groupAt(source, saved, name);
      const names = await listOf(group, 'weight_names');
      count += 1 + names.length;
      if (count > MAX_WEIGHTS) throw tooMany(source);
      const layer = layers.get(name);
      const placed = placesOf(source.name, name, layer, names);
      for (const [index, weightName] of names.entries()) {
        const dataset = await group.get(weightName);
        if (dataset?.kind !== 'dataset') throw missing(source, name, weightName);
        const { path, inside } = placed[index] ?? { path: [name], inside: weightName };
        weights.add(path, { name: inside, tensor: await tickets.of(dataset, path.join('/')) });
      }
    }
  }
  const version = (await textOf(root, 'keras_version')) ?? '';
  return { config, version, weights };
}

async function groupAt(source: ByteSource, from: Hdf5Group, name: string): Promise<Hdf5Group> {
  const found = await from.get(name);
  if (found?.kind === 'group') return found;
  throw missing(source, name, 'list of weights');
}

async function textOf(object: Hdf5Object, name: string): Promise<string | undefined> {
  const value = (await object.attribute(name))?.values[0];
  return typeof value === 'string' ? value : undefined;
}

/** A list of names, which may be split into `name0`, `name1` and so on. */
async function listOf(object: Hdf5Object, name: string): Promise<readonly string[]> {
  const whole = await object.attribute(name);
  if (whole !== undefined) return texts(whole?.values);
  const names: string[] = [];
  for (let part = 0; part < MAX_PARTS; part++) {
    const value = await object.attribute(`${name}${part}`);
    if (value === undefined) break;
    names.push(...texts(value?.values));
  }
  return names;
}

function texts(values: readonly unknown[] | undefined): readonly string[] {
  return (values ?? []).filter((value) => typeof value === 'string');
}

function missing(source: ByteSource, layer: string, what: string): PareError {
  return new PareError({
    code: 'keras/weights',
    file: source.name,
    place: `layer ${layer}`,
    problem: `Its ${what} is missing from the file.`,
    hint: 'The file is damaged: save the model again.',
  });
}

function tooMany(source: ByteSource): PareError {
  return new PareError({
    code: 'keras/too-large',
    file: source.name,
    problem: `It lists more than ${MAX_WEIGHTS} layers and weights.`,
    hint: 'The file is damaged: save the model again.',
  });
}

/** Why there is no configuration: the file holds weights alone, or is of something else. */
async function withoutConfig(source: ByteSource, root: Hdf5Group): Promise<PareError> {
  const attributes = await root.attributeNames();
  const names = await root.names();
  const weightsAlone =
    attributes.some((name) => /^layer_names\d*$/.test(name)) ||
    ['layers', '_layer_checkpoint_dependencies', 'model_weights'].some((name) => names.includes(name));
  if (weightsAlone) return weightsOnly(source);
  return new PareError({
    code: 'keras/no-model',
    file: source.name,
    problem: 'It is an HDF5 file, but not of a Keras model: it has no model_config.',
    hint: 'Save the whole model with model.save("model.keras").',
  });
}

export function weightsOnly(source: ByteSource): PareError {
  return new PareError({
    code: 'keras/weights-only',
    file: source.name,
    problem: 'It holds weights without the layers they belong to, as model.save_weights writes them.',
    hint: 'Build the model in Python, load these weights, and save all of it with model.save("model.keras").',
  });
}
