/**
 * Dynamic quantization: weights are stored as int8, activations are rounded to uint8 when the model runs, by a range that
 * is measured then. Needs no data. `dynamic/plan.ts` says what becomes of each layer, `dynamic/rewrite.ts` does it.
 *
 * Given:  y = MatMul(x, w)
 * Result: q, s, z = DynamicQuantizeLinear(x)
 *         sum = MatMulInteger(q, w_quantized, z, 0)       w_quantized: i8 with scales of its columns
 *         y = Cast(sum) * (s * w_scale)
 *
 * Semantics of onnxruntime.quantization.quantize_dynamic; docs/decisions/0016 says where ours differ.
 */
import { onWideWeights } from '#passes/half-weights.ts';
import type { Pass } from '#passes/pass.ts';
import { EARLIER } from './earlier.ts';
import { dynamicOptions, type DynamicOptions } from './dynamic/options.ts';

export const quantizeDynamic: Pass<DynamicOptions> = {
  name: 'quantize/dynamic',
  title: 'Quantize, activations at run time',
  summary: 'Stores weights as int8 and rounds activations to uint8 while the model runs; needs no data.',
  keeps: 'accuracy',
  options: dynamicOptions,
  after: EARLIER,
  run: onWideWeights(async (edit, options, desk) => (await import('./dynamic/run.ts')).run(edit, options, desk)),
};
