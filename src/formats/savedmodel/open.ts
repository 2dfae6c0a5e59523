/** Opens SavedModels and frozen graphs as flat graphs with constants for variables. */
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Files } from '#base/bytes.ts';
import type { FormatInput } from '#formats/format.ts';
import { BesideFiles, baseName } from '#formats/tensorflow/beside-files.ts';
import { freezeGraph } from '#formats/tensorflow/freeze.ts';
import { frozenEnds } from '#formats/tensorflow/frozen-ends.ts';
import { nameOf, namesOf, protoGraph } from '#formats/tensorflow/graph-def/proto.ts';
import {
  GRAPH_SCHEMA,
  META_GRAPH,
  META_INFO,
  SAVED_MODEL,
  SAVED_MODEL_SCHEMA,
} from '#formats/tensorflow/graph-def/schema.ts';
import type { TfGraph } from '#formats/tensorflow/graph.ts';
import { inlineGraph } from '#formats/tensorflow/inline.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeMessage } from '#wire/protobuf/decode.ts';
import { messageOf, messagesOf } from '#wire/protobuf/message.ts';
import { Bundle } from './bundle.ts';
import { chooseSignature } from './signatures.ts';
import { kindOfHead } from './sniff.ts';
import { noVariables, savedVariables } from './variables.ts';

export interface OpenedGraph {
  readonly graph: TfGraph;
  readonly notices: readonly Notice[];
  readonly used: Files;
  readonly signatures?: { readonly chosen: string; readonly all: readonly string[] };
  /** Of TensorFlow, where the file says it. */
  readonly version: string;
}

const HEAD_BYTES = 4096;

export async function openSavedModel(input: FormatInput, store: WeightStore): Promise<OpenedGraph> {
  const source = input.files.get(input.main);
  if (source === undefined) {
    throw new PareError({ code: 'savedmodel/no-file', file: input.main, problem: 'There is no such file.' });
  }
  const head = await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes));
  const kind = kindOfHead(head, input.main);
  if (kind === 'text') {
    throw new PareError({
      code: 'savedmodel/text',
      file: source.name,
      problem: 'This is a graph written out as text, which has no weights.',
      hint: 'Open the binary form: a SavedModel folder or a frozen .pb file.',
    });
  }
  if (kind === undefined) {
    throw new PareError({
      code: 'savedmodel/kind',
      file: source.name,
      problem: 'This is neither a SavedModel nor a frozen graph.',
      hint: 'Open saved_model.pb with its folder, or a .pb file of a frozen graph.',
    });
  }
  return kind === 'graph' ? openFrozen(input, store) : openFolder(input, store);
}

async function openFrozen({ files, main }: FormatInput, store: WeightStore): Promise<OpenedGraph> {
  const source = files.get(main);
  if (source === undefined) throw new Error(main);
  if (baseName(main) === 'tensorflowjs_model.pb') {
    throw new PareError({
      code: 'savedmodel/old-tfjs',
      file: source.name,
      problem: 'This is the graph of a TF.js model from before version 1.0, whose weights lie elsewhere.',
      hint: 'Convert it to a model.json with tensorflowjs_converter (its tool pb2json).',
    });
  }
  const raw = await protoGraph(source, await decodeMessage(source, GRAPH_SCHEMA));
  const flat = inlineGraph(raw, frozenEnds(raw));
  const { graph, notices } = await freezeGraph(flat, noVariables(source.name), store);
  return { graph, notices, used: new Map([[main, source]]), version: '' };
}

async function openFolder({ files, main, find, signature }: FormatInput, store: WeightStore): Promise<OpenedGraph> {
  const source = files.get(main);
  if (source === undefined) throw new Error(main);
  const message = await decodeMessage(source, SAVED_MODEL_SCHEMA);
  const all = messagesOf(message, SAVED_MODEL.metaGraphs);
  const infos = all.map((meta) => messageOf(meta, META_GRAPH.info));
  const tags = infos.map((info) => (info === undefined ? [] : namesOf(source, info, META_INFO.tags)));
  const serving = tags.findIndex((list) => list.includes('serve') && list.length === 1);
  const at = Math.max(0, serving < 0 ? tags.findIndex((list) => list.includes('serve')) : serving);
  const meta = all[at];
  const graphRecord = meta === undefined ? undefined : messageOf(meta, META_GRAPH.graph);
  if (meta === undefined || graphRecord === undefined) {
    throw new PareError({
      code: 'savedmodel/no-graph',
      file: source.name,
      problem: 'It holds no graph.',
      hint: 'Save the model again.',
    });
  }
  const raw = await protoGraph(source, graphRecord);
  const chosen = chooseSignature(source, meta, signature);
  // Graphs of TensorFlow 1 may do without; those of TensorFlow 2 hold nothing at their top but what restores variables.
  if (chosen === undefined && raw.functions.size > 0) throw noSignature(source.name);
  const ends = chosen?.ends ?? frozenEnds(raw);
  const flat = inlineGraph(raw, ends);
  const beside = new BesideFiles(files, main, find);
  const index = await beside.open('variables/variables.index');
  const bundle = index === undefined ? undefined : await Bundle.read(index, (name) => beside.open(`variables/${name}`));
  const variables = await savedVariables(source, raw, bundle, store);
  const { graph, notices } = await freezeGraph(flat, variables, store);
  claimBeside(beside);
  const info = infos[at];
  return {
    graph,
    notices: [...notices, ...(all.length > 1 ? [severalGraphs(tags, at)] : [])],
    used: new Map([[main, source], ...beside.used]),
    ...(chosen === undefined ? {} : { signatures: { chosen: chosen.name, all: chosen.all } }),
    version: info === undefined ? '' : nameOf(source, info, META_INFO.version),
  };
}

function noSignature(file: string): PareError {
  return new PareError({
    code: 'savedmodel/no-signature',
    file,
    problem: 'It has no signature, so nothing says what goes into the model and what comes out.',
    hint: 'Save it again with one: tf.saved_model.save(model, folder, signatures=model.__call__.get_concrete_function(...)).',
  });
}

/** What else lies in the folder of a SavedModel belongs to it. */
function claimBeside(beside: BesideFiles): void {
  for (const name of ['keras_metadata.pb', 'fingerprint.pb']) beside.claim(name);
  for (const folder of ['variables', 'assets', 'assets.extra', 'debug']) beside.claimFolder(folder);
}

function severalGraphs(tags: readonly (readonly string[])[], at: number): Notice {
  const named = tags.map((list) => `[${list.join(', ')}]`);
  return {
    level: 'info',
    code: 'savedmodel/several-graphs',
    text: `The SavedModel holds ${tags.length} graphs (${named.join(', ')}); the one tagged ${named[at] ?? ''} was read.`,
  };
}
