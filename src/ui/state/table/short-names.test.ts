import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipMiddle, shortNames } from './short-names.ts';

describe('short names', () => {
  it('drops the path that all names share, at both ends', () => {
    const names = ['Net/a/conv/Conv2D', 'Net/b/conv/Conv2D', 'Net/b/pool/Conv2D'];
    expect([...shortNames(names).values()]).toEqual(['a/conv', 'b/conv', 'b/pool']);
  });

  it('keeps a lone name and names that would become equal', () => {
    expect(shortNames(['a/b']).get('a/b')).toBe('b');
    expect([...shortNames(['x/a.b', 'x/a/b']).values()]).toEqual(['x/a.b', 'x/a/b']);
    expect(shortNames([]).size).toBe(0);
  });

  it('never gives two layers the same name', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), (names) => {
        expect(new Set(shortNames(names).values()).size).toBe(names.length);
      }),
    );
  });

  it('drops the path that most share, and leaves the few others whole', () => {
    const names = ['Call/net/a/Conv', 'Call/net/b/Conv', 'Call/net/c/Relu', 'Call/net/d/Conv', 'in_transposed'];
    expect([...shortNames(names).values()]).toEqual(['a/Conv', 'b/Conv', 'c/Relu', 'd/Conv', 'in_transposed']);
  });

  it('goes by the first of the names that TFLite joins', () => {
    const names = ['net/a/Relu;net/a/bn;net/a/Conv', 'net/b/Relu;net/b/Conv', 'net/c/Relu;x', 'net/c/Relu;y'];
    expect([...shortNames(names).values()]).toEqual(['a', 'b', 'net/c/Relu;x', 'net/c/Relu;y']);
  });

  it('clips the middle', () => {
    expect(clipMiddle('short', 8)).toBe('short');
    expect(clipMiddle('abcdefghijkl', 7)).toBe('abc…jkl');
  });
});
