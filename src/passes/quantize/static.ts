/**
 * Static quantization: activations and weights as integers with ranges measured on data, so that whole layers are computed
 * in integers. Decide, plan, do: `static/choose.ts` says which layers, `static/plan.ts` what becomes of each value as plain
 * data, `static/apply.ts` does it.
 *
 * Given:  c = Conv(x, w, b); h = Relu(c); y = Conv(h, v)
 * Result: h = Conv(x, w, b); y = Conv(h, v)
 *         x, h, y rounded to u8; w, v: i8 with scales on axis 0; b: i32 on the scale of x times that of w
 *
 * QuantizeLinear and DequantizeLinear appear only when a file is written. Numbers are those of onnxruntime's quantizer to the
 * bit; where its placement is not ours, docs/decisions/0017 says why, and the option `match` gives it.
 */
import { onWideWeights } from '#passes/half-weights.ts';
import type { Pass } from '#passes/pass.ts';
import { EARLIER } from './earlier.ts';
import { staticOptions, type StaticOptions } from './static/options.ts';

export const quantizeStatic: Pass<StaticOptions> = {
  name: 'quantize/static',
  title: 'Quantize weights and activations',
  summary: 'Computes whole layers in integers, with ranges of activations that are measured on data.',
  keeps: 'accuracy',
  options: staticOptions,
  needs: ['ranges'],
  after: EARLIER,
  run: onWideWeights(async (edit, options, desk) => (await import('./static/run.ts')).run(edit, options, desk)),
};
