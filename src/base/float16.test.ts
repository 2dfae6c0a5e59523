import { describe, expect, test } from 'vitest';
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './float16.ts';

describe('binary16', () => {
  test('all 65,536 patterns survive decode and encode', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = decodeFloat16(bits);
      if (Number.isNaN(value)) expect(encodeFloat16(value) & 0x7c00).toBe(0x7c00);
      else expect(encodeFloat16(value)).toBe(bits);
    }
  });

  test.each([
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -24, 2],
    [2.5 * 2 ** -24, 2],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
  ])('%f rounds to nearest, ties to even', (value, bits) => {
    expect(encodeFloat16(value)).toBe(bits);
  });
});

describe('bfloat16', () => {
  test('all 65,536 patterns survive decode and encode', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = decodeBfloat16(bits);
      if (!Number.isNaN(value)) expect(encodeBfloat16(value)).toBe(bits);
    }
  });

  test.each([
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [3.4028234663852886e38, 0x7f80],
  ])('%f rounds to nearest, ties to even', (value, bits) => {
    expect(encodeBfloat16(value)).toBe(bits);
  });
});
