/** How far a converted model's outputs lie from the oracle's, gathered over all samples, and the bound that holds. */

/** What a model is held to. Which one follows from how it computes, not from how well it does. */
export type Rule =
  /** Largest difference, as a share of the output's largest magnitude where that is above 1. */
  | {
      readonly kind: 'float';
      readonly bound: number;
      /** How far the source's own kernels lie apart, where that is more. */
      readonly spread?: number;
      /** How far the source's runtime lies from exact arithmetic: a conversion may lie `bound` on the other side. */
      readonly exact?: number;
    }
  /** Levels: share that is equal to the bit, and most steps between two. */
  | { readonly kind: 'levels'; readonly leastEqual: number; readonly mostSteps: number }
  /** The source's runtime rounds activations to 8 bits as it goes, and the conversion does not. */
  | { readonly kind: 'dynamic'; readonly leastSqnrDb: number };

export interface OutputFigures {
  readonly name: string;
  readonly values: number;
  readonly maxAbs: number;
  /** Largest magnitude that the oracle gave. */
  readonly peak: number;
  readonly sqnrDb: number;
  /** Samples whose largest element is the same one. */
  readonly sameTop: { readonly equal: number; readonly of: number };
  /** Of outputs on a grid. */
  readonly levels?: { readonly equalShare: number; readonly maxSteps: number };
}

export class Gatherer {
  private readonly outputs = new Map<string, Sums>();

  /** `step`: the distance of two levels, of outputs on a grid. */
  add(name: string, result: ArrayLike<number>, expected: ArrayLike<number>, step?: number): void {
    const sums = this.outputs.get(name) ?? newSums(step);
    this.outputs.set(name, sums);
    let [top, expectedTop] = [0, 0];
    for (let i = 0; i < expected.length; i++) {
      const [is, should] = [result[i] ?? NaN, expected[i] ?? NaN];
      const difference = Math.abs(is - should);
      // A value that is no number on one side alone is as far as can be.
      if (Number.isNaN(difference)) sums.maxAbs = Number.isNaN(is) && Number.isNaN(should) ? sums.maxAbs : Infinity;
      else sums.maxAbs = Math.max(sums.maxAbs, difference);
      sums.peak = Math.max(sums.peak, Math.abs(should));
      sums.signal += should * should;
      sums.noise += difference * difference;
      if (step !== undefined) {
        const steps = Math.round(difference / step);
        if (steps === 0) sums.equal++;
        sums.maxSteps = Math.max(sums.maxSteps, steps);
      }
      if (is > (result[top] ?? NaN)) top = i;
      if (should > (expected[expectedTop] ?? NaN)) expectedTop = i;
    }
    sums.values += expected.length;
    sums.samples++;
    if (top === expectedTop) sums.sameTop++;
  }

  figures(): readonly OutputFigures[] {
    return [...this.outputs].map(([name, sums]) => ({
      name,
      values: sums.values,
      maxAbs: sums.maxAbs,
      peak: sums.peak,
      sqnrDb: sums.noise === 0 ? Infinity : 10 * Math.log10(sums.signal / sums.noise),
      sameTop: { equal: sums.sameTop, of: sums.samples },
      ...(sums.step === undefined ? {} : { levels: { equalShare: sums.equal / sums.values, maxSteps: sums.maxSteps } }),
    }));
  }
}

interface Sums {
  readonly step: number | undefined;
  values: number;
  samples: number;
  maxAbs: number;
  peak: number;
  signal: number;
  noise: number;
  equal: number;
  maxSteps: number;
  sameTop: number;
}

function newSums(step: number | undefined): Sums {
  const zero = { values: 0, samples: 0, maxAbs: 0, peak: 0, signal: 0, noise: 0 };
  return { step, ...zero, equal: 0, maxSteps: 0, sameTop: 0 };
}

/** What is wrong with an output, or undefined where it keeps the bound. */
export function broken(rule: Rule, output: OutputFigures): string | undefined {
  if (output.values === 0) return `${output.name}: nothing was compared`;
  switch (rule.kind) {
    case 'float': {
      const bound = Math.max(rule.bound * Math.max(1, output.peak) + (rule.exact ?? 0), rule.spread ?? 0);
      if (output.maxAbs <= bound) return undefined;
      return `${output.name}: differs by ${output.maxAbs.toPrecision(3)}, more than ${bound.toPrecision(2)}`;
    }
    case 'levels': {
      if (output.levels === undefined) return `${output.name}: gives no levels`;
      const { equalShare, maxSteps } = output.levels;
      if (equalShare >= rule.leastEqual && maxSteps <= rule.mostSteps) return undefined;
      return `${output.name}: ${(100 * equalShare).toFixed(2)} % of levels are equal, and the farthest is ${maxSteps} steps off`;
    }
    case 'dynamic':
      if (output.sqnrDb >= rule.leastSqnrDb) return undefined;
      return `${output.name}: SQNR ${output.sqnrDb.toFixed(1)} dB, less than ${rule.leastSqnrDb}`;
  }
}
