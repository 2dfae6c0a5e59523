/**
 * Biases as int32 on the grid of the products: scale = input scale x weight scale, zero point 0. Where one would not fit, the
 * weight's scale is raised (onnxruntime qdq_quantizer.py _adjust_weight_scale_for_int32_bias, after TensorFlow Lite).
 */
import type { Editor } from '#ir/editor.ts';
import type { Desk } from '#passes/pass.ts';
import { readFloats, type ConstantGrid, type ConstantPlan } from './constants.ts';
import type { BiasMark } from './marks.ts';
import { widenedScale } from './numbers.ts';

export async function adjustForBias(
  edit: Editor,
  desk: Desk,
  biases: readonly BiasMark[],
  constants: readonly { readonly plan: ConstantPlan; readonly grid: ConstantGrid }[],
  inputScale: (mark: BiasMark) => number | undefined,
): Promise<void> {
  for (const mark of biases) {
    const weight = constants.find(({ plan }) => plan.value === mark.weight);
    const input = inputScale(mark);
    if (weight === undefined || input === undefined || !weight.plan.type.startsWith('i')) continue;
    const { scale, zeroPoint } = weight.grid;
    if (zeroPoint.some((zero) => zero !== 0)) continue;
    const bias = await readFloats(edit, mark.bias, desk);
    if (weight.plan.grouping.granularity === 'channel') {
      for (let i = 0; i < scale.length; i++) {
        const size = Math.abs(bias[bias.length === 1 ? 0 : i] ?? 0);
        scale[i] = widenedScale(size, input, scale[i]!, true) ?? scale[i]!;
      }
    } else {
      const size = bias.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      scale[0] = widenedScale(size, input, scale[0]!, false) ?? scale[0]!;
    }
  }
}

/** What the products are counted in. onnxruntime's quantizer multiplies it with beta and loses beta by that (decision 0017). */
export function biasScale({ beta }: BiasMark, input: number, weight: Float32Array, match: boolean): Float32Array {
  const factor = match ? Math.fround(beta) : 1;
  return weight.map((scale) => Math.fround(Math.fround(Math.fround(input) * scale) * factor));
}

/** The bias for each channel, times the factor that its Gemm gives it. */
export function spreadBias(bias: Float32Array, channels: number, factor: number): Float32Array {
  const spread = bias.length === channels ? bias.slice() : new Float32Array(channels).fill(bias[0] ?? 0);
  return factor === 1 ? spread : spread.map((value) => value * factor);
}
