/**
 * Counts how often a classifier is right, class by class, as its scores come: only counts are kept, and for an output of one
 * element the scores themselves, since whether they are chances or logits shows only in all of them.
 */
import { PareError } from '#base/failure.ts';
import { firstLargest } from '#measure/numbers.ts';
import type { Classification, ClassRow, Proportion } from './report.ts';
import { proportion } from './statistics.ts';

/** With more classes than this, a table lists only those that were labelled or predicted. */
const LARGEST_FULL_TABLE = 100;

const TOP = 5;

export interface ClassifierMeter {
  /** `accepted`: the classes that count as right, not empty. Refuses, by name, a label that the output has no class for. */
  add(sample: string, scores: ArrayLike<number>, accepted: readonly number[]): void;
  /** Samples counted. */
  readonly samples: number;
  /** Whether each sample was right, in the order they came. */
  right(): readonly boolean[];
  /** Classes that were labelled or predicted. */
  seen(): ReadonlySet<number>;
  /** `seen`: classes that a long table must have rows for; default those of this meter. */
  figures(names?: readonly string[] | null, seen?: ReadonlySet<number>): Classification;
}

/** `elements`: of the output for one sample; 1 for a yes-no model, whose classes are 0 and 1. */
export function classifierMeter(output: string, elements: number): ClassifierMeter {
  return elements === 1 ? new YesNoMeter(output) : new ScoresMeter(output, elements);
}

/** One sample's outcome in the tables. */
class Tally {
  readonly #counts = new Map<number, Map<number, number>>();
  readonly #right: boolean[] = [];

  add(predicted: number, accepted: readonly number[]): void {
    const right = accepted.includes(predicted);
    const label = right ? predicted : (accepted[0] ?? 0);
    let row = this.#counts.get(label);
    if (row === undefined) this.#counts.set(label, (row = new Map()));
    row.set(predicted, (row.get(predicted) ?? 0) + 1);
    this.#right.push(right);
  }

  right(): readonly boolean[] {
    return this.#right;
  }

  seen(): ReadonlySet<number> {
    const seen = new Set<number>();
    for (const [label, row] of this.#counts) for (const index of [label, ...row.keys()]) seen.add(index);
    return seen;
  }

  figures(
    output: string,
    classes: number,
    top5: Proportion | null,
    names: readonly string[] | null,
    seen: ReadonlySet<number>,
  ): Classification {
    const all = Array.from({ length: classes }, (_, index) => index);
    const listed = classes <= LARGEST_FULL_TABLE ? all : all.filter((index) => seen.has(index));
    const confusion = listed.map((label) => {
      const row = this.#counts.get(label);
      return listed.map((predicted) => row?.get(predicted) ?? 0);
    });
    const hits = this.#right.reduce((sum, right) => sum + (right ? 1 : 0), 0);
    return {
      output,
      classes,
      top1: proportion(hits, this.#right.length),
      top5,
      rows: listed.map((index, at) => classRow(index, names?.[index] ?? String(index), at, confusion)),
      confusion,
    };
  }
}

function classRow(index: number, name: string, at: number, confusion: readonly (readonly number[])[]): ClassRow {
  const hits = confusion[at]?.[at] ?? 0;
  const samples = confusion[at]?.reduce((sum, count) => sum + count, 0) ?? 0;
  const predicted = confusion.reduce((sum, row) => sum + (row[at] ?? 0), 0);
  return {
    index,
    name,
    samples,
    recall: proportion(hits, samples),
    predicted,
    precision: proportion(hits, predicted),
  };
}

class ScoresMeter implements ClassifierMeter {
  readonly #output: string;
  readonly #classes: number;
  readonly #tally = new Tally();
  #top5 = 0;

  constructor(output: string, classes: number) {
    this.#output = output;
    this.#classes = classes;
  }

  get samples(): number {
    return this.#tally.right().length;
  }

  add(sample: string, scores: ArrayLike<number>, accepted: readonly number[]): void {
    checkLabels(sample, accepted, this.#output, this.#classes);
    this.#tally.add(firstLargest(scores), accepted);
    if (accepted.some((index) => rankOf(scores, index) < TOP)) this.#top5++;
  }

  right(): readonly boolean[] {
    return this.#tally.right();
  }

  seen(): ReadonlySet<number> {
    return this.#tally.seen();
  }

  figures(names: readonly string[] | null = null, seen: ReadonlySet<number> = this.seen()): Classification {
    const top5 = this.#classes <= TOP ? null : proportion(this.#top5, this.samples);
    return this.#tally.figures(this.#output, this.#classes, top5, names, seen);
  }
}

/** The one score is the chance of class 1, or its logit where a score lies outside 0 to 1: yes from 0.5 on, or from 0. */
class YesNoMeter implements ClassifierMeter {
  readonly #output: string;
  readonly #scores: number[] = [];
  readonly #accepted: (readonly number[])[] = [];

  constructor(output: string) {
    this.#output = output;
  }

  get samples(): number {
    return this.#scores.length;
  }

  add(sample: string, scores: ArrayLike<number>, accepted: readonly number[]): void {
    checkLabels(sample, accepted, this.#output, 2);
    this.#scores.push(scores[0] ?? NaN);
    this.#accepted.push(accepted);
  }

  #tally(): Tally {
    const chances = this.#scores.every((score) => !(score < 0 || score > 1));
    const tally = new Tally();
    for (const [i, score] of this.#scores.entries()) {
      tally.add(score >= (chances ? 0.5 : 0) ? 1 : 0, this.#accepted[i] ?? []);
    }
    return tally;
  }

  right(): readonly boolean[] {
    return this.#tally().right();
  }

  seen(): ReadonlySet<number> {
    return this.#tally().seen();
  }

  figures(names: readonly string[] | null = null): Classification {
    const tally = this.#tally();
    return tally.figures(this.#output, 2, null, names, tally.seen());
  }
}

function checkLabels(sample: string, accepted: readonly number[], output: string, classes: number): void {
  const wrong = accepted.find((index) => !Number.isInteger(index) || index < 0 || index >= classes);
  if (wrong === undefined) return;
  throw new PareError({
    code: 'evaluate/label',
    place: sample,
    problem: `its label is class ${wrong}, but output ${output} has ${classes} classes, 0 to ${classes - 1}.`,
    hint: 'Check whether the labels count from 1, and whether the model has a class for "background": an offset is added to every label.',
  });
}

/** How many classes come before this one, equal scores in the order of their classes. */
function rankOf(scores: ArrayLike<number>, index: number): number {
  const own = scores[index] ?? NaN;
  if (Number.isNaN(own)) return Infinity;
  let before = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? NaN;
    if (score > own || (score === own && i < index)) before++;
  }
  return before;
}
