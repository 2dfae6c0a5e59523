/**
 * Measures what a recipe would do to every layer without making the model. Steps before the last lossy one are run once
 * and kept, so that changing the last step's options recomputes that step alone, on weights that lie ready in memory.
 */
import { Cancelled, checkCancelled } from '#base/failure.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Layer } from '#ir/layer.ts';
import type { EvidenceSource } from '#measure/calibration/evidence.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { layersOf } from '#ops/layers.ts';
import { PASSES } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import type { FloatCache } from './float-cache.ts';
import { layerOver } from './layered-store.ts';
import type { Recipe } from './recipe.ts';
import { firstLossyStep, lastLossyStep, passNamed, runSteps, type RunState } from './run.ts';
import { type Summary, summarize } from './summarize.ts';

export interface Measured extends Summary {
  readonly steps: RunState['steps'];
  readonly durationMs: number;
}

interface Prefix {
  readonly state: RunState;
  readonly layers: readonly Layer[];
}

interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** For the last lossy step alone: ranges of activations, where it needs any. */
  readonly evidence?: EvidenceSource | undefined;
}

/** Prefixes kept for each model: enough to go back and forth between two lines of thought, and their clean-ups. */
const PREFIXES_KEPT = 4;

/** Previews of one opened model. */
export interface Previewer {
  measure(recipe: Recipe, options?: WorkOptions): Promise<Measured>;
  /** Runs the last lossy step for real, for a few layers alone: their scales and zero points, to draw a grid. */
  runForLayers(recipe: Recipe, layers: ReadonlySet<string>, options?: WorkOptions): Promise<RunState>;
  /**
   * The float model that lossy steps start from: what errors of activations are measured against. Its values have the ids
   * that they have in the result.
   */
  beforeLossy(recipe: Recipe, options?: WorkOptions): Promise<Pick<RunState, 'model' | 'weights'>>;
  close(): void;
}

export function createPreviewer(
  opened: { readonly model: Model; readonly weights: WeightStore; readonly layers: readonly Layer[] },
  floats: FloatCache,
  passes: readonly Pass[] = PASSES,
): Previewer {
  const prefixes = new Map<string, Promise<Prefix>>();

  const make = async (recipe: Recipe, steps: number, options: WorkOptions): Promise<Prefix> => {
    const start: RunState = { model: opened.model, weights: layerOver(opened.weights), references: null, steps: [] };
    if (steps === 0) return { state: start, layers: opened.layers };
    const state = await runSteps(start, { recipe, floats, passes, range: [0, steps], ...options });
    return { state, layers: state.model === opened.model ? opened.layers : layersOf(state.model) };
  };

  const prefixOf = async (recipe: Recipe, steps: number, options: WorkOptions): Promise<Prefix> => {
    const key = prefixKey(recipe, steps, passes);
    for (;;) {
      checkCancelled(options.signal);
      let prefix = prefixes.get(key);
      if (prefix === undefined) {
        prefix = make(recipe, steps, options);
        prefix.catch(() => prefixes.delete(key));
      }
      // Most recently used last.
      prefixes.delete(key);
      prefixes.set(key, prefix);
      dropOldest();
      try {
        return await prefix;
      } catch (error) {
        prefixes.delete(key);
        // Whoever started it gave up; this caller did not.
        if (!(error instanceof Cancelled) || options.signal?.aborted === true) throw error;
      }
    }
  };

  const dropOldest = (): void => {
    for (const [key, prefix] of prefixes) {
      if (prefixes.size <= PREFIXES_KEPT) return;
      prefixes.delete(key);
      prefix.then(
        ({ state }) => floats.drop(state.weights),
        () => undefined,
      );
    }
  };

  return {
    async measure(recipe, options = {}) {
      const startedAt = performance.now();
      const last = lastLossyStep(recipe, passes);
      const steps = last < 0 ? recipe.steps.length : last;
      const { state, layers } = await prefixOf(recipe, steps, options);
      const ran =
        last < 0
          ? state
          : await runSteps(
              // Scratch weights of a preview are dropped with it.
              { ...state, weights: layerOver(state.weights) },
              { recipe, floats, passes, range: [last, last + 1], preview: true, ...options },
            );
      const summary = summarize({
        before: opened.layers,
        after: layers,
        steps: ran.steps,
        lossy: lossyNames(recipe, passes),
      });
      return { ...summary, steps: ran.steps, durationMs: performance.now() - startedAt };
    },

    async runForLayers(recipe, onlyLayers, options = {}) {
      const last = lastLossyStep(recipe, passes);
      const { state } = await prefixOf(recipe, last < 0 ? recipe.steps.length : last, options);
      if (last < 0) return state;
      return runSteps(
        { ...state, weights: layerOver(state.weights) },
        { recipe, floats, passes, range: [last, last + 1], onlyLayers, ...options },
      );
    },

    async beforeLossy(recipe, options = {}) {
      const first = firstLossyStep(recipe, passes);
      const { state } = await prefixOf(recipe, first < 0 ? recipe.steps.length : first, options);
      return state;
    },

    close() {
      for (const prefix of prefixes.values()) {
        prefix.then(
          ({ state }) => floats.drop(state.weights),
          () => undefined,
        );
      }
      prefixes.clear();
    },
  };
}

/** Names of the recipe's passes that lose precision. */
export function lossyNames(recipe: Recipe, passes: readonly Pass[] = PASSES): ReadonlySet<string> {
  return new Set(recipe.steps.map((step) => step.pass).filter((name) => passNamed(name, passes).keeps === 'accuracy'));
}

/** What the outcome of the first steps depends on: they themselves, and the settings of layers that they read. */
function prefixKey(recipe: Recipe, steps: number, passes: readonly Pass[]): string {
  const first = recipe.steps.slice(0, steps);
  const names = new Set(first.map((step) => step.pass));
  const lossy = first.some((step) => passNamed(step.pass, passes).keeps === 'accuracy');
  const layers = Object.entries(recipe.layers ?? {}).map(([layer, settings]) => [
    layer,
    lossy && settings.exclude === true,
    Object.entries(settings.options ?? {}).filter(([pass]) => names.has(pass)),
  ]);
  const relevant = layers.filter(([, excluded, options]) => excluded === true || (options as unknown[]).length > 0);
  return JSON.stringify([first, relevant]);
}
