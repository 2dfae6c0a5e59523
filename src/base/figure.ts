/** A number that is shown to people: it always has a unit and says how it was come by. */

export interface Figure {
  readonly value: number;
  /** `dB`, `bytes`, `ms`, `%`, `1` for a pure number. */
  readonly unit: string;
  /** Counted from the file, measured by running or computing, or estimated. */
  readonly how: 'counted' | 'measured' | 'estimated';
  /** The method in a few words, such as `weights against float, whole tensor`. */
  readonly method: string;
  /** Number of runs behind it, and their spread in the same unit, where it was repeated. */
  readonly runs?: number;
  readonly spread?: number;
}
