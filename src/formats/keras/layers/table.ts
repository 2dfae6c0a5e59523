/** The layer table: one row for each class of Keras, by family. */
import type { JsonObject } from '#formats/keras/config/json.ts';
import { FUNCTION_LAYERS, kerasOperation } from '#formats/keras/operations/layers.ts';
import { ACTIVATION_LAYERS } from './activation-layers.ts';
import { APPLICATIONS } from './applications.ts';
import { ATTENTION } from './attention.ts';
import { CONVOLUTIONS } from './convolution.ts';
import { CORE } from './core.ts';
import { MERGING } from './merging.ts';
import { NORMALIZATIONS } from './normalization.ts';
import { POOLING } from './pooling.ts';
import { RECURRENT } from './recurrent/layers.ts';
import { RESHAPING } from './reshaping.ts';
import type { LayerRow, LayerRows } from './row.ts';
import { WRAPPERS } from './wrappers.ts';

export const LAYERS: LayerRows = {
  ...CORE,
  ...CONVOLUTIONS,
  ...POOLING,
  ...NORMALIZATIONS,
  ...ACTIVATION_LAYERS,
  ...RESHAPING,
  ...MERGING,
  ...ATTENTION,
  ...RECURRENT,
  ...WRAPPERS,
  ...APPLICATIONS,
  ...FUNCTION_LAYERS,
};

/** undefined: not known. Some names are both a layer and an operation (`Add`): only layers say whether they are trained. */
export function rowOf(className: string, config: JsonObject): LayerRow | undefined {
  const layer = Object.hasOwn(LAYERS, className) ? LAYERS[className] : undefined;
  const isLayer = Object.hasOwn(config, 'trainable');
  const operation = isLayer ? undefined : kerasOperation(className);
  return operation ?? layer;
}
