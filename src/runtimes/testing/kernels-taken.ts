/** For tests: how each node of an optimized model runs, by the name of the node that it was in the file. */
import { allValues, nodesOf } from '#ir/walk.ts';
import { operatorName } from '#ops/table.ts';
import type { LintRow } from '#runtimes/onnxruntime/integer-lint.ts';
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

/**
 * Where a prediction and what onnxruntime did differ. A node that is gone became part of another: integer ones may only go
 * into kernels that say so, and float ones go where they like (FusedConv).
 */
export function disagreements(rows: readonly LintRow[], taken: ReadonlyMap<string, Taken>): readonly string[] {
  return rows.flatMap(({ layer, runs, kernel }) => {
    const found = taken.get(layer);
    if (found === undefined) {
      const joined =
        runs !== 'integer' || kernel.endsWith('DynamicQuantizeMatMul') || kernel.endsWith('MatMulIntegerToFloat');
      return joined ? [] : [`${layer}: ${runs} ${kernel}, but it is gone`];
    }
    if (found.runs === runs && (runs === 'float' || found.kernel === kernel)) return [];
    return [`${layer}: ${runs} ${kernel}, but it is ${found.runs} ${found.kernel}`];
  });
}
