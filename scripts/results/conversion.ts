/** Converts every foreign model of the test data, for the page docs/results-of-conversion.md. */
import { AGREEMENTS, dynamicRangeAccuracy, savedModelAccuracy } from '#cli/testing/conversion-agreement.ts';
import type { Agreement, KnownAccuracy } from '#cli/testing/conversion-agreement.ts';
import { foreignModels } from '#cli/testing/conversion-models.ts';
import { tryConversion } from '#cli/testing/conversion-trials.ts';
import type { ConversionTrial } from '#cli/testing/conversion-trials.ts';

export interface TriedConversions {
  readonly trials: readonly ConversionTrial[];
  readonly agreements: readonly Agreement[];
  readonly accuracies: readonly KnownAccuracy[];
}

export async function tryConversions(tell: (line: string) => void): Promise<TriedConversions> {
  const trials: ConversionTrial[] = [];
  for (const model of foreignModels()) {
    tell(model.path);
    trials.push(await tryConversion(model));
  }
  const agreements: Agreement[] = [];
  for (const [name, compare] of AGREEMENTS) {
    tell(name);
    agreements.push(await compare());
  }
  tell('accuracy of keyword spotting');
  return { trials, agreements, accuracies: [await savedModelAccuracy(), await dynamicRangeAccuracy()] };
}
