/** TensorFlow.js on its plain CPU backend in Node: what a TF.js model really computes, to hold conversions of it to. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import type { NdArray, NdData } from '#base/nd-array.ts';
import type { DType } from '#base/dtype.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';

export interface TfjsOracle {
  readonly kind: 'graph' | 'layers';
  readonly inputs: readonly SlotInfo[];
  /** Names of TF.js in its order: `Identity:0` of a graph, the layer's tensor of a layers model. */
  readonly outputs: readonly string[];
  /** Names under which a graph's signature lists its outputs, by TF.js's own. */
  readonly signature: ReadonlyMap<string, string>;
  run(feeds: ReadonlyMap<string, NdArray>): Promise<ReadonlyMap<string, NdArray>>;
  close(): void;
}

interface ModelJson {
  readonly format?: string;
  readonly modelTopology: object;
  readonly signature?: Signature;
  readonly userDefinedMetadata?: { readonly signature?: Signature };
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly object[] }[];
}

interface Signature {
  readonly outputs?: Readonly<Record<string, { readonly name?: string }>>;
}

const DTYPE: Readonly<Record<string, DType>> = { float32: 'f32', int32: 'i32', bool: 'bool' };

/** Opens a model.json (any name) with the shards beside it. */
export async function openTfjsOracle(path: string): Promise<TfjsOracle> {
  const tf = await import('@tensorflow/tfjs');
  tf.env().set('PROD', true);
  await tf.setBackend('cpu');
  await tf.ready();
  const json: ModelJson = JSON.parse(readFileSync(path, 'utf8'));
  const shards = json.weightsManifest.flatMap(({ paths }) =>
    paths.map((shard) => readFileSync(join(dirname(path), shard))),
  );
  const artifacts = {
    ...json,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    weightData: Uint8Array.from(Buffer.concat(shards)).buffer,
  };
  const handler = tf.io.fromMemory(artifacts as tfjs.io.ModelArtifacts);
  const kind = 'node' in json.modelTopology ? 'graph' : 'layers';
  const model = kind === 'graph' ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler);
  const listed = json.signature?.outputs ?? json.userDefinedMetadata?.signature?.outputs ?? {};
  const names = namesOf(model);
  return {
    kind,
    inputs: model.inputs.map((input, i) => ({
      name: names.inputs[i] ?? input.name,
      dtype: DTYPE[input.dtype] ?? 'f32',
      shape: (input.shape ?? []).map((size) => (size === null || size < 0 ? null : size)),
    })),
    outputs: names.outputs,
    signature: new Map(Object.entries(listed).map(([name, { name: node = name }]) => [node, name])),
    async run(feeds) {
      const given: Record<string, tfjs.Tensor> = {};
      for (const [name, array] of feeds) given[name] = tensorOf(tf, array);
      const made = 'executeAsync' in model ? await execute(model, given) : inOrder(model, given);
      const list = Array.isArray(made) ? made : [made];
      const results = new Map<string, NdArray>();
      for (const [i, tensor] of list.entries()) results.set(names.outputs[i] ?? String(i), await arrayOf(tensor));
      tf.dispose([given, list]);
      return results;
    },
    close: () => model.dispose(),
  };
}

/** A Sequential model names its inputs and outputs by their tensors alone. */
function namesOf(model: tfjs.GraphModel | tfjs.LayersModel): { readonly inputs: string[]; readonly outputs: string[] } {
  if ('executeAsync' in model) return { inputs: model.inputNodes, outputs: model.outputNodes };
  return { inputs: model.inputs.map(({ name }) => name), outputs: model.outputs.map(({ name }) => name) };
}

/** Graphs with control flow run only asynchronously, and others complain of it. */
async function execute(model: tfjs.GraphModel, given: tfjs.NamedTensorMap): Promise<tfjs.Tensor | tfjs.Tensor[]> {
  try {
    return model.execute(given, model.outputNodes);
  } catch {
    return model.executeAsync(given, model.outputNodes);
  }
}

/** A layers model takes its inputs by order. */
function inOrder(model: tfjs.LayersModel, given: tfjs.NamedTensorMap): tfjs.Tensor | tfjs.Tensor[] {
  return model.predict(
    model.inputs.map(({ name }) => {
      const tensor = given[name];
      if (tensor === undefined) throw new Error(`no value for the input ${name}`);
      return tensor;
    }),
  );
}

function tensorOf(tf: typeof tfjs, array: NdArray): tfjs.Tensor {
  const dtype = array.dtype === 'f32' ? 'float32' : array.dtype === 'bool' ? 'bool' : 'int32';
  return tf.tensor(array.data as tfjs.TensorLike, [...array.shape], dtype);
}

async function arrayOf(tensor: tfjs.Tensor): Promise<NdArray> {
  return { dtype: DTYPE[tensor.dtype] ?? 'f32', shape: [...tensor.shape], data: (await tensor.data()) as NdData };
}
