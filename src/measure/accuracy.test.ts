import { describe, expect, it } from 'vitest';
import type { Session } from '#runtimes/runtime.ts';
import { top1Accuracy, wilsonInterval } from './accuracy.ts';

describe('wilsonInterval', () => {
  // For none or all out of n the formula is z^2 / (n + z^2); the other two were worked out by hand from it.
  it.each([
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [50, 100, 0.4038, 0.5962],
    [1968, 2000, 0.9775, 0.9886],
  ])('of %i out of %i', (correct, count, low, high) => {
    const interval = wilsonInterval(correct, count);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });
});

describe('top1Accuracy', () => {
  it('counts examples whose largest score is the label', async () => {
    const session: Session = {
      inputs: [{ name: 'x', dtype: 'f32', shape: [3] }],
      outputs: [{ name: 'scores', dtype: 'f32', shape: [3] }],
      run: async (feeds) =>
        new Map([['scores', feeds.get('x') ?? { dtype: 'f32', shape: [0], data: new Float32Array() }]]),
      close: async () => {},
    };
    const example = (values: number[], label: number) => ({
      feeds: new Map([['x', { dtype: 'f32' as const, shape: [3], data: new Float32Array(values) }]]),
      label,
    });
    const accuracy = await top1Accuracy(session, [example([0, 1, 0], 1), example([2, 1, 0], 1)]);
    expect(accuracy).toMatchObject({ correct: 1, count: 2, share: 0.5 });
  });
});
