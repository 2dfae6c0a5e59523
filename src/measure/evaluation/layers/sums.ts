/** The sums of one layer over all samples, and the figures that follow from them. */
import type { LayerActivationError, Noise } from '#measure/evaluation/report.ts';
import type { PlannedLayer } from './plan.ts';
import type { Part } from './probe.ts';

export interface LayerSums {
  addSignal(reference: ArrayLike<number>): void;
  /** A sum of squared errors over the elements of one sample. */
  addError(part: Part, squares: number): void;
  addCumulative(reference: ArrayLike<number>, result: ArrayLike<number>): void;
  figures(layer: PlannedLayer): LayerActivationError;
}

export function layerSums(): LayerSums {
  let count = 0;
  let signal = 0;
  let cumulative: number | null = null;
  const errors = new Map<Part, number>();

  const noise = (error: number | null | undefined): Noise | null => {
    if (error === null || error === undefined) return null;
    return { mse: error / count, sqnrDb: error === 0 ? Infinity : 10 * Math.log10(signal / error) };
  };
  return {
    addSignal(reference) {
      count += reference.length;
      for (let i = 0; i < reference.length; i++) signal += (reference[i] ?? NaN) ** 2;
    },
    addError(part, squares) {
      errors.set(part, (errors.get(part) ?? 0) + squares);
    },
    addCumulative(reference, result) {
      let error = 0;
      for (let i = 0; i < reference.length; i++) error += ((reference[i] ?? NaN) - (result[i] ?? NaN)) ** 2;
      cumulative = (cumulative ?? 0) + error;
    },
    figures: (layer) => ({
      layer: layer.node.name,
      op: layer.node.op,
      output: layer.output.name,
      cumulative: noise(cumulative),
      alone: noise(errors.get('alone')) ?? { mse: NaN, sqnrDb: NaN },
      weightRounding: noise(errors.get('weightRounding')),
      activationClipping: noise(errors.get('activationClipping')),
      activationRounding: noise(errors.get('activationRounding')),
    }),
  };
}
