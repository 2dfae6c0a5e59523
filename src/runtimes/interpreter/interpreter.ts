/**
 * Our own runtime: executes a model as it stands in memory, operator by operator, in plain TypeScript with sums in double
 * precision. It is the meaning of a model in readable form, and the judge where no other runtime can be asked.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import { memorySource } from '#base/sources.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import type { Model, Value, ValueId } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Dense } from '#ops/dense.ts';
import { inferShapes } from '#ops/infer.ts';
import type { Runtime, Session, SlotInfo } from '#runtimes/runtime.ts';
import { loadConstants, type LoadedConstants } from './constants.ts';
import { arrayOfDense, denseOfFeed } from './feeds.ts';
import { GraphRun } from './run-graph.ts';

/** Reads all weights; quantized ones take four bytes an element here. */
export async function openInterpreter(model: Model, store: WeightStore): Promise<Session> {
  const typed = await inferShapes(model, store);
  const { graph } = typed;
  const valueOf = (id: ValueId): Value => {
    const value = graph.values.get(id);
    if (value !== undefined) return value;
    throw new PareError({
      code: 'interpreter/no-value',
      file: model.source.file,
      problem: `value ${String(id)} is named but not defined.`,
    });
  };
  const fed = graph.inputs.map(valueOf).filter((value) => value.constant === undefined);
  const inputs = fed.map(slotOf);
  // A constant that is listed as an input is one that may be given.
  const given = graph.inputs.map(valueOf).filter((value) => value.constant !== undefined);
  const outputs = graph.outputs.map((id) => slotOf(valueOf(id)));
  let constants: LoadedConstants | undefined = await loadConstants(typed, store);
  return {
    inputs,
    outputs,
    async run(feeds) {
      if (constants === undefined) throw new Error('this session was closed');
      const values = new Map<ValueId, Dense>();
      for (const [at, value] of fed.entries()) {
        const slot = inputs[at];
        if (slot !== undefined) values.set(value.id, denseOfFeed(slot, value.shape === null, feeds.get(value.name)));
      }
      for (const value of given) {
        const array = feeds.get(value.name);
        if (array !== undefined) values.set(value.id, denseOfFeed(slotOf(value), value.shape === null, array));
      }
      const made = new GraphRun(typed, constants).run(values);
      return new Map(outputs.map(({ name }, at): [string, NdArray] => [name, arrayOfDense(made[at] as Dense)]));
    },
    close() {
      constants = undefined;
      return Promise.resolve();
    },
  };
}

function slotOf({ name, dtype, shape }: Value): SlotInfo {
  return { name, dtype: dtype ?? 'f32', shape: shape ?? [] };
}

/** The interpreter behind the interface of runtimes: opens the bytes of ONNX files. */
export const interpreter: Runtime = {
  id: 'interpreter',
  description: "Pare's own interpreter (double precision sums, 1 thread)",
  async load({ name, model, externalData = [] }) {
    if (!(model instanceof Uint8Array)) {
      throw new PareError({
        code: 'interpreter/path',
        file: name,
        problem: 'the interpreter takes the bytes of a model, not a path.',
      });
    }
    const files = new Map<string, ByteSource>([[name, memorySource(name, model)]]);
    for (const { path, data } of externalData) files.set(path, memorySource(path, data));
    const store = createWeightStore();
    const { model: read } = await onnx.read({ files, main: name }, store);
    return openInterpreter(read, store);
  },
};
