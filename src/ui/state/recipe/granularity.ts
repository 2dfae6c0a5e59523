/** Granularity as one scale from coarse to fine: whole tensor, each channel, then ever smaller blocks. */

export interface GranularityStop {
  /** Value of the `granularity` option. */
  readonly granularity: string;
  /** Elements that share a scale; null where the stop is not a block. */
  readonly block: number | null;
  readonly label: string;
  readonly short: string;
}

const COARSE_TO_FINE = ['tensor', 'channel', 'block'];

/** The stops that a pass offers, coarsest first. Values we do not know come last, in the schema's order. */
export function granularityStops(values: readonly string[], blocks: readonly number[]): readonly GranularityStop[] {
  const rank = (value: string) => {
    const at = COARSE_TO_FINE.indexOf(value);
    return at < 0 ? COARSE_TO_FINE.length : at;
  };
  return values
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap((granularity): readonly GranularityStop[] =>
      granularity === 'block' && blocks.length > 0
        ? blocks
            .toSorted((a, b) => b - a)
            .map((block) => ({ granularity, block, label: `Block of ${block}`, short: String(block) }))
        : [{ granularity, block: null, label: labelOf(granularity), short: labelOf(granularity) }],
    );
}

/** Place of the current options on the scale; a block size between two stops counts as the nearest. */
export function stopIndex(stops: readonly GranularityStop[], granularity: unknown, block: unknown): number {
  const same = stops.flatMap((stop, index) => (stop.granularity === granularity ? [{ stop, index }] : []));
  const size = typeof block === 'number' ? block : 32;
  const nearest = same.toSorted((a, b) => distance(a.stop.block, size) - distance(b.stop.block, size))[0];
  return nearest?.index ?? 0;
}

/** The options a stop stands for. */
export function optionsAt(stop: GranularityStop, blockKey: string | null): Record<string, unknown> {
  return stop.block === null || blockKey === null
    ? { granularity: stop.granularity }
    : { granularity: stop.granularity, [blockKey]: stop.block };
}

function distance(block: number | null, size: number): number {
  return block === null ? 0 : Math.abs(Math.log2(block / size));
}

function labelOf(granularity: string): string {
  return granularity.charAt(0).toUpperCase() + granularity.slice(1);
}
