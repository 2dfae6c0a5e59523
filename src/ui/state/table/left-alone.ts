/** Which layers a recipe leaves alone, and why: grouped by reason, what weighs most first. */
import type { LayerResult } from '#studio/jobs.ts';

/** Layers that a clean-up step took out of the graph are neither changed nor left: there is nothing to optimize in them. */
const REMOVED = 'removed';

export interface Reason {
  readonly code: string;
  readonly layers: readonly LayerResult[];
  readonly bytes: number;
}

export function leftAlone(layers: readonly LayerResult[]): readonly LayerResult[] {
  return layers.filter(
    (layer) => layer.skipped !== undefined && layer.skippedCode !== REMOVED && layer.bytesBefore > 0,
  );
}

/** Counted once per preview, however many panes ask. */
const COUNTS = new WeakMap<readonly LayerResult[], number>();

export function countLeft(layers: readonly LayerResult[] | undefined): number {
  if (layers === undefined) return 0;
  const count = COUNTS.get(layers) ?? leftAlone(layers).length;
  COUNTS.set(layers, count);
  return count;
}

export function reasonsOf(layers: readonly LayerResult[]): readonly Reason[] {
  const groups = new Map<string, LayerResult[]>();
  for (const layer of layers) {
    if (layer.skipped === undefined) continue;
    const code = layer.skippedCode ?? 'left alone';
    const group = groups.get(code);
    if (group === undefined) groups.set(code, [layer]);
    else group.push(layer);
  }
  return [...groups]
    .map(([code, some]) => ({
      code,
      layers: some.toSorted((a, b) => b.bytesBefore - a.bytesBefore),
      bytes: some.reduce((sum, layer) => sum + layer.bytesBefore, 0),
    }))
    .toSorted((a, b) => Number(a.code === REMOVED) - Number(b.code === REMOVED) || b.bytes - a.bytes);
}
