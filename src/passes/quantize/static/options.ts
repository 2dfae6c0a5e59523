/** The options of static quantization: the form in the studio, the flags and the bounds all come from this schema. */
import { z } from 'zod';

export const staticOptions = z.strictObject({
  activations: z
    .enum(['uint8', 'int8', 'uint16', 'int16'])
    .default('uint8')
    .meta({
      title: 'Activations',
      description:
        'Type that activations are rounded to. uint8 is what x64 and browsers compute fastest, int8 what ARM does; 16 bits are for ' +
        'layers that 8 bits hurt, and for neural processors: CPUs compute those layers in float.',
    }),
  symmetric: z.boolean().default(false).meta({
    title: 'Symmetric activations',
    description:
      'Zero lies in the middle of the levels. Without it Relu and Clip cost nothing, as the range of the layer before cuts off what they would.',
  }),
  range: z
    .enum(['minmax', 'moving-average', 'percentile', 'entropy', 'mse'])
    .default('percentile')
    .meta({
      title: 'Range',
      description:
        'How the range of an activation follows from the samples. minmax: nothing is clipped. moving-average: of the extremes of each ' +
        'sample. percentile: the rarest values are clipped. entropy: least loss of information (KL). mse: least squared error.',
    }),
  percentile: z
    .number()
    .min(90)
    .max(100)
    .default(99.999)
    .meta({
      title: 'Percentile',
      description: 'Share of the values of an activation that is not clipped.',
      unit: '%',
      showIf: { range: 'percentile' },
    }),
  averaging: z
    .number()
    .min(0.0001)
    .max(1)
    .default(0.01)
    .meta({
      title: 'Averaging',
      description: 'Weight of the newest sample in the moving average.',
      showIf: { range: 'moving-average' },
    }),
  weights: z.enum(['int8', 'uint8']).default('int8').meta({
    title: 'Weights',
    description: 'Type of the stored weights. int8 runs with every type of activations; uint8 only with unsigned ones.',
  }),
  perChannel: z.boolean().default(true).meta({
    title: 'Per channel',
    description: 'Each output channel of a weight has its own scale. Otherwise one scale serves the tensor.',
  }),
  weightRange: z.enum(['minmax', 'mse']).default('minmax').meta({
    title: 'Range of weights',
    description: 'minmax: every weight fits. mse: the clip of least squared error among 80.',
  }),
  reduceRange: z.boolean().default(false).meta({
    title: '7-bit weights',
    description:
      'Keeps weights within half of the levels, for x64 processors without VNNI, whose 16-bit sums of uint8 times int8 overflow.',
  }),
  operators: z
    .enum(['integer', 'onnxruntime'])
    .default('integer')
    .meta({
      title: 'Operators',
      description:
        'integer: what onnxruntime computes in integers, where it stands between layers that do. onnxruntime: the 34 operators that its ' +
        'own quantizer takes, whether that makes them faster or not.',
    }),
  match: z
    .boolean()
    .default(false)
    .meta({
      title: "Match onnxruntime's quantizer",
      description:
        'Gives the placement and the numbers of quantize_static to the bit, for comparing with it, even where those are known to be wrong.',
      showIf: { operators: 'onnxruntime' },
    }),
  forceQuantize: z
    .boolean()
    .default(false)
    .meta({
      title: 'Quantize without quantized input',
      description:
        'Reshape, MaxPool and their like round their input even where no other layer does (ForceQuantizeNoInputCheck).',
      showIf: { operators: 'onnxruntime' },
    }),
  quantizeBias: z.boolean().default(true).meta({
    title: 'Integer biases',
    description: 'Stores biases as int32 on the grid of the products. Layers with a float bias are computed in float.',
  }),
  correctBias: z
    .boolean()
    .default(true)
    .meta({
      title: 'Correct biases',
      description:
        'Takes off each bias what the rounding of its weights adds on average over the samples (Nagel et al. 2019). Costs nothing at run time.',
      showIf: { match: false },
    }),
  widenForBias: z.boolean().default(true).meta({
    title: 'Widen weights for biases',
    description: 'Raises the scale of a channel whose bias would not fit into int32.',
  }),
  keepRelu: z.boolean().default(false).meta({
    title: 'Keep Relu and Clip',
    description: 'Leaves Relu and Clip in the file where the range of the layer before already does their work.',
  }),
  softmaxRange: z.boolean().default(true).meta({
    title: 'Fixed range of Softmax',
    description: 'Rounds what Softmax makes between 0 and 1, whatever the samples showed.',
  }),
  minimumRealRange: z.number().min(0).max(1).default(0).meta({
    title: 'Smallest range',
    description: 'Ranges narrower than this are widened to it; neural processors ask for 0.0001. 0: no limit.',
  }),
  minimumElements: z.number().int().min(0).max(1_000_000_000).default(0).meta({
    title: 'Smallest weight',
    description: 'Layers whose weight has fewer elements stay float.',
    unit: 'elements',
  }),
});

export type StaticOptions = z.infer<typeof staticOptions>;
