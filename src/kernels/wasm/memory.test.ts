import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from './memory.ts';

test('allocations never overlap, and everything given back can be had again in one piece', () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 3_000_000 }), release: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const arena = new Arena(100_000);
      const live: { start: number; end: number }[] = [];
      for (const { bytes, release } of steps) {
        const start = arena.allocate(bytes);
        expect(start % 64).toBe(0);
        expect(start).toBeGreaterThanOrEqual(100_000);
        for (const other of live) expect(start >= other.end || start + bytes <= other.start).toBe(true);
        expect(start + bytes).toBeLessThanOrEqual(arena.memory.buffer.byteLength);
        live.push({ start, end: start + bytes });
        if (release % 2 === 0) arena.release(live.splice(release % live.length, 1)[0]!.start);
      }
      for (const { start } of live) arena.release(start);
      const before = arena.memory.buffer.byteLength;
      if (before > 200_000) arena.allocate(before - 100_064);
      expect(arena.memory.buffer.byteLength).toBe(before);
    }),
    { numRuns: 50 },
  );
});

test('views stay valid when the memory grows', () => {
  const arena = new Arena(0);
  const view = new Float32Array(arena.memory.buffer, arena.allocate(16), 4).fill(7);
  arena.allocate(64 * 2 ** 20);
  expect(arena.addressOf(view)).toBe(view.byteOffset);
  expect([...arena.f32.subarray(view.byteOffset / 4, view.byteOffset / 4 + 4)]).toEqual([7, 7, 7, 7]);
});

test('memory that cannot be had is refused in a sentence', () => {
  const arena = new Arena(0);
  expect(() => arena.allocate(2 ** 33)).toThrow(/cannot grow by 8192 MiB.*Close models/s);
});
