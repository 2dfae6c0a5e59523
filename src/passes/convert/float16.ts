/**
 * Half precision: weights and arithmetic in float16, or the weights alone.
 *
 * Given:  y = Conv(x, w)                                             x, w, y: f32
 * weights: w = Cast(w_f16);  y = Conv(x, w)                          w_f16: f16
 * all:    x_f16 = Cast(x);  y_f16 = Conv(x_f16, w);  y = Cast(y_f16)  w: f16
 *
 * Inputs and outputs of the model stay float32 unless told otherwise. Layers that must stay float keep float neighbours by
 * casts; subgraphs keep float at their borders and are converted inside.
 */
import { z } from 'zod';
import type { Editor } from '#ir/editor.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';
import { convertAll } from './float16-all.ts';
import { storeWeightsAs } from './float16-weights.ts';

export const float16Options = z.strictObject({
  scope: z.enum(['weights', 'all']).default('weights').meta({
    title: 'Scope',
    description:
      'weights: the file is halved; the runtime widens the weights when it loads them and computes in float32. all: arithmetic in half precision too, for GPUs and neural processors; activations beyond 65504 become infinite, which only running it tells.',
  }),
  type: z
    .enum(['float16', 'bfloat16'])
    .default('float16')
    .meta({
      title: 'Type',
      description: 'float16 has 11 bits of precision up to 65504; bfloat16 has 8 bits and the range of float32.',
      showIf: { scope: 'weights' },
    }),
  keepInputsAndOutputs: z
    .boolean()
    .default(true)
    .meta({
      title: 'Keep float inputs and outputs',
      description: 'The app goes on feeding and reading float32; otherwise inputs and outputs become float16.',
      showIf: { scope: 'all' },
    }),
});

export type Float16Options = z.infer<typeof float16Options>;

export const convertFloat16: Pass<Float16Options> = {
  name: 'convert/float16',
  title: 'Half precision',
  summary: 'Stores weights in 16-bit floating point and, where operators allow, computes in it.',
  keeps: 'accuracy',
  options: float16Options,
  after: [
    'simplify/fold-constants',
    'fuse/batch-norm',
    'prune/magnitude',
    'prune/n-m',
    'quantize/weights',
    'convert/opset',
  ],
  run,
};

async function run(edit: Editor, options: Float16Options, desk: Desk): Promise<PassResult> {
  const ledger: readonly LedgerEntry[] =
    options.scope === 'weights'
      ? await storeWeightsAs(edit, options.type === 'bfloat16' ? 'bf16' : 'f16', desk)
      : await convertAll(edit, options.keepInputsAndOutputs, desk);
  if (options.scope === 'weights') return { ledger, notices: [] };
  return {
    ledger,
    notices: [
      {
        level: 'warning',
        code: 'float16/activations',
        text: 'Activations beyond 65504 become infinite in half precision. Compare the outputs with the original before using the model; scope "weights" is free of this.',
      },
    ],
  };
}
