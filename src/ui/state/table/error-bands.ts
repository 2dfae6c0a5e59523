/** Bands that colour a layer's SQNR. They help the eye; they are no verdict on the model's accuracy. */

export type ErrorBand = 'low' | 'middle' | 'high';

export const LOW_BELOW_DB = 10;
export const MIDDLE_BELOW_DB = 20;

/** An inline bar is full here: int8 weights lie around 40 dB. */
export const FULL_BAR_DB = 60;

export function bandOf(sqnrDb: number): ErrorBand {
  return sqnrDb < LOW_BELOW_DB ? 'low' : sqnrDb < MIDDLE_BELOW_DB ? 'middle' : 'high';
}
