/** .tflite files as models: the graph of the chosen signature, its operators lowered in order; weights stay in the file. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Dim } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { ReadModel } from '#formats/format.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import { Constants } from './constants.ts';
import { Flow } from './flow.ts';
import { Grids } from './grids.ts';
import { fieldsOf, rowOf } from './operators.ts';
import type { TfliteFile, TfliteSignature, TfliteSubgraph, TfliteTensor } from './record/file.ts';
import { readFile } from './record/read-file.ts';
import { Shared } from './shared.ts';
import { Unsupported } from './unsupported.ts';

/** Key that converters give the one signature of a model. */
const USUAL_KEY = 'serving_default';

export async function readTflite(
  source: ByteSource,
  store: WeightStore,
  wanted?: string,
): Promise<Omit<ReadModel, 'used'>> {
  const file = await readFile(source, fieldsOf);
  const chosen = signatureOf(file, source.name, wanted);
  const graph = file.subgraphs[chosen?.subgraph ?? 0]!;
  const constants = new Constants(source, store);
  await constants.readAhead(file.subgraphs);
  const metadata = new Map<string, string>();
  if (file.description !== '') metadata.set('tflite.description', file.description);
  if (chosen !== undefined) metadata.set('tflite.signature', describe(chosen, graph));
  const lowering = createLowering({
    store,
    name: baseName(source.name),
    source: { format: 'tflite', file: source.name, sizeBytes: source.sizeBytes },
    opset: opsetFor(file),
    metadata,
  });
  const shared = new Shared(source.name, file, store, constants, new Grids(store, source.name), rowOf);
  lowerGraph(shared, lowering, graph, source.name);
  for (const notice of remarks(file, graph)) lowering.notice(notice);
  const { model, notices } = lowering.finish();
  const keys = file.signatures.map(({ key }) => key);
  return {
    model,
    notices,
    ...(chosen === undefined ? {} : { signatures: { chosen: chosen.key, all: keys } }),
  };
}

/** The signature by its key; without a key the usual one, else the first. Files without signatures have their first graph. */
function signatureOf(file: TfliteFile, path: string, wanted: string | undefined): TfliteSignature | undefined {
  const { signatures } = file;
  if (wanted === undefined) return signatures.find(({ key }) => key === USUAL_KEY) ?? signatures[0];
  const found = signatures.find(({ key }) => key === wanted);
  if (found !== undefined) return found;
  throw new PareError({
    code: 'tflite/signature',
    file: path,
    problem: `It has no signature "${wanted}".`,
    hint:
      signatures.length === 0
        ? 'It has none: leave the name out.'
        : `It has ${signatures.map(({ key }) => `"${key}"`).join(', ')}.`,
  });
}

/** 17, unless operators or element types came later: Gelu with 20; 4-bit integers, 16-bit levels and blocks with 21; 2-bit with 25. */
function opsetFor(file: TfliteFile): number {
  let opset = 17;
  const raise = (to: number): void => void (opset = Math.max(opset, to));
  for (const { operators, tensors } of file.subgraphs) {
    for (const { name } of operators) {
      if (name === 'BITWISE_XOR') raise(18);
      if (name === 'GELU') raise(20);
    }
    for (const { type, quantization } of tensors) {
      if (quantization === undefined) continue;
      if (type === 'i4' || type === 'u4' || type === 'i16' || type === 'u16') raise(21);
      if (quantization.blocks !== undefined) raise(21);
      if (type === 'i2' || type === 'u2') raise(25);
    }
  }
  return opset;
}

function lowerGraph(shared: Shared, lowering: Lowering, graph: TfliteSubgraph, path: string): void {
  const flow = new Flow(shared, graph, lowering, 0, graph.outputs);
  const dims = new Set<string>();
  for (const index of new Set(graph.inputs)) {
    const tensor = graph.tensors[index]!;
    const { type, name } = tensor;
    if (type === 'resource' || type === 'variant' || type === 'c64' || type === 'c128') {
      throw new PareError({
        code: 'tflite/input-type',
        file: path,
        place: `input "${name}"`,
        problem: `It takes ${type === 'resource' || type === 'variant' ? `a ${type}` : 'complex numbers'}, which no model here can be given.`,
        hint: 'Choose another signature, or convert the model with inputs of numbers.',
      });
    }
    const operand = lowering.input(name, type, openShape(tensor, dims));
    const grid = shared.grids.asStored(tensor);
    if (grid === undefined) {
      flow.bind(index, operand);
      continue;
    }
    const parameters = shared.parameters(lowering, grid, name);
    const real = lowering.apply('DequantizeLinear', [operand, ...parameters], {
      name: `${name}_dequantize`,
      outputs: [`${name}_dequantized`],
    });
    if (type === 'i8') flow.bind(index, real);
    else flow.bindExact(index, real);
  }
  flow.run();
  for (const index of graph.outputs) lowering.output(graph.tensors[index]!.name, outputOf(flow, index, path));
}

function outputOf(flow: Flow, index: number, path: string): Operand {
  try {
    return flow.levels(index);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    throw new PareError({
      code: 'tflite/output',
      file: path,
      place: `output "${flow.tensor(index).name}"`,
      problem: error.message.replace(/^It reads/, 'The model gives'),
      hint: error.hint,
    });
  }
}

/** Sizes that callers choose get names: `batch` for the first axis, others after their input. */
function openShape({ name, shape, shapeSignature }: TfliteTensor, taken: Set<string>): readonly Dim[] {
  return (shapeSignature ?? shape).map((size, axis) => {
    if (size >= 0) return size;
    if (axis === 0) return 'batch';
    let dim = `${name.replace(/[^\w]+/g, '_')}_${axis}`;
    while (taken.has(dim)) dim += '_';
    taken.add(dim);
    return dim;
  });
}

function describe({ key, inputs, outputs }: TfliteSignature, { tensors }: TfliteSubgraph): string {
  const named = (names: ReadonlyMap<number, string>): Record<string, string> =>
    Object.fromEntries([...names].map(([index, name]) => [name, tensors[index]?.name ?? '']));
  return JSON.stringify({ key, inputs: named(inputs), outputs: named(outputs) });
}

/** What of the file is not in the model. */
function remarks(file: TfliteFile, graph: TfliteSubgraph): readonly Notice[] {
  const notices: Notice[] = [];
  const kept = file.metadata.filter((name) => name !== 'min_runtime_version' && name !== 'CONVERSION_METADATA');
  if (kept.length > 0) {
    const text = `The file also holds ${kept.join(', ')}, which is not part of the model and stays behind.`;
    notices.push({ level: 'info', code: 'tflite/metadata', text });
  }
  const others = new Set(file.signatures.map(({ subgraph }) => file.subgraphs[subgraph])).size - 1;
  if (others > 0) {
    const text = `The file has ${file.signatures.length} signatures, and "${graph.name}" is the graph of the one that was read.`;
    notices.push({ level: 'info', code: 'tflite/signatures', text });
  }
  return notices;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.tflite$/i, '');
}
