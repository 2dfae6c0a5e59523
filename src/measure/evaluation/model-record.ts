/** What is counted of one model while samples pass: right answers, golden outputs, values that are no numbers, memory. */
import { countOf, isFloat } from '#base/dtype.ts';
import type { Notice } from '#base/notice.ts';
import type { Sample, Samples } from '#data/samples.ts';
import { numbersOf } from '#measure/numbers.ts';
import { agreementMeter } from './agreement.ts';
import type { AgreementMeter } from './agreement.ts';
import { classifierMeter } from './classifier.ts';
import type { ClassifierMeter } from './classifier.ts';
import type { Arrays } from './feeding.ts';
import { memoryPeak } from './memory.ts';
import type { MemoryPeak, MemoryProbe } from './memory.ts';
import type { ModelEvaluation } from './report.ts';
import { isRow, scoresOutput } from './scores.ts';

export interface ModelRecord {
  /** `scores`: the output that holds the scores, where another model told already; null: none does. */
  add(sample: Sample, results: Arrays, scores?: string | null): void;
  /** Output whose scores are counted; null: none; undefined: no labelled sample came yet. */
  readonly scores: string | null | undefined;
  /** Whether each labelled sample was right; null where the model does not classify. */
  right(): readonly boolean[] | null;
  seen(): ReadonlySet<number>;
  figures(seen: ReadonlySet<number>): ModelEvaluation;
  notices(): readonly Notice[];
}

interface RecordOptions {
  readonly samples: Samples;
  readonly classNames?: readonly string[] | null | undefined;
  readonly scores?: string | undefined;
}

/** `whose`: the model as notices name it. */
export function openRecord(whose: string, options: RecordOptions, probe: MemoryProbe | null | undefined): ModelRecord {
  return new Recording(whose, options, memoryPeak(probe));
}

class Recording implements ModelRecord {
  readonly #whose: string;
  readonly #options: RecordOptions;
  readonly #memory: MemoryPeak;
  readonly #golden: AgreementMeter;
  readonly #notFinite = new Map<string, { count: number; readonly sample: string }>();
  readonly #notices: Notice[] = [];
  #samples = 0;
  #unlabelled = 0;
  scores: string | null | undefined;
  #elements = 0;
  #classifier: ClassifierMeter | null = null;

  constructor(whose: string, options: RecordOptions, memory: MemoryPeak) {
    this.#whose = whose;
    this.#options = options;
    this.#memory = memory;
    this.#golden = agreementMeter(whose, undefined);
  }

  add(sample: Sample, results: Arrays, scores?: string | null): void {
    this.#memory.look();
    this.#samples++;
    this.#lookForNaN(sample.name, results);
    if (sample.expected !== undefined) this.#golden.add(sample.name, sample.expected, results);
    if (sample.classes === null || sample.classes.length === 0) this.#unlabelled++;
    else this.#classify(sample.name, sample.classes, results, scores);
  }

  #lookForNaN(sample: string, results: Arrays): void {
    for (const [name, array] of results) {
      const values = isFloat(array.dtype) ? numbersOf(array) : null;
      if (values === null) continue;
      let count = 0;
      for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
      if (count === 0) continue;
      const known = this.#notFinite.get(name) ?? { count: 0, sample };
      known.count += count;
      this.#notFinite.set(name, known);
    }
  }

  #classify(sample: string, accepted: readonly number[], results: Arrays, told: string | null | undefined): void {
    if (this.scores === undefined) this.#choose(results, told);
    if (typeof this.scores !== 'string') return;
    const array = results.get(this.scores);
    const values = array === undefined ? null : numbersOf(array);
    if (array === undefined || values === null || !isRow(array) || values.length !== this.#elements) {
      const given = array === undefined ? 'nothing' : `${array.dtype}[${array.shape.join(', ')}]`;
      this.#giveUp(`for ${sample} it is ${given}, not ${this.#elements} scores, so accuracy is not counted.`);
    } else if (this.#elements === 1 && accepted.some((index) => index > 1)) {
      this.#giveUp(`it is one number, and ${sample} is labelled ${accepted.join(' or ')}, not 0 or 1.`);
    } else this.#classifier?.add(sample, values, accepted);
  }

  #choose(results: Arrays, told: string | null | undefined): void {
    const states = new Set(this.#options.samples.carry.values());
    this.scores = told === undefined ? scoresOutput(results, this.#options.scores, states) : told;
    const array = this.scores === null ? undefined : results.get(this.scores);
    if (this.scores === null || array === undefined) return;
    this.#elements = countOf(array.shape);
    this.#classifier = classifierMeter(this.scores, this.#elements);
  }

  #giveUp(text: string): void {
    this.#notices.push({ level: 'warning', code: 'evaluate/no-scores', text, at: this.scores ?? '' });
    this.scores = null;
    this.#classifier = null;
  }

  right(): readonly boolean[] | null {
    return this.#classifier?.right() ?? null;
  }

  seen(): ReadonlySet<number> {
    return this.#classifier?.seen() ?? new Set();
  }

  figures(seen: ReadonlySet<number>): ModelEvaluation {
    return {
      samples: this.#samples,
      classification: this.#classifier?.figures(this.#options.classNames, seen) ?? null,
      golden: this.#golden.figures(),
      ...this.#memory.figures(),
    };
  }

  notices(): readonly Notice[] {
    const notFinite = [...this.#notFinite].map(([at, { count, sample }]): Notice => {
      const values = count === 1 ? 'value is NaN or infinite' : 'values are NaN or infinite';
      const text = `${count} ${values} in the output of ${this.#whose}, first for ${sample}.`;
      return { level: 'warning', code: 'evaluate/not-finite', text, at };
    });
    return [...this.#notices, ...notFinite, ...this.#golden.notices(), ...this.#labelNotices()];
  }

  #labelNotices(): Notice[] {
    const labelled = this.#classifier?.samples ?? 0;
    if (labelled === 0 || this.#unlabelled === 0) return [];
    const text = `${this.#unlabelled} samples have no label; accuracy is of the ${labelled} that have one.`;
    return [{ level: 'info', code: 'evaluate/unlabelled', text }];
  }
}
