/** Layers models of TF.js: the configuration of Keras, and weights by name from the manifest. */
import { PareError } from '#base/failure.ts';
import type { ReadModel } from '#formats/format.ts';
import type { Json, KerasArchive } from '#formats/keras/archive.ts';
import { fieldOf, isObject, type JsonObject } from '#formats/keras/config/json.ts';
import { FoundWeights } from '#formats/keras/containers/found-weights.ts';
import { assignToLeaves, nameInside } from '#formats/keras/containers/h5-names.ts';
import { leavesOf, readLayerTree } from '#formats/keras/containers/layer-tree.ts';
import { lowerArchive } from '#formats/keras/read.ts';
import type { ModelSource } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { TfjsWeight } from './manifest.ts';

/** `topology`: `{ model_config, keras_version }`, or the model's own `{ class_name, config }` beside its version. */
export async function readLayersModel(
  topology: unknown,
  weights: ReadonlyMap<string, TfjsWeight>,
  store: WeightStore,
  source: ModelSource,
): Promise<Pick<ReadModel, 'model' | 'notices'>> {
  const record = topology as Json;
  if (!isObject(record)) throw noConfig(source.file);
  const config = configOf(fieldOf(record, 'model_config') ?? record);
  if (config === undefined) throw noConfig(source.file);
  const version = fieldOf(record, 'keras_version');
  const archive: KerasArchive = {
    config,
    version: typeof version === 'string' ? version : '',
    weights: await weightsOf(config, weights, store, source.file),
  };
  return lowerArchive(archive, store, source);
}

function configOf(value: Json): JsonObject | undefined {
  if (isObject(value)) return value;
  if (typeof value !== 'string') return undefined;
  try {
    const parsed = JSON.parse(value) as Json;
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Names are those of the `.h5` file that the model was converted from, without the groups they lay in. */
async function weightsOf(
  config: JsonObject,
  weights: ReadonlyMap<string, TfjsWeight>,
  store: WeightStore,
  file: string,
): Promise<FoundWeights> {
  const found = new FoundWeights();
  const leaves = leavesOf(readLayerTree(file, config).layers ?? []);
  const names = [...weights.keys()];
  const paths = assignToLeaves(file, 'model', leaves, names);
  for (const [at, [name, weight]] of [...weights].entries()) {
    const path = paths[at] ?? [];
    const { tensor, bytes } = await weight.load(store);
    found.add(path, { name: nameInside(path, name), tensor, ...(bytes === undefined ? {} : { bytes }) });
  }
  return found;
}

function noConfig(file: string): PareError {
  return new PareError({
    code: 'tfjs/no-layers',
    file,
    problem: 'Its topology does not describe the layers of a model.',
    hint: 'Convert the model again with tensorflowjs_converter.',
  });
}
