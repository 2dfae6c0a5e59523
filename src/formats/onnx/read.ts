/** ModelProto records as models: versions, metadata and the graph; weights stay in the file. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Model } from '#ir/model.ts';
import { verifyModel } from '#ir/verify.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeMessage } from '#wire/protobuf/decode.ts';
import { unknownFields } from '#wire/protobuf/encode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { fieldsOf, integerOf, loadField, messageOf, messagesOf, stringOf } from '#wire/protobuf/message.ts';
import type { ExternalFiles } from './read/external-files.ts';
import { baseName } from './record/paths.ts';
import { checkVersions } from './limits.ts';
import { readMainGraph } from './read/graph.ts';
import { ENTRY, MODEL, MODEL_SCHEMA, OPSET } from './record/schema.ts';

const KNOWN = new Set<number>([
  MODEL.irVersion,
  MODEL.producerName,
  MODEL.producerVersion,
  MODEL.domain,
  MODEL.modelVersion,
  MODEL.doc,
  MODEL.graph,
  MODEL.opsetImport,
  MODEL.metadata,
  MODEL.functions,
]);

/** Reads the structure of an ONNX file. Weights are linked, not read. */
export async function readOnnx(
  source: ByteSource,
  external: ExternalFiles,
  store: WeightStore,
): Promise<{ readonly model: Model; readonly notices: readonly Notice[] }> {
  if (source.sizeBytes === 0) {
    throw new PareError({
      code: 'onnx/empty',
      file: source.name,
      problem: 'The file is empty.',
      hint: 'Get it again.',
    });
  }
  const message = await decodeMessage(source, MODEL_SCHEMA);
  const graphMessage = messageOf(message, MODEL.graph);
  const irVersion = Number(integerOf(message, MODEL.irVersion) ?? 0);
  const opsets = await readOpsets(source, message);
  if (graphMessage === undefined) {
    throw new PareError({
      code: 'onnx/no-graph',
      file: source.name,
      problem: 'It holds no graph, so it is not an ONNX model.',
      hint: 'Open a file that an ONNX exporter wrote.',
    });
  }
  checkVersions(source.name, irVersion, opsets);
  const { graph, reordered } = await readMainGraph({ source, store, external }, graphMessage);
  const [externalData] = external.locations;
  const model: Model = {
    name: baseName(source.name).replace(/\.onnx$/i, ''),
    graph,
    opsets,
    irVersion,
    producer: {
      name: (await stringOf(source, message, MODEL.producerName)) ?? '',
      version: (await stringOf(source, message, MODEL.producerVersion)) ?? '',
    },
    ...(await optionalParts(source, message)),
    source: {
      format: 'onnx',
      file: source.name,
      sizeBytes: source.sizeBytes,
      ...(externalData === undefined ? {} : { externalData }),
    },
  };
  refuseMalformed(source.name, model);
  const notices: Notice[] = [];
  if (reordered) {
    const text = 'The nodes were not in execution order and have been sorted.';
    notices.push({ level: 'info', code: 'onnx/reordered', text });
  }
  return { model, notices };
}

async function readOpsets(source: ByteSource, message: Message): Promise<ReadonlyMap<string, number>> {
  const opsets = new Map<string, number>();
  for (const entry of messagesOf(message, MODEL.opsetImport)) {
    const domain = (await stringOf(source, entry, OPSET.domain)) ?? '';
    opsets.set(domain === 'ai.onnx' ? '' : domain, Number(integerOf(entry, OPSET.version) ?? 0));
  }
  // Before IR 3 there was one operator set, the first.
  if (opsets.size === 0) opsets.set('', 1);
  return opsets;
}

async function optionalParts(
  source: ByteSource,
  message: Message,
): Promise<Pick<Model, 'domain' | 'modelVersion' | 'doc' | 'metadata' | 'functions' | 'extra'>> {
  const domain = await stringOf(source, message, MODEL.domain);
  const modelVersion = integerOf(message, MODEL.modelVersion);
  const doc = await stringOf(source, message, MODEL.doc);
  const metadata = new Map<string, string>();
  for (const entry of messagesOf(message, MODEL.metadata)) {
    metadata.set((await stringOf(source, entry, ENTRY.key)) ?? '', (await stringOf(source, entry, ENTRY.value)) ?? '');
  }
  const functions: Uint8Array[] = [];
  for (const field of fieldsOf(message, MODEL.functions)) functions.push((await loadField(source, field)).slice());
  const extra = await unknownFields(message, KNOWN, (field) => loadField(source, field));
  return {
    metadata,
    functions,
    ...(domain === undefined ? {} : { domain }),
    ...(modelVersion === undefined ? {} : { modelVersion }),
    ...(doc === undefined ? {} : { doc }),
    ...(extra === undefined ? {} : { extra }),
  };
}

/** What a blocker of `verifyModel` is about, where that is not a node. */
const KINDS: Readonly<Record<string, string>> = { 'ir/no-output': 'graph', 'ir/duplicate-name': 'value' };

/** A graph that cannot run is refused with the first thing that is wrong in it. */
function refuseMalformed(file: string, model: Model): void {
  const blockers = verifyModel(model).filter((notice) => notice.level === 'blocker');
  const [first] = blockers;
  if (first === undefined) return;
  const more = blockers.length > 1 ? ` (${blockers.length - 1} more like it)` : '';
  throw new PareError({
    code: first.code.replace(/^ir\//, 'onnx/'),
    file,
    ...(first.at === undefined ? {} : { place: `${KINDS[first.code] ?? 'node'} ${first.at}` }),
    problem: `${first.text}${more}`,
    hint: 'The exporter wrote an invalid graph: export it again, or check it with onnx.checker.',
  });
}
