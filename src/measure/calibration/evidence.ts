/** Where a recipe's run gets its evidence from: whoever holds data and a runtime measures the model as it then stands. */
import type { OnProgress } from '#base/progress.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Evidence } from '#passes/pass.ts';

export interface EvidenceWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface EvidenceSource {
  /** Nothing runs before ranges are asked for; what was measured of the same graph and weights before is used again. */
  about(model: Model, weights: WeightStore, work: EvidenceWork): Evidence;
}
