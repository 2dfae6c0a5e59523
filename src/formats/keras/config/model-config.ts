/** The configuration of a model as layers and how they are called: Sequential and Functional of Keras 2 and 3 in one form. */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';
import { readCalls, readRefs, tensorsOfCall, type CallRecord, type TensorRef } from './calls.ts';
import { classOf, fieldOf, isList, isObject, type JsonObject } from './json.ts';

export interface LayerRecord {
  readonly name: string;
  readonly className: string;
  /** Where the class comes from, in Keras 3: `keras.layers`, `keras.src.ops.numpy`. */
  readonly module: string;
  readonly config: JsonObject;
  readonly calls: readonly CallRecord[];
  /** Whether its calls are written as Keras 2 writes them. */
  readonly legacy: boolean;
  /** Number of its first call in references to it: Keras 2 counts a nested model's own making as call 0. */
  readonly firstCall: number;
}

export interface ModelRecord {
  readonly name: string;
  /** In the order of the file. */
  readonly layers: ReadonlyMap<string, LayerRecord>;
  readonly inputs: readonly TensorRef[];
  /** What callers name the inputs, in the same order. */
  readonly inputNames: readonly string[];
  readonly outputs: readonly TensorRef[];
}

const MOST_LAYERS = 50_000;

/** Whether a class is a model made of layers that the configuration lists. */
export function isModelRecord(className: string, config: Json): boolean {
  if (className === 'Sequential') return isList(config) || (isObject(config) && isList(fieldOf(config, 'layers')));
  return isObject(config) && isList(fieldOf(config, 'layers')) && fieldOf(config, 'output_layers') !== undefined;
}

export function readModelRecord(className: string, config: Json, place: string): ModelRecord {
  const record = isObject(config) ? config : { layers: config };
  const entries = fieldOf(record, 'layers');
  if (!isList(entries) || entries.length === 0) throw noLayers(place);
  if (entries.length > MOST_LAYERS) {
    throw new PareError({ code: 'keras/too-large', place, problem: `It has ${entries.length} layers.` });
  }
  const name = fieldOf(record, 'name');
  const named = typeof name === 'string' ? name : className.toLowerCase();
  const layers = entries.map((entry, at) => readLayer(entry, place, at));
  const sequential = className === 'Sequential' && fieldOf(record, 'output_layers') === undefined;
  return sequential ? chained(named, layers, record, place) : connected(named, layers, record, place);
}

function readLayer(entry: Json, place: string, at: number): LayerRecord {
  const made = classOf(entry);
  if (made === undefined || !isObject(entry)) {
    throw new PareError({
      code: 'keras/layer',
      place,
      problem: `Layer ${at + 1} has no class name.`,
      hint: 'The configuration is damaged: save the model again.',
    });
  }
  const module = fieldOf(entry, 'module');
  // The Sequential of Keras before 2.2 is a bare list of layers.
  const config: JsonObject = isObject(made.config) ? made.config : { layers: made.config };
  const name = fieldOf(entry, 'name') ?? fieldOf(config, 'name');
  const named = typeof name === 'string' ? name : `${made.name.toLowerCase()}_${at + 1}`;
  const nodes = fieldOf(entry, 'inbound_nodes');
  return {
    name: named,
    className: made.name,
    module: typeof module === 'string' ? module : '',
    config,
    calls: readCalls(nodes, named),
    legacy: isList(nodes) && nodes.some(isList),
    firstCall: 0,
  };
}

/** A chain: each layer is called once, on what the one before it gives. */
function chained(name: string, layers: readonly LayerRecord[], record: JsonObject, place: string): ModelRecord {
  const given = layers[0]?.className === 'InputLayer' ? layers : [impliedInput(layers, record), ...layers];
  const linked = given.map((layer, at): LayerRecord => {
    const before = given[at - 1];
    if (before === undefined) return layer;
    const tensor = { layer: before.name, call: 0, output: 0 };
    return { ...layer, calls: [{ positional: [{ kind: 'tensor', tensor }], named: new Map() }] };
  });
  const ends = [linked[0], linked.at(-1)].map((layer) => ({ layer: layer?.name ?? '', call: 0, output: 0 }));
  const inputNames = ends.slice(0, 1).map((end) => end.layer);
  return { name, layers: byName(linked, place), inputs: ends.slice(0, 1), inputNames, outputs: ends.slice(1) };
}

/** Of a Sequential that lists no InputLayer: its first layer, or the model itself, may tell the shape. */
function impliedInput(layers: readonly LayerRecord[], record: JsonObject): LayerRecord {
  const [first] = layers;
  let config: JsonObject = first?.config ?? {};
  // The first layer may itself be a model, and tell it in turn.
  for (let depth = 0; depth < 32 && shapeIn(config) === undefined; depth++) {
    const inner = fieldOf(config, 'layers');
    const head = classOf(isList(inner) ? inner[0] : fieldOf(config, 'layer'));
    if (!isObject(head?.config)) break;
    config = head.config;
  }
  const shape = shapeIn(config) ?? fieldOf(record, 'build_input_shape') ?? fieldOf(record, 'batch_input_shape') ?? null;
  const dtype = fieldOf(config, 'dtype');
  const kind = first?.className === 'Embedding' ? 'int32' : typeof dtype === 'string' ? dtype : 'float32';
  return {
    name: `${first?.name ?? 'model'}_input`,
    className: 'InputLayer',
    module: '',
    config: { batch_input_shape: shape, dtype: kind },
    calls: [],
    legacy: false,
    firstCall: 0,
  };
}

function shapeIn(config: JsonObject): Json | undefined {
  return fieldOf(config, 'batch_input_shape') ?? fieldOf(config, 'batch_shape') ?? undefined;
}

function connected(name: string, layers: readonly LayerRecord[], record: JsonObject, place: string): ModelRecord {
  const listed = fieldOf(record, 'input_layers');
  const inputs = readRefs(listed, place);
  const keys = isObject(listed) ? Object.keys(listed) : [];
  const inputNames = keys.length === inputs.length ? keys : inputs.map(({ layer }) => layer);
  const given = readRefs(fieldOf(record, 'output_layers'), place);
  const known = new Map(layers.map((layer) => [layer.name, layer]));
  const outputs = given.map((ref) => recounted(ref, known.get(ref.layer)));
  const referred = new Map<string, number[]>();
  for (const { layer, call } of [...layers.flatMap((one) => one.calls.flatMap(tensorsOfCall)), ...outputs]) {
    const calls = referred.get(layer);
    if (calls === undefined) referred.set(layer, [call]);
    else calls.push(call);
  }
  const counted = layers.map((layer) => ({ ...layer, firstCall: firstCallOf(layer, referred.get(layer.name) ?? []) }));
  return { name, layers: byName(counted, place), inputs, inputNames, outputs };
}

/** Keras 3 counts calls of a nested Functional from 1 where a model lists its outputs, though from 0 between layers. */
function recounted(ref: TensorRef, layer: LayerRecord | undefined): TensorRef {
  if (layer === undefined || layer.legacy || layer.className === 'Sequential') return ref;
  if (!isModelRecord(layer.className, layer.config)) return ref;
  return { ...ref, call: ref.call > 0 ? ref.call - 1 : layer.calls.length - 1 };
}

/** Whether references to a nested model count from 1: seen from the references themselves where they tell, else from its kind. */
function firstCallOf(layer: LayerRecord, referred: readonly number[]): number {
  const { className, config, calls } = layer;
  if (!layer.legacy || !isModelRecord(className, config) || referred.includes(0)) return 0;
  if (className !== 'Sequential' || referred.some((call) => call >= calls.length)) return 1;
  const entries = fieldOf(config, 'layers');
  const first = classOf(isList(entries) ? entries[0] : undefined);
  return first?.name === 'InputLayer' || (isObject(first?.config) && shapeIn(first.config) !== undefined) ? 1 : 0;
}

function byName(layers: readonly LayerRecord[], place: string): ReadonlyMap<string, LayerRecord> {
  const map = new Map<string, LayerRecord>();
  for (const layer of layers) {
    if (map.has(layer.name)) {
      throw new PareError({
        code: 'keras/duplicate-layer',
        place,
        problem: `Two layers are named "${layer.name}".`,
        hint: 'The configuration is damaged: save the model again.',
      });
    }
    map.set(layer.name, layer);
  }
  return map;
}

function noLayers(place: string): PareError {
  return new PareError({
    code: 'keras/no-layers',
    place,
    problem: 'The model lists no layers.',
    hint: 'Models that are classes of their own keep their structure in Python: export them as a SavedModel, and open that.',
  });
}
