/** Converts every foreign model of the test data, for the page docs/results-of-conversion.md. */
import { AGREEMENTS, dynamicRangeAccuracy, savedModelAccuracy } from '#cli/testing/conversion-agreement.ts';
import type { Agreement, KnownAccuracy } from '#cli/testing/conversion-agreement.ts';
import type { OutputFigures } from '#cli/testing/conversion-figures.ts';
import { compareLayers } from '#cli/testing/conversion-layers.ts';
import { foreignModels } from '#cli/testing/conversion-models.ts';
import { tryConversion } from '#cli/testing/conversion-trials.ts';
import type { ConversionTrial } from '#cli/testing/conversion-trials.ts';

export interface TriedConversions {
  readonly trials: readonly ConversionTrial[];
  readonly agreements: readonly Agreement[];
  readonly accuracies: readonly KnownAccuracy[];
  /** Integer models, operator by operator. */
  readonly layers: ReadonlyMap<string, readonly OutputFigures[]>;
}

export async function tryConversions(tell: (line: string) => void): Promise<TriedConversions> {
  const trials: ConversionTrial[] = [];
  for (const model of foreignModels()) {
    tell(model.path);
    trials.push(await tryConversion(model));
  }
  const layers = new Map<string, readonly OutputFigures[]>();
  for (const { model, comparison } of trials) {
    if (comparison?.rule.kind !== 'levels') continue;
    tell(`${model.path}, operator by operator`);
    layers.set(model.path, await compareLayers(model.path));
  }
  const agreements: Agreement[] = [];
  for (const [name, compare] of AGREEMENTS) {
    tell(name);
    agreements.push(await compare());
  }
  tell('accuracy of keyword spotting');
  return { trials, layers, agreements, accuracies: [await savedModelAccuracy(), await dynamicRangeAccuracy()] };
}
