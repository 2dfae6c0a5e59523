import { describe, expect, it } from 'vitest';
import type { Session } from '#runtimes/runtime.ts';
import { top1Accuracy } from './accuracy.ts';

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
