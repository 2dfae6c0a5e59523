/**
 * Models as ONNX files, composed: untouched weights are ranges of the source file, so writing a model of any size takes
 * the memory of its structure alone. A pure round trip adds nothing to what was read.
 */
import type { OutputFile } from '#base/bytes.ts';
import { sizeOfChunks } from '#base/bytes.ts';
import type { Graph, Model } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { baseName } from './record/paths.ts';
import { neededIrVersion } from './limits.ts';
import { spellQuantization } from './quantization.ts';
import { ENTRY, MODEL, OPSET } from './record/schema.ts';
import type { Placement } from './write/graph.ts';
import { GraphWriter } from './write/graph.ts';
import { ExternalFile, locationOutside } from './write/tensor.ts';

export interface OnnxWriteOptions {
  /** Path of the model file; the source's own by default. */
  readonly path?: string;
  /**
   * `keep`: weights that lay outside stay outside. `inline`: one file. `external`: weights of 1 KiB and more go to a file
   * beside it. A model file of more than 1.9 GB gets external data in any case, as protobuf ends at 2 GiB.
   */
  readonly externalData?: 'keep' | 'inline' | 'external';
}

/** Largest model file that is written without external data. */
const MAX_MODEL_BYTES = 1.9e9;
/** Weights smaller than this stay in the model file. */
const SMALLEST_EXTERNAL = 1024;

/** The model as files to be written: the model first, then its external data if there is any. */
export async function writeOnnx(
  model: Model,
  store: WeightStore,
  options: OnnxWriteOptions = {},
): Promise<readonly OutputFile[]> {
  const spelled = await spell(model, store);
  const path = options.path ?? baseName(spelled.source.file);
  const wish = options.externalData ?? 'keep';
  const kept = spelled.source.externalData;
  const mode = wish === 'keep' && kept === undefined ? 'inline' : wish;
  const files = await compose(spelled, store, path, mode);
  const [main] = files;
  return main === undefined || main.sizeBytes <= MAX_MODEL_BYTES || mode === 'external'
    ? files
    : compose(spelled, store, path, 'external');
}

/** Quantized constants become nodes, which may need a newer IR version. */
async function spell(model: Model, store: WeightStore): Promise<Model> {
  const quantized = [...allValues(model.graph).values()].some((value) => value.quantization !== undefined);
  const spelled = quantized ? await spellQuantization(model, store) : model;
  const irVersion = neededIrVersion(spelled);
  if (irVersion === model.irVersion) return spelled;
  // Before IR 4, initializers had to be inputs as well and could not be overridden; from 4 on, that is what it would mean.
  const graph = model.irVersion < 4 ? withoutConstantInputs(spelled.graph) : spelled.graph;
  return { ...spelled, graph, irVersion };
}

function withoutConstantInputs(graph: Graph): Graph {
  return { ...graph, inputs: graph.inputs.filter((id) => graph.values.get(id)?.constant === undefined) };
}

async function compose(
  model: Model,
  store: WeightStore,
  path: string,
  mode: 'keep' | 'inline' | 'external',
): Promise<readonly OutputFile[]> {
  const shared = dataFileName(model, path);
  const data = new Map<string, ExternalFile>();
  const file = (location: string): ExternalFile => {
    const known = data.get(location) ?? new ExternalFile(location);
    data.set(location, known);
    return known;
  };
  const place: Placement = (tensor) => {
    if (mode === 'inline') return undefined;
    const outside = locationOutside(store, tensor, model.source);
    if (mode === 'keep' && outside !== undefined) return file(shared === model.source.externalData ? outside : shared);
    // In a model that keeps its weights outside, changed ones go there too.
    const changed = store.chunks(tensor).every((chunk) => chunk instanceof Uint8Array);
    const wanted = mode === 'external' || changed;
    return wanted && store.sizeBytes(tensor) >= SMALLEST_EXTERNAL ? file(shared) : undefined;
  };
  const draft = draftModel(model, await new GraphWriter(store, place).draft(model.graph));
  const chunks = draft.compose();
  const main: OutputFile = { path, chunks, sizeBytes: sizeOfChunks(chunks) };
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const beside = [...data.values()].map((one) => ({
    path: folder + one.location,
    chunks: one.chunks,
    sizeBytes: one.sizeBytes,
  }));
  return [main, ...beside];
}

/**
 * A model that is written under its own name keeps the name of its data file. Under another name the data file is named
 * after it, so that writing beside the original cannot overwrite what is still being read.
 */
function dataFileName(model: Model, path: string): string {
  const kept = model.source.externalData;
  const same = baseName(path) === baseName(model.source.file);
  return same && kept !== undefined ? kept : `${baseName(path)}.data`;
}

function draftModel(model: Model, graph: MessageDraft): MessageDraft {
  const draft = new MessageDraft();
  draft.integer(MODEL.irVersion, model.irVersion);
  if (model.producer.name !== '') draft.string(MODEL.producerName, model.producer.name);
  if (model.producer.version !== '') draft.string(MODEL.producerVersion, model.producer.version);
  if (model.domain !== undefined) draft.string(MODEL.domain, model.domain);
  if (model.modelVersion !== undefined) draft.integer(MODEL.modelVersion, model.modelVersion);
  if (model.doc !== undefined) draft.string(MODEL.doc, model.doc);
  draft.message(MODEL.graph, graph);
  for (const [domain, version] of model.opsets) {
    const entry = new MessageDraft();
    // The default domain is spelled as an empty string: readers of proto2 files ask whether the field is there.
    entry.string(OPSET.domain, domain).integer(OPSET.version, version);
    draft.message(MODEL.opsetImport, entry);
  }
  for (const [key, value] of model.metadata) {
    draft.message(MODEL.metadata, new MessageDraft().string(ENTRY.key, key).string(ENTRY.value, value));
  }
  for (const bytes of model.functions) draft.bytes(MODEL.functions, bytes);
  if (model.extra !== undefined) draft.verbatim(model.extra);
  return draft;
}
