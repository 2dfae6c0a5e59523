/** Graphs that scripts/reference/formats/record-tensorflow.py recorded, with inputs and what TensorFlow made of them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { DType } from '#base/dtype.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import { lowerTfGraph } from '#formats/tensorflow/lower/lower.ts';
import type { TfAttr, TfBody, TfGraph, TfRef } from '#formats/tensorflow/graph.ts';
import { expectOutputs, type Expected, type ExpectedArray } from '#formats/testing/expected.ts';
import type { Model } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';

type RecordedRef = readonly [node: string, output: number];

interface RecordedAttr {
  readonly int?: number;
  readonly float?: number;
  readonly bool?: boolean;
  readonly string?: string;
  readonly type?: DType | null;
  readonly shape?: readonly (number | null)[] | null;
  readonly tensor?: ExpectedArray;
  readonly function?: string;
  readonly list?: readonly RecordedAttr[];
}

interface RecordedBody {
  readonly name: string;
  readonly inputs: TfBody['inputs'];
  readonly outputs: readonly { readonly name: string; readonly ref: RecordedRef }[];
  readonly nodes: readonly {
    readonly name: string;
    readonly op: string;
    readonly inputs: readonly RecordedRef[];
    readonly attrs: Readonly<Record<string, RecordedAttr>>;
  }[];
}

interface RecordedGraph extends RecordedBody {
  readonly functions: Readonly<Record<string, RecordedBody>>;
}

export interface Recorded extends Expected {
  readonly graph: RecordedGraph;
}

export function recordedCases(file: string): ReadonlyMap<string, Recorded> {
  const text = gunzipSync(readFileSync(`fixtures/formats/tensorflow/${file}.json.gz`)).toString();
  return new Map(Object.entries(JSON.parse(text) as Record<string, Recorded>));
}

/** Lowers a recorded graph to a model. */
export function lowerRecorded({ graph }: Recorded): { readonly model: Model; readonly store: WeightStore } {
  const store = createWeightStore();
  const lowering = createLowering({
    store,
    name: 'recorded',
    source: { format: 'made', file: 'recorded', sizeBytes: 0 },
  });
  lowerTfGraph(graphOf(graph, store), lowering);
  return { model: lowering.finish().model, store };
}

/** Lowers it, runs it in onnxruntime, and throws where it differs from TensorFlow. */
export async function expectRecorded(recorded: Recorded, tolerance?: number): Promise<Model> {
  const { model, store } = lowerRecorded(recorded);
  await expectOutputs(model, store, recorded, tolerance);
  return model;
}

function graphOf(graph: RecordedGraph, store: WeightStore): TfGraph {
  const functions = Object.entries(graph.functions).map(([name, body]) => [name, bodyOf(body, store)] as const);
  return { ...bodyOf(graph, store), functions: new Map(functions) };
}

function bodyOf(body: RecordedBody, store: WeightStore): TfBody {
  return {
    name: body.name,
    inputs: body.inputs,
    outputs: body.outputs.map(({ name, ref }) => ({ name, ref: refOf(ref) })),
    nodes: body.nodes.map(({ name, op, inputs, attrs }) => ({
      name,
      op,
      inputs: inputs.map(refOf),
      attrs: new Map(Object.entries(attrs).map(([key, value]) => [key, attrOf(value, store)])),
    })),
  };
}

function refOf([node, output]: RecordedRef): TfRef {
  return { node, output };
}

function attrOf(value: RecordedAttr, store: WeightStore): TfAttr {
  if (value.int !== undefined) return { kind: 'int', value: value.int };
  if (value.float !== undefined) return { kind: 'float', value: value.float };
  if (value.bool !== undefined) return { kind: 'bool', value: value.bool };
  if (value.string !== undefined) return { kind: 'string', value: value.string };
  if (value.function !== undefined) return { kind: 'function', value: value.function };
  if (value.list !== undefined) return { kind: 'list', value: value.list.map((one) => attrOf(one, store)) };
  if (value.tensor !== undefined) return tensorOf(value.tensor, store);
  if (value.type !== undefined) return { kind: 'type', value: value.type };
  return { kind: 'shape', value: value.shape ?? null };
}

function tensorOf({ dtype, shape, data }: ExpectedArray, store: WeightStore): TfAttr {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  return { kind: 'tensor', value: store.put(dtype, shape, bytes), bytes: bytes.slice() };
}
