/**
 * Random numbers that are the same on every machine for the same seed: xoshiro128** (Blackman and Vigna 2018), seeded through
 * splitmix32. Integers and uniform numbers are exact; normal ones go through Math.log and Math.cos, which every V8 computes alike.
 */

export interface Random {
  /** 32 random bits, 0 to 2^32 - 1. */
  bits(): number;
  /** Uniform in [0, 1), on a grid of 2^-32. */
  uniform(): number;
  /** Uniform integer in [0, limit); limit from 1 to 2^32. */
  below(limit: number): number;
  /** Standard normal, by the Box-Muller transform. */
  normal(): number;
}

/** A generator for one seed. Only the low 53 bits of the seed's integer part count. */
export function seededRandom(seed: number): Random {
  const integer = Math.abs(Math.trunc(seed));
  let mix = (integer ^ Math.trunc(integer / 2 ** 32) ^ (seed < 0 ? 0x5bd1e995 : 0)) | 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  let spare: number | undefined;

  const bits = (): number => {
    const turned = Math.imul(b, 5);
    const result = Math.imul((turned << 7) | (turned >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  const uniform = (): number => bits() / 2 ** 32;

  return {
    bits,
    uniform,
    below(limit) {
      // Values from the last, incomplete run of `limit` would make small results likelier, so they are drawn again.
      const fair = 2 ** 32 - (2 ** 32 % limit);
      for (;;) {
        const drawn = bits();
        if (drawn < fair) return drawn % limit;
      }
    },
    normal() {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      // 1 - u lies in (0, 1], so the logarithm is finite.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}
