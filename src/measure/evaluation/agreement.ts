/** Outputs of two models side by side, by name, and of one model beside golden outputs that came with the data. */
import type { Notice } from '#base/notice.ts';
import { PareError } from '#base/failure.ts';
import { outputMeter } from '#measure/output-meter.ts';
import type { OutputMeter } from '#measure/output-meter.ts';
import type { Session } from '#runtimes/runtime.ts';
import type { Arrays } from './feeding.ts';
import type { OutputAgreement } from './report.ts';

/** Adds up how far outputs are apart. */
export interface AgreementMeter {
  add(sample: string, original: Arrays, result: Arrays): void;
  /** Outputs that were compared at least once. */
  figures(): readonly OutputAgreement[];
  notices(): readonly Notice[];
}

/** Outputs that both sessions have, or those of `wish`; one that only the original has is named in a notice. */
export function agreementOf(
  before: Session,
  after: Session | null,
  wish: readonly string[] | undefined,
): AgreementMeter {
  if (after === null) return agreementMeter('the result', []);
  const names = before.outputs.map((slot) => slot.name).filter((name) => wish?.includes(name) ?? true);
  const has = (name: string): boolean => after.outputs.some((slot) => slot.name === name);
  const shared = names.filter(has);
  if (shared.length === 0) {
    const list = (session: Session): string => session.outputs.map((slot) => slot.name).join(', ');
    throw new PareError({
      code: 'compare/no-common-output',
      problem: `the models have no output in common: ${list(before)} against ${list(after)}.`,
      hint: 'Compare a model with a version of itself.',
    });
  }
  const missing = names.filter((name) => !has(name));
  return agreementMeter('the result', shared, missing);
}

/** `names`: outputs to compare; absent: whatever `original` has. */
export function agreementMeter(
  whose: string,
  names: readonly string[] | undefined,
  missing: readonly string[] = [],
): AgreementMeter {
  const meters = new Map<string, OutputMeter>(names?.map((name) => [name, outputMeter(name)]));
  const absent = new Set(missing);
  const obstacles = new Map<string, string>();
  const compared = new Set<string>();
  return {
    add(sample, original, result) {
      for (const name of names ?? original.keys()) {
        const x = original.get(name);
        const y = result.get(name);
        if (x !== undefined && y === undefined) absent.add(name);
        if (x === undefined || y === undefined) continue;
        const meter = meters.get(name) ?? outputMeter(name);
        meters.set(name, meter);
        const obstacle = meter.add(x, y);
        if (obstacle === undefined) compared.add(name);
        else if (!obstacles.has(name)) obstacles.set(name, `for ${sample} it ${obstacle}; such samples are left out.`);
      }
    },
    figures: () => [...meters].filter(([name]) => compared.has(name)).map(([, meter]) => meter.agreement()),
    notices: () => [
      ...[...absent].map((name) => warning('compare/missing-output', `${whose} has no such output.`, name)),
      ...[...obstacles].map(([name, text]) => warning('compare/not-comparable', text, name)),
    ],
  };
}

function warning(code: string, text: string, at: string): Notice {
  return { level: 'warning', code, text, at };
}
