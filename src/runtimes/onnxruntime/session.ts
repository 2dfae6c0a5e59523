/** One loaded model of either onnxruntime package behind our `Session` interface. */
import type { NdArray } from '#base/nd-array.ts';
import type { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import { failureFrom } from './failures.ts';
import { dtypeOf, fromTensor, toTensor } from './tensors.ts';
import type { TensorConstructor } from './tensors.ts';

export function wrapSession(session: InferenceSession, model: string, constructor: TensorConstructor): Session {
  return {
    inputs: slotsOf(session.inputMetadata),
    outputs: slotsOf(session.outputMetadata),
    async run(feeds) {
      const tensors: Record<string, Tensor> = {};
      let results: InferenceSession.ReturnType;
      try {
        for (const [name, array] of feeds) tensors[name] = toTensor(constructor, name, array);
        results = await session.run(tensors);
      } catch (error) {
        throw failureFrom(error, model, 'run');
      }
      const outputs = new Map<string, NdArray>();
      for (const name of session.outputNames) {
        const tensor = results[name];
        // Sequences, maps and optionals have no tensor; they are left out, and `outputs` does not list them either.
        if (tensor !== undefined && 'dims' in tensor) outputs.set(name, fromTensor(tensor as Tensor));
      }
      return outputs;
    },
    close: () => session.release(),
  };
}

/** Inputs and outputs that are tensors. Sizes that the file leaves open have a name or null. */
function slotsOf(metadata: readonly InferenceSession.ValueMetadata[]): SlotInfo[] {
  const slots: SlotInfo[] = [];
  for (const value of metadata) {
    if (!value.isTensor) continue;
    const shape = value.shape.map((size) =>
      typeof size === 'string' ? (size === '' ? null : size) : size < 0 ? null : size,
    );
    slots.push({ name: value.name, dtype: dtypeOf(value.type), shape });
  }
  return slots;
}
