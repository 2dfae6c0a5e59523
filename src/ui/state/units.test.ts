import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatChange,
  formatCount,
  formatDb,
  formatDuration,
  formatShape,
  formatShare,
  formatSmall,
} from './units.ts';

const plain = (text: string) => text.replaceAll('\u202f', ' ');

describe('units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [13_245_678, '13.2 MB'],
    [999_600, '1.00 MB'],
    [1_500_000_000, '1.50 GB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(plain(formatBytes(bytes))).toBe(text));

  it.each([
    [7, '7'],
    [9999, '9999'],
    [470_072, '470 k'],
    [25_500_000, '25.5 M'],
  ])('writes the count %d as %s', (count, text) => expect(plain(formatCount(count))).toBe(text));

  it.each([
    [null, '–'],
    [Infinity, 'exact'],
    [-Infinity, 'lost'],
    [31.256, '31.3 dB'],
    [-2, '-2.0 dB'],
  ])('writes %s dB as %s', (db, text) => expect(plain(formatDb(db))).toBe(text));

  it.each([
    [0, '0 %'],
    [0.0004, '< 0.1 %'],
    [0.034, '3.4 %'],
    [0.5, '50 %'],
  ])('writes the share %d as %s', (share, text) => expect(plain(formatShare(share))).toBe(text));

  it.each([
    [100, 26, '−74 %'],
    [100, 101.5, '+1.5 %'],
    [100, 100, '±0 %'],
    [0, 5, '–'],
  ])('writes %d to %d as %s', (before, after, text) => expect(plain(formatChange(before, after))).toBe(text));

  it('writes shapes, small errors and durations', () => {
    expect(formatShape([64, 3, 3, 3])).toBe('64×3×3×3');
    expect(formatShape(['batch', null, 10])).toBe('batch×?×10');
    expect(formatShape([])).toBe('scalar');
    expect(formatShape(null)).toBe('unknown');
    expect(formatSmall(0.000012345)).toBe('1.23e-5');
    expect(formatSmall(0.1234)).toBe('0.123');
    expect(plain(formatDuration(24.4))).toBe('24 ms');
    expect(plain(formatDuration(1540))).toBe('1.5 s');
  });
});
