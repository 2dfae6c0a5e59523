/** For tests: opens an ONNX file from disk with the files beside it, and shows every value of a model as an output. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { memorySource } from '#base/sources.ts';
import type { ByteSource } from '#base/bytes.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { Model, Value } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

export async function openOnnxFile(path: string): Promise<{ readonly model: Model; readonly store: WeightStore }> {
  const files = new Map<string, ByteSource>();
  for (const name of readdirSync(dirname(path))) {
    if (name !== basename(path) && !name.endsWith('.data')) continue;
    files.set(name, memorySource(name, new Uint8Array(readFileSync(join(dirname(path), name)))));
  }
  const store = createWeightStore();
  const { model } = await onnx.read({ files, main: basename(path) }, store);
  return { model, store };
}

/** The model with every value that a node of its main graph makes listed as an output, its shape left open. */
export function withAllOutputs(model: Model): Model {
  const { graph } = model;
  const values = new Map(graph.values);
  const outputs = new Set(graph.outputs);
  for (const node of graph.nodes) {
    for (const id of node.outputs) {
      const value = id === null ? undefined : values.get(id);
      if (value !== undefined && value.dtype !== null) outputs.add(value.id);
    }
  }
  for (const id of outputs) {
    const value = values.get(id);
    if (value !== undefined && value.constant === undefined) values.set(id, { ...value, shape: null });
  }
  return { ...model, graph: { ...graph, values, outputs: [...outputs] } };
}

/** The values of the main graph by name. */
export function valuesByName(model: Model): ReadonlyMap<string, Value> {
  return new Map([...model.graph.values.values()].map((value) => [value.name, value]));
}
