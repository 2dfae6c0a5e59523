import { describe, expect, it } from 'vitest';
import type { Classification } from '#studio/jobs.ts';
import { involvedClasses } from './confusion.ts';

describe('confusion matrix', () => {
  it('shows the classes that are labels or predictions, in their order', () => {
    const classification = {
      rows: ['a', 'b', 'c', 'd'].map((name, index) => ({ index, name })),
      confusion: [
        [3, 0, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 2, 0],
      ],
    } as unknown as Classification;
    expect(involvedClasses(classification)).toEqual({
      names: ['a', 'c', 'd'],
      counts: [
        [3, 1, 0],
        [0, 0, 0],
        [0, 2, 0],
      ],
    });
  });
});
