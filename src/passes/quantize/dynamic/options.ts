/** The options of dynamic quantization: the form in the studio, the flags and the bounds all come from this schema. */
import { z } from 'zod';

export const dynamicOptions = z.strictObject({
  granularity: z.enum(['tensor', 'channel']).default('channel').meta({
    title: 'Granularity',
    description: 'How many weights share a scale: the whole tensor, or one output channel (a row of a lookup table).',
  }),
  convolutions: z
    .enum(['integers', 'weights', 'float'])
    .default('weights')
    .meta({
      title: 'Convolutions',
      description:
        'integers: ConvInteger on activations that are rounded at run time; onnxruntime has no fast kernel for it on most ' +
        'machines. weights: stored as int8, computed in float. float: left as they are.',
    }),
  reduceRange: z.boolean().default(false).meta({
    title: 'Seven bits',
    description:
      'Uses half of the levels of a weight. On x64 processors without VNNI (before 2019) sums of full ones can saturate.',
  }),
  tables: z.boolean().default(true).meta({
    title: 'Lookup tables',
    description: 'Stores the tables of Gather (embeddings) as int8 too; looked up rows become real numbers again.',
  }),
  minimumElements: z.number().int().min(0).max(1_000_000_000).default(1024).meta({
    title: 'Smallest weight',
    description:
      'Layers whose weights have fewer elements are left as they are: they save little and often matter most.',
    unit: 'elements',
  }),
});

export type DynamicOptions = z.infer<typeof dynamicOptions>;
