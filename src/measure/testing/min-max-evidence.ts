/** For tests: evidence from running a model on given inputs with every value shown, without any choice but min-max. */
import type { NdArray } from '#base/nd-array.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { ActivationRange, Evidence } from '#passes/pass.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { withAllOutputs } from './open-fixture.ts';
import { runnable } from './run-model.ts';

type Feeds = ReadonlyMap<string, NdArray>;

/** Runs at once; the ranges are those of all runs together. Values inside subgraphs are not seen. */
export async function minMaxEvidence(model: Model, store: WeightStore, feeds: readonly Feeds[]): Promise<Evidence> {
  const runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
  const session = await runtime.load(await runnable(withAllOutputs(model), store));
  const seen = new Map<string, ActivationRange>();
  try {
    for (const feed of feeds) {
      for (const [name, array] of feed) observe(seen, name, array);
      for (const [name, array] of await session.run(feed)) observe(seen, name, array);
    }
  } finally {
    await session.close();
  }
  const names = new Map([...model.graph.values.values()].map((value): [ValueId, string] => [value.id, value.name]));
  return evidenceOf((id) => seen.get(names.get(id) ?? ''));
}

/** Evidence that knows a range for whatever it has one of. */
export function evidenceOf(rangeOf: (id: ValueId) => ActivationRange | undefined): Evidence {
  return {
    description: 'made for a test',
    ranges: async (values) => {
      const found = values.flatMap((id): [ValueId, ActivationRange][] => {
        const range = rangeOf(id);
        return range === undefined ? [] : [[id, range]];
      });
      return new Map(found);
    },
  };
}

function observe(seen: Map<string, ActivationRange>, name: string, { dtype, data }: NdArray): void {
  if (dtype !== 'f32') return;
  const floats = data as Float32Array;
  let { min, max } = seen.get(name) ?? { min: Infinity, max: -Infinity };
  for (const value of floats) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const count = (seen.get(name)?.count ?? 0) + floats.length;
  seen.set(name, { low: min, high: max, min, max, count, clipped: 0 });
}
