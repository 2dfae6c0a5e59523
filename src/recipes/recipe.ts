/** A recipe: which passes run, in which order, with which options. JSON; the studio, the command line and the tests share it. */
import { dataSettings } from '#data/settings.ts';
import { z } from 'zod';

const stepSchema = z.strictObject({
  pass: z.string().meta({ title: 'Pass', description: 'Name of the pass, such as quantize/weights.' }),
  options: z.record(z.string(), z.unknown()).optional(),
  /** Restricts the step to some layers. */
  where: z
    .strictObject({
      ops: z.array(z.string()).optional(),
      /** Layer names; `*` stands for any run of characters. */
      names: z.array(z.string()).optional(),
    })
    .optional(),
});

const layerSchema = z.strictObject({
  /** True: every lossy pass leaves this layer as it is. */
  exclude: z.boolean().optional(),
  /** Options that replace the step's own for this layer, by pass name. */
  options: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

export const recipeSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  steps: z.array(stepSchema),
  /** Per-layer settings by layer (node) name. */
  layers: z.record(z.string(), layerSchema).optional(),
  /** How data is prepared for the model: what calibration and evaluation feed it. */
  data: dataSettings.optional(),
});

export type Recipe = z.infer<typeof recipeSchema>;
export type Step = z.infer<typeof stepSchema>;
export type LayerSettings = z.infer<typeof layerSchema>;
