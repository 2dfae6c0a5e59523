/** What both ways of pruning share: measuring a pruned weight, writing it back and the ledger line that says so. */
import { z } from 'zod';
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { ErrorSums } from '#kernels/kernels.ts';
import { replaceConstant } from '#passes/constants.ts';
import { floatBytes } from '#passes/float-bytes.ts';
import type { Desk, LedgerEntry } from '#passes/pass.ts';
import { sharedLines, type Target } from '#passes/targets.ts';

/** The option that both have. */
export const minimumElements = z.number().int().min(0).max(1_000_000_000).default(1024).meta({
  title: 'Smallest weight',
  description: 'Weights with fewer elements are left as they are.',
  unit: 'elements',
});

/** A pruned weight in the order of its tensor, with the error against the weight it was made of. */
export interface Pruned {
  readonly data: Float32Array;
  readonly error: ErrorSums;
}

/** Writes the weight unless this is a preview. Errors are against the weight before the first lossy step. */
export async function writePruned(
  edit: Editor,
  desk: Desk,
  target: Target,
  pruned: Pruned,
  code: string,
  how: string,
): Promise<readonly LedgerEntry[]> {
  const { tensor, value } = target;
  const original = desk.original(value, tensor);
  const error =
    original.key === tensor.key ? pruned.error : await desk.kernels.compare(await desk.floats(original), pruned.data);
  const count = countOf(tensor.shape);
  const zeros = countZeros(pruned.data);
  const bytes = desk.weights.sizeBytes(tensor);
  if (!desk.preview) {
    const stored = await floatBytes(pruned.data, tensor.dtype, desk.kernels);
    replaceConstant(edit, value, desk.weights.put(tensor.dtype, tensor.shape, stored));
  }
  const share = ((100 * zeros) / count).toFixed(1);
  return [
    {
      layer: target.node.name,
      weight: target.name,
      action: 'changed',
      code,
      text: `${how} ${share} % of its ${String(count)} weights are zero. They still take their place in the file; packed files and sparse kernels gain from them.`,
      outcome: {
        value,
        bits: tensor.dtype === 'f64' ? 64 : tensor.dtype === 'f32' ? 32 : 16,
        bytesBefore: bytes,
        bytesAfter: bytes,
        error,
        sparsity: zeros / count,
      },
    },
    ...sharedLines(target, 'changed'),
  ];
}

function countZeros(data: Float32Array): number {
  let zeros = 0;
  for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  return zeros;
}
