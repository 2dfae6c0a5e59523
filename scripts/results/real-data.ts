/** Tries int8 on real data, for the page docs/results-on-data.md. Its figures do not depend on the speed of a machine. */
import { DATA_TRIALS, tryOnData, type DataTrial, type DataTrialModel } from '#cli/testing/data-trials.ts';

const PRESETS = ['int8-static', 'int8-dynamic'] as const;

/** Seeds 1 to this; where the data has labels, since one split of some hundred samples says little. */
const SPLITS = 5;

export interface Tried {
  readonly model: DataTrialModel;
  readonly preset: string;
  readonly first: DataTrial;
  /** The first and, where the data has labels, the others. */
  readonly splits: readonly DataTrial[];
}

export async function tryRealData(tell: (line: string) => void): Promise<readonly Tried[]> {
  const tried: Tried[] = [];
  for (const model of DATA_TRIALS) {
    for (const preset of PRESETS) {
      tell(`${model.name}, ${preset}`);
      const first = await tryOnData(model, { preset, seed: 1 });
      const splits = [first];
      const count = first.evaluation.paired === null ? 1 : SPLITS;
      for (let seed = 2; seed <= count; seed += 1) splits.push(await tryOnData(model, { preset, seed }));
      tried.push({ model, preset, first, splits });
    }
  }
  return tried;
}
