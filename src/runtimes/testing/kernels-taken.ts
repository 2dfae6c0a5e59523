/** For tests: how each node of an optimized model runs, by the name of the node that it was in the file. */
import { allValues, nodesOf } from '#ir/walk.ts';
import { operatorName } from '#ops/table.ts';
import type { Optimized } from './optimized-model.ts';

export interface Taken {
  readonly kernel: string;
  readonly runs: 'integer' | 'float' | 'passes-through';
}

const INTEGER =
  /^(com\.microsoft\.)?(QLinear\w+|QGemm|MatMulInteger(ToFloat)?|DynamicQuantize\w+|ConvInteger|QAttention|QEmbedLayerNormalization)$/;

export function kernelsTaken({ model }: Optimized): ReadonlyMap<string, Taken> {
  const values = allValues(model.graph);
  const taken = new Map<string, Taken>();
  for (const { node } of nodesOf(model.graph)) {
    const kernel = operatorName(node.domain, node.op);
    const [data] = node.inputs;
    const input = data === null || data === undefined ? undefined : values.get(data);
    const type = input?.dtype ?? input?.constant?.dtype;
    const narrow = type !== undefined && ['i8', 'u8', 'i16', 'u16', 'i4', 'u4', 'i2', 'u2'].includes(type);
    const computes = INTEGER.test(kernel) || (node.op === 'ArgMax' && narrow);
    taken.set(node.sourceName ?? node.name, {
      kernel,
      runs: computes ? 'integer' : narrow ? 'passes-through' : 'float',
    });
  }
  return taken;
}
