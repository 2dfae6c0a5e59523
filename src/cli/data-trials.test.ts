/** Real models on real data, calibrated, quantized and measured: accuracy keeps its bound, and what cannot be quantized says why. */
import { afterAll, expect, it } from 'vitest';
import { describeWithTestdata } from '#base/testing/testdata.ts';
import { DATA_TRIALS, tryOnData, type DataTrial } from './testing/data-trials.ts';

const MINUTES = 60_000;

describeWithTestdata('int8 static on real data', () => {
  const lines: string[] = [];
  afterAll(() => console.log(lines.join('\n')));

  it.each(DATA_TRIALS)(
    '$name runs',
    async (trial) => {
      const made = await tryOnData(trial);
      lines.push(lineOf(trial.name, made));
      const { after, paired, agreement } = made.evaluation;
      expect(made.evaluation.failures).toEqual([]);
      expect(after?.samples).toBeGreaterThan(0);
      expect(agreement.length).toBeGreaterThan(0);
      for (const output of agreement) expect(output.cosine, output.name).toBeGreaterThan(0.9);
      // Every layer of the model is accounted for by the step that rounds activations.
      const step = made.optimized.report.steps.find(({ pass }) => pass === 'quantize/static');
      const told = new Set(step?.ledger.map(({ layer }) => layer));
      expect(made.optimized.layers.filter(({ name }) => !told.has(name)).map(({ name }) => name)).toEqual([]);
      for (const entry of step?.ledger ?? []) expect(entry.text.length).toBeGreaterThan(10);
      if (trial.mostPointsLost === undefined) return;
      const lost = [-(paired?.differencePoints ?? NaN)];
      for (let seed = 2; seed <= (trial.splits ?? 1); seed++) {
        const again = await tryOnData(trial, { seed });
        lost.push(-(again.evaluation.paired?.differencePoints ?? NaN));
      }
      const mean = lost.reduce((sum, points) => sum + points, 0) / lost.length;
      lines.push(`  points of top-1 lost, by split: ${lost.map((points) => points.toFixed(2)).join(', ')}`);
      expect(mean).toBeLessThanOrEqual(trial.mostPointsLost);
    },
    5 * MINUTES,
  );
});

function lineOf(name: string, { evaluation, lint, bytesBefore, bytesAfter }: DataTrial): string {
  const { before, after, agreement } = evaluation;
  const percent = (share: number | undefined): string => (share === undefined ? '-' : `${(100 * share).toFixed(2)} %`);
  const integer = lint.rows.filter(({ runs }) => runs === 'integer').length;
  const sqnr = Math.min(...agreement.map((output) => output.sqnrDb)).toFixed(1);
  return `${name}: ${percent(before.classification?.top1.share)} -> ${percent(after?.classification?.top1.share)}, ${after?.samples ?? 0} samples, SQNR ${sqnr} dB, ${integer} of ${lint.rows.length} nodes in integers, ${bytesBefore} -> ${bytesAfter} bytes`;
}
