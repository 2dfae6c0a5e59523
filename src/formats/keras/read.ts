/** Reads a Keras model: the container's configuration and weights, lowered layer by layer. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { ReadModel } from '#formats/format.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import type { ModelSource } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { isZip } from '#wire/zip.ts';
import type { KerasArchive } from './archive.ts';
import { readH5Archive } from './containers/h5.ts';
import { readKerasArchive } from './containers/keras-zip.ts';
import { classOf, isObject } from './config/json.ts';
import { isModelRecord, readModelRecord, type LayerRecord, type ModelRecord } from './config/model-config.ts';
import { Settings } from './config/settings.ts';
import { tensorDtype } from './lower/dtype.ts';
import { lowerModel, ModelScope } from './lower/lower-model.ts';

/** Reads a file by its content: a zip is `.keras`, all else HDF5. */
export async function readKeras(source: ByteSource, store: WeightStore): Promise<Pick<ReadModel, 'model' | 'notices'>> {
  const head = await source.read(0, Math.min(8, source.sizeBytes));
  const archive = isZip(head) ? await readKerasArchive(source, store) : await readH5Archive(source, store);
  return lowerArchive(archive, store, { format: 'keras', file: source.name, sizeBytes: source.sizeBytes });
}

/** The model of an archive, whatever container it was in. Errors name the file. */
export function lowerArchive(
  archive: KerasArchive,
  store: WeightStore,
  source: ModelSource,
): Pick<ReadModel, 'model' | 'notices'> {
  try {
    return lowered(archive, store, source);
  } catch (error) {
    throw error instanceof PareError ? error.inFile(source.file) : error;
  }
}

function lowered(archive: KerasArchive, store: WeightStore, source: ModelSource): Pick<ReadModel, 'model' | 'notices'> {
  const made = classOf(archive.config);
  if (made === undefined || !isModelRecord(made.name, made.config)) throw notALayerGraph(made?.name);
  const record = readModelRecord(made.name, made.config, made.name);
  const version = majorOf(archive);
  const lowering = createLowering({
    store,
    name: record.name,
    source,
    producer: { name: 'keras', version: archive.version },
  });
  const scope = new ModelScope(lowering, version, archive.weights);
  const inputs = record.inputs.map(({ layer }) => inputOf(scope, record, layer));
  const outputs = lowerModel(scope, record, inputs);
  const names = new Set<string>();
  for (const [at, operand] of outputs.entries()) lowering.output(outputName(record, at, names), operand);
  if (scope.otherTypes.size > 0) {
    const types = [...scope.otherTypes].join(', ');
    lowering.notice({
      level: 'info',
      code: 'keras/precision',
      text: `Layers were meant to compute in ${types}. Here they compute in float32, which is at least as exact.`,
    });
  }
  return lowering.finish();
}

/** 3 for Keras 3; Keras 2 and the tf.keras before it go by the same rules. */
function majorOf(archive: KerasArchive): number {
  const major = Number.parseInt(archive.version, 10);
  if (!Number.isNaN(major)) return major;
  return Object.hasOwn(archive.config, 'module') ? 3 : 2;
}

function inputOf(scope: ModelScope, model: ModelRecord, name: string): ReturnType<ModelScope['lowering']['input']> {
  const layer = model.layers.get(name);
  if (layer === undefined || layer.className !== 'InputLayer') {
    throw new PareError({
      code: 'keras/connections',
      place: name,
      problem: 'The model names it as an input, but it is not an input layer.',
      hint: 'The configuration is damaged: save the model again.',
    });
  }
  const dtype = tensorDtype(layer.config['dtype'] ?? 'float32');
  if (dtype === undefined) {
    throw new PareError({
      code: 'keras/input-type',
      place: name,
      problem: 'Its elements are of a type that is not known here.',
      hint: 'Give the model an input of numbers, and save it again.',
    });
  }
  return scope.lowering.input(name, dtype, shapeOf(layer));
}

/** The first axis is the batch, which all inputs share; other open axes are the input's own. */
function shapeOf(layer: LayerRecord): readonly (number | string)[] {
  const settings = new Settings(layer.name, layer.config);
  const given = settings.raw(settings.either('batch_shape', 'batch_input_shape'));
  const sizes = isObject(given) ? given['items'] : given;
  if (given === undefined || given === null) {
    throw new PareError({
      code: 'keras/no-input',
      place: layer.name,
      problem: 'The model does not say which input it takes: it was saved before it was built.',
      hint: 'Call it once on data, or give its first layer an input shape, and save it again.',
    });
  }
  if (!Array.isArray(sizes) || sizes.length > 16) throw settings.wrong('batch_shape', 'a list of sizes');
  return sizes.map((size: unknown, axis) => {
    if (size === null) return axis === 0 ? 'batch' : `${layer.name}_${axis}`;
    if (typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= 2 ** 31) return size;
    throw settings.wrong('batch_shape', 'a list of sizes');
  });
}

/** Outputs are called after their layers; a number tells several of one layer apart. */
function outputName(model: ModelRecord, at: number, names: Set<string>): string {
  const layer = model.outputs[at]?.layer ?? 'output';
  let name = layer;
  for (let count = 1; names.has(name); count++) name = `${layer}_${count}`;
  names.add(name);
  return name;
}

function notALayerGraph(className: string | undefined): PareError {
  return new PareError({
    code: 'keras/subclassed',
    problem:
      className === undefined
        ? 'Its configuration does not describe a model.'
        : `The model is of class ${className}, whose structure is Python code and is not in the file.`,
    hint: 'Export it as a SavedModel (model.export) or as a TFLite file, and open that.',
  });
}
