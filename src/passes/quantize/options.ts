/** The options of weight quantization: the form in the studio, the flags and the bounds all come from this schema. */
import { z } from 'zod';

export const quantizeOptions = z.strictObject({
  bits: z
    .union([z.literal(2), z.literal(4), z.literal(8), z.literal(16)])
    .default(8)
    .meta({ title: 'Bits', description: 'Width of one stored weight.', unit: 'bits' }),
  granularity: z.enum(['tensor', 'channel', 'block']).default('channel').meta({
    title: 'Granularity',
    description:
      'How many weights share a scale: the whole tensor, one output channel, or a run of weights along the reduction axis.',
  }),
  block: z
    .union([z.literal(16), z.literal(32), z.literal(64), z.literal(128), z.literal(256)])
    .default(32)
    .meta({
      title: 'Block size',
      description: 'Weights along the reduction axis that share a scale.',
      unit: 'weights',
      showIf: { granularity: 'block' },
    }),
  symmetric: z.boolean().default(true).meta({
    title: 'Symmetric',
    description: 'Zero lies in the middle of the levels. Otherwise each scale gets a zero point of its own.',
  }),
  convention: z
    .enum(['auto', 'narrow', 'full', 'nbits'])
    .default('auto')
    .meta({
      title: 'Symmetric range',
      description:
        'narrow: -7..7, scale = absmax / 7 (TFLite). full: -8..7, scale = 2 absmax / 15 (ONNX Runtime QDQ). nbits: -8..7, ' +
        'scale = largest weight / -8, may be negative (MatMulNBits, llama.cpp). Numbers for 4 bits; others accordingly. ' +
        'auto: narrow at 8 and 16 bits; below, nbits where MatMulNBits is written and full elsewhere.',
      showIf: { symmetric: true },
    }),
  signed: z.boolean().default(true).meta({
    title: 'Signed levels',
    description: 'Stores int8 or int4 instead of uint8 or uint4. The values are the same when symmetric.',
  }),
  range: z.enum(['minmax', 'percentile', 'mse']).default('minmax').meta({
    title: 'Range',
    description:
      'minmax: every weight fits. percentile: the largest magnitudes are clipped. mse: the clip of least squared error among 80.',
  }),
  percentile: z
    .number()
    .min(50)
    .max(100)
    .default(99.9)
    .meta({
      title: 'Percentile',
      description: 'Share of the weights of each scale that is not clipped.',
      unit: '%',
      showIf: { range: 'percentile' },
    }),
  minimumElements: z.number().int().min(0).max(1_000_000_000).default(1024).meta({
    title: 'Smallest weight',
    description: 'Weights with fewer elements are left as they are: they save little and often matter most.',
    unit: 'elements',
  }),
  form: z
    .enum(['auto', 'dequantize', 'nbits'])
    .default('auto')
    .meta({
      title: 'Written as',
      description:
        'dequantize: DequantizeLinear in front of the layer. nbits: MatMulNBits or GatherBlockQuantized, which compute from packed ' +
        'blocks. auto: nbits where it applies (2, 4 or 8 bits, blocks), dequantize elsewhere.',
    }),
});

export type QuantizeOptions = z.infer<typeof quantizeOptions>;

/** Number of clips that `range: mse` tries. */
export const SEARCH_CANDIDATES = 80;
