/**
 * LiteRT, which was TensorFlow Lite: runs .tflite models as phones do, every element type included. Each model gets an
 * instance of the WebAssembly module of its own, so that its memory goes with it and one that fails harms no other.
 */
import type { NdArray, NdData } from '#base/nd-array.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { RunnableModel, Runtime, Session, SlotInfo } from '#runtimes/runtime.ts';
import { factsOf, withFixedShapes } from './flatbuffer.ts';
import type { Facts, Grid } from './flatbuffer.ts';
import type {
  Deletable,
  LitertFactory,
  LitertModule,
  WasmBuffer,
  WasmCompiled,
  WasmModel,
  WasmTensorType,
} from './wasm.ts';

export interface LitertParts {
  readonly factory: LitertFactory;
  readonly wasm: WebAssembly.Module;
  readonly version: string;
  /** Reads a model that is given by its path. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
}

export interface LitertSession extends Session {
  /** Whether XNNPACK computes every operator; else the rest falls back to LiteRT's own kernels. */
  readonly fullyAccelerated: boolean;
  /** How integers in and out stand for real numbers, by the slot's name. */
  readonly grids: ReadonlyMap<string, Grid>;
}

export interface LitertRuntime extends Runtime {
  /** Slots have the tensors' names, in the signature's order. `signature`: its key; the first by default. */
  load(model: RunnableModel, options?: { readonly signature?: string }): Promise<LitertSession>;
}

/** LiteRT's own numbers for element types. */
const DTYPES: ReadonlyMap<number, DType> = new Map([
  [1, 'f32'],
  [2, 'i32'],
  [3, 'u8'],
  [4, 'i64'],
  [6, 'bool'],
  [7, 'i16'],
  [9, 'i8'],
  [10, 'f16'],
  [11, 'f64'],
  [13, 'u64'],
  [16, 'u32'],
  [17, 'u16'],
]);

/** What output buffers are filled with once they were read. */
const LEFT_BEHIND = 0xcd;

const OPTIONS = { accelerator: 'wasm', cpuOptions: { numThreads: 1 }, gpuOptions: {}, webNNOptions: {} };

export function createLitert(parts: LitertParts): LitertRuntime {
  return {
    id: 'litert',
    description: `@litertjs/core ${parts.version} (wasm, 1 thread)`,
    async load(model, options = {}) {
      const bytes = model.model instanceof Uint8Array ? model.model : await parts.readFile(model.model.path);
      const facts = factsOf(bytes, model.name);
      const said: string[] = [];
      const tell = (line: string): void => void said.push(line);
      const module = await parts.factory({
        instantiateWasm(imports, started) {
          void startInstance(parts.wasm, imports, started);
          return {};
        },
        print: tell,
        printErr: tell,
      });
      try {
        return await startSession(
          module,
          withFixedShapes(bytes, model.name),
          facts,
          model.name,
          said,
          options.signature,
        );
      } catch (error) {
        throw failureOf(error, model.name, 'load', said);
      }
    },
  };
}

async function startInstance(
  wasm: WebAssembly.Module,
  imports: WebAssembly.Imports,
  started: (instance: WebAssembly.Instance) => void,
): Promise<void> {
  started(await WebAssembly.instantiate(wasm, imports));
}

async function startSession(
  module: LitertModule,
  bytes: Uint8Array,
  facts: Facts,
  file: string,
  said: string[],
  key: string | undefined,
): Promise<LitertSession> {
  module.setupLogging();
  const environment = module.LiteRtEnvironment.create(null);
  // The model reads its weights from here as long as it lives.
  const pointer = module._malloc(bytes.byteLength);
  if (pointer === 0) throw new Error('out of memory');
  module.HEAPU8.set(bytes, pointer);
  const model = module.loadModel(environment, pointer, bytes.byteLength);
  const compiled = await module.compileModel(environment, model, {
    ...OPTIONS,
    environment: { liteRtEnvironment: environment },
  });
  const signature = signatureAt(model, file, key);
  const { inputs, outputs } = slotsOf(model, signature, facts);
  let proven = false;
  return {
    inputs: inputs.map(({ slot }) => slot),
    outputs: outputs.map(({ slot }) => slot),
    fullyAccelerated: compiled.isFullyAccelerated(),
    grids: facts.grids,
    async run(feeds) {
      said.length = 0;
      const run = { module, environment, compiled, signature, inputs, outputs, feeds };
      try {
        const answer = await runOnce(run);
        if (!proven) checkWritten(answer, await runOnce(run));
        proven = true;
        return answer;
      } catch (error) {
        throw failureOf(error, file, 'run', said);
      }
    },
    async close() {
      const types = [...inputs, ...outputs].map(({ type }) => type);
      for (const handle of [...types, compiled, model, environment]) handle.delete();
      module._free(pointer);
    },
  };
}

interface Typed {
  readonly slot: SlotInfo;
  readonly shape: readonly number[];
  readonly type: WasmTensorType;
}

function signatureAt(model: WasmModel, file: string, key: string | undefined): number {
  const keys: string[] = [];
  for (let i = 0; i < model.getNumSignatures(); i++) keys.push(keyOf(model, i));
  const at = key === undefined ? 0 : keys.indexOf(key);
  if (at >= 0 && at < keys.length) return at;
  throw new PareError({
    code: 'runtime/signature',
    file,
    problem: `it has no signature "${key}".`,
    hint: `It has ${keys.join(', ') || 'none'}.`,
  });
}

function keyOf(model: WasmModel, at: number): string {
  const signature = model.getSignature(at);
  const key = signature.key();
  signature.delete();
  return key;
}

function slotsOf(model: WasmModel, at: number, facts: Facts): { readonly inputs: Typed[]; readonly outputs: Typed[] } {
  const signature = model.getSignature(at);
  const known = facts.signatures.find(({ key }) => key === signature.key());
  const named = (list: readonly string[], tensors: ReadonlyMap<string, string> | undefined, own: readonly string[]) =>
    list.map((name, i) => tensors?.get(name) ?? own[i] ?? name);
  const inputs = named(taken(signature.inputNames()), known?.inputs, facts.inputs);
  const outputs = named(taken(signature.outputNames()), known?.outputs, facts.outputs);
  signature.delete();
  return {
    inputs: inputs.map((name, i) => typed(name, model.getInputTensorType(at, i))),
    outputs: outputs.map((name, i) => typed(name, model.getOutputTensorType(at, i))),
  };
}

function typed(name: string, type: WasmTensorType): Typed {
  const dtype = DTYPES.get(type.elementType().value);
  if (dtype === undefined) {
    throw new PareError({
      code: 'runtime/dtype',
      place: `tensor ${name}`,
      problem: `LiteRT's element type ${type.elementType().value} cannot be passed here.`,
    });
  }
  const layout = type.layout();
  const shape = taken(layout.dimensions());
  layout.delete();
  return { slot: { name, dtype, shape }, shape, type };
}

function taken<T>(list: { size(): number; get(index: number): T } & Deletable): T[] {
  const items = Array.from({ length: list.size() }, (_, i) => list.get(i));
  list.delete();
  return items;
}

interface Run {
  readonly module: LitertModule;
  readonly environment: Deletable;
  readonly compiled: WasmCompiled;
  readonly signature: number;
  readonly inputs: readonly Typed[];
  readonly outputs: readonly Typed[];
  readonly feeds: ReadonlyMap<string, NdArray>;
}

async function runOnce(run: Run): Promise<ReadonlyMap<string, NdArray>> {
  const { module, compiled, outputs } = run;
  const given: WasmBuffer[] = [];
  let made: readonly WasmBuffer[] = [];
  try {
    for (const input of run.inputs) given.push(fill(run, input));
    made = await compiled.run(run.signature, given);
    return new Map(
      outputs.map(({ slot, shape }, i) => {
        const buffer = made[i];
        if (buffer === undefined) throw new Error(`LiteRT gave no output ${slot.name}`);
        const at = buffer.lock(module.LiteRtTensorBufferLockMode.READ);
        const bytes = module.HEAPU8.slice(at, at + bytesFor(slot.dtype, countOf(shape)));
        module.HEAPU8.fill(LEFT_BEHIND, at, at + bytes.byteLength);
        buffer.unlock();
        return [slot.name, { dtype: slot.dtype, shape, data: dataOf(slot.dtype, bytes) }];
      }),
    );
  } finally {
    for (const buffer of [...given, ...made]) buffer.delete();
  }
}

/**
 * Where sizes follow from values, LiteRT computes into memory of its own and gives a buffer that nobody wrote to. Such a buffer
 * holds what was left there: the second run of the same input, over memory that the first left filled, tells.
 */
function checkWritten(first: ReadonlyMap<string, NdArray>, second: ReadonlyMap<string, NdArray>): void {
  for (const [name, { data }] of first) {
    const again = second.get(name)?.data;
    if (!ArrayBuffer.isView(data) || !ArrayBuffer.isView(again) || sameBytes(data, again)) continue;
    throw new PareError({
      code: 'runtime/unwritten',
      place: `output ${name}`,
      problem:
        'LiteRT gives another answer each time: it leaves outputs unwritten whose sizes it only learns as it runs.',
      hint: 'Its outputs cannot be trusted here; compare the model after conversion to ONNX.',
    });
  }
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [x, y] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return x?.length === y?.length && x?.every((byte, i) => byte === y?.[i]) === true;
}

function fill({ module, environment, feeds }: Run, { slot, shape, type }: Typed): WasmBuffer {
  const array = feeds.get(slot.name);
  const refuse = (problem: string, hint: string): never => {
    throw new PareError({ code: 'runtime/input', place: `input ${slot.name}`, problem, hint });
  };
  if (array === undefined) return refuse('no value was given for it.', 'Give a value for every input of the model.');
  if (array.dtype !== slot.dtype || !ArrayBuffer.isView(array.data)) {
    return refuse(
      `it wants ${slot.dtype}, not ${array.dtype}.`,
      'Give inputs of the element type that the model declares.',
    );
  }
  if (array.shape.join() !== shape.join()) {
    const hint = `LiteRT takes one size alone: [${shape.join(', ')}].`;
    return refuse(`the shape [${array.shape.join(', ')}] was given.`, hint);
  }
  const { buffer, byteOffset, byteLength } = array.data;
  const made = module.LiteRtTensorBuffer.createManaged(
    environment,
    module.LiteRtTensorBufferType.HOST_MEMORY,
    type,
    type.bytes(),
  );
  const at = made.lock(module.LiteRtTensorBufferLockMode.WRITE);
  module.HEAPU8.set(new Uint8Array(buffer, byteOffset, byteLength), at);
  made.unlock();
  return made;
}

function dataOf(dtype: DType, { buffer }: Uint8Array): NdData {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer);
    case 'f64':
      return new Float64Array(buffer);
    case 'i64':
      return new BigInt64Array(buffer);
    case 'u64':
      return new BigUint64Array(buffer);
    case 'i32':
      return new Int32Array(buffer);
    case 'u32':
      return new Uint32Array(buffer);
    case 'i16':
      return new Int16Array(buffer);
    case 'u16':
    case 'f16':
      return new Uint16Array(buffer);
    case 'i8':
      return new Int8Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

/** The failure in one sentence, with what LiteRT wrote to its log, without its source positions. */
function failureOf(error: unknown, file: string, doing: 'load' | 'run', said: readonly string[]): PareError {
  if (error instanceof PareError) return error.inFile(file);
  const lines = said
    .filter((line) => line.startsWith('ERROR'))
    .map((line) => line.replace(/^ERROR: (\[[\w./]+:\d+\] )?/, ''));
  const reason = [...new Set(lines)].join('; ') || (error instanceof Error ? error.message : String(error));
  return new PareError(
    {
      code: doing === 'load' ? 'runtime/load' : 'runtime/run',
      file,
      problem: `LiteRT could not ${doing} it: ${reason.replace(/[.\s]*$/, '')}.`,
    },
    { cause: error },
  );
}
