import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amend, commit, redo, startHistory, undo, type History } from './history.ts';

const walk = (values: readonly number[]) =>
  values.reduce<History<number>>((history, value) => commit(history, value), startHistory(-1));

describe('history', () => {
  it('takes back and restores every step in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { maxLength: 40 }), (values) => {
        const end = walk(values);
        let back = end;
        for (const value of values.toReversed()) {
          expect(back.present).toBe(value);
          back = undo(back);
        }
        expect(back.present).toBe(-1);
        expect(undo(back)).toBe(back);
        let again = back;
        for (const value of values) {
          again = redo(again);
          expect(again.present).toBe(value);
        }
        expect(redo(again)).toBe(again);
      }),
    );
  });

  it('forgets what was taken back once something new is done', () => {
    const history = commit(undo(walk([1, 2])), 3);
    expect(redo(history)).toBe(history);
    expect(undo(history).present).toBe(1);
  });

  it('amends within one step', () => {
    const history = amend(amend(commit(startHistory(0), 1), 2), 3);
    expect(history.present).toBe(3);
    expect(undo(history).present).toBe(0);
  });

  it('ignores a change to the same value', () => {
    const history = walk([1]);
    expect(commit(history, 1)).toBe(history);
  });
});
