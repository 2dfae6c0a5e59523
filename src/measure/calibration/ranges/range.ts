/** Where a grid begins and ends, in real units. */
export interface Range {
  readonly low: number;
  readonly high: number;
}
