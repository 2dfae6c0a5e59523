/** Opens a TF.js model: its JSON, its weights by name, and, of graph models, the flat graph. */
import { PareError } from '#base/failure.ts';
import type { FormatInput } from '#formats/format.ts';
import type { Notice } from '#base/notice.ts';
import { BesideFiles } from '#formats/tensorflow/beside-files.ts';
import type { Ends, FlatGraph } from '#formats/tensorflow/flat.ts';
import { freezeGraph } from '#formats/tensorflow/freeze.ts';
import { frozenEnds } from '#formats/tensorflow/frozen-ends.ts';
import { jsonGraph, jsonShape, record, type } from '#formats/tensorflow/graph-def/json.ts';
import { RESOURCE } from '#formats/tensorflow/graph-def/data-type.ts';
import type { RawTensor } from '#formats/tensorflow/graph-def/raw.ts';
import type { TfGraph } from '#formats/tensorflow/graph.ts';
import { inlineGraph } from '#formats/tensorflow/inline.ts';
import { noVariables } from '#formats/savedmodel/variables.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { TfjsWeight } from './manifest.ts';
import { readManifest } from './manifest.ts';

type Json = Readonly<Record<string, unknown>>;

export interface TfjsModel {
  readonly kind: 'graph' | 'layers';
  readonly json: Json;
  /** GraphDef as JSON, or the configuration of Keras: `{ keras_version, backend, model_config }`. */
  readonly topology: Json;
  readonly weights: ReadonlyMap<string, TfjsWeight>;
  readonly beside: BesideFiles;
}

const MAX_JSON_BYTES = 256 * 1024 * 1024;

/** The parts of a model.json and its files. */
export async function openTfjs({ files, main, find }: FormatInput): Promise<TfjsModel> {
  const source = files.get(main);
  if (source === undefined) {
    throw new PareError({ code: 'tfjs/no-file', file: main, problem: 'There is no such file.' });
  }
  if (source.sizeBytes > MAX_JSON_BYTES) {
    throw notTfjs(main, `It is ${source.sizeBytes} bytes long, which no model.json is.`);
  }
  let json: Json;
  try {
    json = record(JSON.parse(new TextDecoder().decode(await source.read(0, source.sizeBytes))));
  } catch (error) {
    if (error instanceof PareError) throw error;
    throw notTfjs(main, 'It is not valid JSON.');
  }
  const topology = record(json['modelTopology']);
  const isGraph = Array.isArray(topology['node']);
  const isLayers = 'model_config' in topology || 'class_name' in topology;
  if (!isGraph && !isLayers) throw notTfjs(main, 'It has no model topology: neither a graph nor layers.');
  const beside = new BesideFiles(files, main, find);
  const weights = await readManifest(main, json['weightsManifest'], beside);
  return { kind: isGraph ? 'graph' : 'layers', json, topology, weights, beside };
}

export interface OpenedTfjsGraph {
  readonly graph: TfGraph;
  readonly notices: readonly Notice[];
}

/** The graph of a graph model, with the weights as its constants. */
export async function tfjsGraph(file: string, model: TfjsModel, store: WeightStore): Promise<OpenedTfjsGraph> {
  const flat = flatGraph(file, model);
  const { graph, notices } = await freezeGraph(flat, noVariables(file), store);
  return { graph, notices: [...notices, ...widenedNotice(model.weights)] };
}

function flatGraph(file: string, model: TfjsModel): FlatGraph {
  try {
    const raw = jsonGraph(file, model.topology, (name) => weightTensor(model.weights.get(name)));
    return inlineGraph(raw, signatureEnds(model.json) ?? frozenEnds(raw));
  } catch (error) {
    throw error instanceof PareError ? error.inFile(file) : error;
  }
}

function weightTensor(weight: TfjsWeight | undefined): RawTensor | undefined {
  if (weight === undefined) return undefined;
  let loaded: ReturnType<TfjsWeight['load']> | undefined;
  return {
    type: weight.type,
    shape: weight.shape,
    small: () => weight.bytes,
    load: (store) => (loaded ??= weight.load(store, { grid: true })),
  };
}

/** The model's signature, which older converters put elsewhere; undefined where there is none. */
function signatureEnds(json: Json): Ends | undefined {
  const metadata = record(json['userDefinedMetadata']);
  const signature = record(json['signature'] ?? metadata['signature']);
  const inputs = infosOf(signature['inputs']);
  const outputs = infosOf(signature['outputs']);
  return outputs.length === 0 ? undefined : { inputs, outputs };
}

function infosOf(value: unknown): Ends['inputs'] {
  return Object.entries(record(value)).flatMap(([name, each]) => {
    const info = record(each);
    const ref = info['name'];
    const code = type(info['dtype']);
    // Tables of words come in as resources: nobody feeds them.
    if (typeof ref !== 'string' || code === RESOURCE) return [];
    const shape = info['tensorShape'] === undefined ? null : jsonShape(info['tensorShape']);
    return [{ name, ref, type: code, shape }];
  });
}

/** Says which weights are read in more bits than they are stored in. */
function widenedNotice(weights: ReadonlyMap<string, TfjsWeight>): readonly Notice[] {
  const kinds = new Map<string, number>();
  for (const { quantization } of weights.values()) {
    if (quantization !== undefined && quantization.dtype !== 'uint8') {
      kinds.set(quantization.dtype, (kinds.get(quantization.dtype) ?? 0) + 1);
    }
  }
  return [...kinds].map(([kind, count]) => ({
    level: 'info',
    code: 'tfjs/widened',
    text: `${count} weights are stored as ${kind} and were read as the 32-bit floats that TF.js computes with.`,
  }));
}

function notTfjs(file: string, problem: string): PareError {
  return new PareError({
    code: 'tfjs/not-a-model',
    file,
    problem,
    hint: 'Open the model.json that tensorflowjs_converter wrote, with its .bin files.',
  });
}
