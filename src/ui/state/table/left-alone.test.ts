import { describe, expect, it } from 'vitest';
import type { LayerResult } from '#studio/jobs.ts';
import { countLeft, leftAlone, reasonsOf } from './left-alone.ts';

const layer = (name: string, bytes: number, code?: string): LayerResult => ({
  layer: name,
  op: 'Conv',
  parameters: bytes / 4,
  bytesBefore: bytes,
  bytesAfter: bytes,
  bits: 32,
  error: null,
  sparsity: null,
  ...(code === undefined ? {} : { skipped: `because of ${code}`, skippedCode: code }),
});

const layers = [
  layer('small', 40, 'too-small'),
  layer('changed', 4000),
  layer('norm', 64, 'removed'),
  layer('head', 800, 'excluded'),
  layer('smaller', 60, 'too-small'),
  layer('relu', 0, 'no-weight'),
];

describe('layers left alone', () => {
  it('counts those with weights that could have been changed', () => {
    expect(leftAlone(layers).map((one) => one.layer)).toEqual(['small', 'head', 'smaller']);
    expect(countLeft(layers)).toBe(3);
    expect(countLeft(undefined)).toBe(0);
  });

  it('groups them by reason, heaviest first and what was removed last', () => {
    expect(
      reasonsOf(layers).map((reason) => [reason.code, reason.layers.map((one) => one.layer), reason.bytes]),
    ).toEqual([
      ['excluded', ['head'], 800],
      ['too-small', ['smaller', 'small'], 100],
      ['no-weight', ['relu'], 0],
      ['removed', ['norm'], 64],
    ]);
  });
});
