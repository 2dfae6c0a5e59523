/** Trials of conversions in words: for the log of the tests and for docs/results-of-conversion.md. */
import type { OutputFigures, Rule } from './conversion-figures.ts';
import type { Comparison, ConversionTrial } from './conversion-trials.ts';

/** One line for a log. */
export function lineOf(trial: ConversionTrial): string {
  const { model, outcome, operators, transposes, refusals, failure, comparison } = trial;
  const nodes = operators.reduce((sum, [, count]) => sum + count, 0);
  const head = `${model.path}: ${outcome}, ${nodes} nodes, ${transposes.all} Transpose (${transposes.inside.length} inside)`;
  if (failure !== undefined) return `${head}; ${failure.split('\n').slice(0, 4).join(' ')}`;
  if (refusals.length > 0)
    return `${head}; ${refusals.map(({ operator, node }) => `${operator} (${node})`).join(', ')}`;
  if (comparison === undefined) return head;
  const batch =
    comparison.batch === undefined ? '' : `, batch of ${comparison.batch.samples} ${figure(comparison.batch.maxAbs)}`;
  const broken = comparison.broken.length === 0 ? '' : ` BROKEN ${comparison.broken.join('; ')}`;
  return `${head}; ${verdict(comparison)}${batch}${broken}`;
}

/** The figures that the rule asks for, of the output that does worst. */
export function verdict({ rule, outputs }: Comparison): string {
  const worst = worstOf(rule, outputs);
  if (worst === undefined) return 'nothing compared';
  const values = outputs.reduce((sum, output) => sum + output.values, 0);
  switch (rule.kind) {
    case 'float': {
      const peak = worst.peak > 1 ? ` of ${figure(worst.peak)}` : '';
      return `largest difference ${figure(worst.maxAbs)}${peak} (${values} values)`;
    }
    case 'levels':
      return `${percent(worst.levels?.equalShare ?? NaN)} of ${values} levels equal, largest difference ${worst.levels?.maxSteps ?? '?'} step${worst.levels?.maxSteps === 1 ? '' : 's'}`;
    case 'dynamic':
      return `SQNR ${worst.sqnrDb.toFixed(1)} dB, largest difference ${figure(worst.maxAbs)} of ${figure(worst.peak)}${sameTop(worst)}`;
  }
}

/** Of several samples: for one alone it says nothing. */
function sameTop({ sameTop: { equal, of } }: OutputFigures): string {
  return of < 4 ? '' : `, same largest element in ${equal} of ${of}`;
}

export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'float':
      return [
        rule.bound.toExponential(0),
        ...(rule.spread === undefined ? [] : [`, or ${figure(rule.spread)}`]),
        ...(rule.exact === undefined ? [] : [` + ${figure(rule.exact)}`]),
      ].join('');
    case 'levels':
      return `${percent(rule.leastEqual)} equal, ${rule.mostSteps} step${rule.mostSteps === 1 ? '' : 's'}`;
    case 'dynamic':
      return `${rule.leastSqnrDb} dB`;
  }
}

function worstOf(rule: Rule, outputs: readonly OutputFigures[]): OutputFigures | undefined {
  const badness = (output: OutputFigures): number => {
    if (rule.kind === 'float') return output.maxAbs / Math.max(1, output.peak);
    if (rule.kind === 'levels') return (output.levels?.maxSteps ?? Infinity) + 1 - (output.levels?.equalShare ?? 0);
    return -output.sqnrDb;
  };
  return outputs.toSorted((a, b) => badness(b) - badness(a))[0];
}

export function figure(value: number): string {
  if (value === 0) return '0';
  return value >= 0.01 && value < 1000 ? value.toPrecision(3) : value.toExponential(1);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
