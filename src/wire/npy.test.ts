import type { NdArray } from '#base/nd-array.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { readNpy, readNpz, writeNpy, writeNpz } from './npy.ts';

/** A file by hand; `description` is the text between quotes, or a whole Python list. */
function npy(description: string, fortran: boolean, shape: string, body: Uint8Array): Uint8Array {
  const descr = description.startsWith('[') ? description : `'${description}'`;
  const header = `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;
  const head = Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length, 0]);
  return Uint8Array.from([...head, ...new TextEncoder().encode(header), ...body]);
}

const ARRAYS: readonly NdArray[] = [
  { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, -2.5, Number.NaN, 4) },
  { dtype: 'f64', shape: [1], data: Float64Array.of(Math.PI) },
  { dtype: 'f16', shape: [2], data: Uint16Array.of(0x3c00, 0x7bff) },
  { dtype: 'i64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  { dtype: 'u64', shape: [], data: BigUint64Array.of(2n ** 63n) },
  { dtype: 'i32', shape: [0, 3], data: new Int32Array(0) },
  { dtype: 'u32', shape: [1], data: Uint32Array.of(4e9) },
  { dtype: 'i16', shape: [2], data: Int16Array.of(-3, 3) },
  { dtype: 'u16', shape: [1], data: Uint16Array.of(65535) },
  { dtype: 'i8', shape: [3], data: Int8Array.of(-128, 0, 127) },
  { dtype: 'u8', shape: [1, 1, 2], data: Uint8Array.of(0, 255) },
  { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
  { dtype: 'string', shape: [2], data: ['grün', 'π'] },
];

describe('npy', () => {
  it.each(ARRAYS)('keeps $dtype of shape $shape', (array) => {
    const bytes = writeNpy(array);
    expect((bytes.byteLength - (ArrayBuffer.isView(array.data) ? array.data.byteLength : 32)) % 64).toBe(0);
    expect(readNpy('a.npy', bytes)).toEqual(array);
  });

  it('turns Fortran order into row-major order', () => {
    const array = readNpy('a.npy', npy('|i1', true, '(2, 3)', Uint8Array.of(1, 4, 2, 5, 3, 6)));
    expect([...(array.data as Int8Array)]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('turns big-endian numbers around', () => {
    const array = readNpy('a.npy', npy('>i4', false, '(1,)', Uint8Array.of(0, 0, 1, 2)));
    expect(array).toEqual({ dtype: 'i32', shape: [1], data: Int32Array.of(258) });
  });

  it.each([
    ['objects', npy('|O', false, '(1,)', new Uint8Array(8))],
    ['records', npy("[('a', '<f4')]", false, '(1,)', new Uint8Array(8))],
    ['missing data', npy('<f4', false, '(3,)', new Uint8Array(8))],
    ['a negative size', npy('<f4', false, '(-3,)', new Uint8Array(8))],
    ['an overflowing shape', npy('<f4', false, '(99999999999, 99999999999)', new Uint8Array(8))],
    ['nothing', new Uint8Array(0)],
  ])('refuses %s in a sentence', (_, bytes) => {
    expect(() => readNpy('a.npy', bytes)).toThrow(PareError);
    expect(() => readNpy('a.npy', bytes)).toThrow(/^a\.npy: .*\./);
  });

  it('opens or refuses damaged files, and never anything else', () => {
    const bytes = writeNpy(ARRAYS[0] ?? { dtype: 'f32', shape: [], data: [] });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, end) => {
        const damaged = bytes.slice(0, end);
        if (at < end) damaged[at] = value;
        try {
          readNpy('a.npy', damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(PareError);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('npz', () => {
  it('keeps arrays by name', async () => {
    const arrays = new Map(ARRAYS.map((array) => [`x/${array.dtype}`, array]));
    const zip = await writeNpz('a.npz', arrays);
    expect(await readNpz(memorySource('a.npz', await joinChunks(zip.chunks)))).toEqual(arrays);
  });
});

describeWithTestdata('npz from numpy', () => {
  it('reads inputs and outputs of a published golden pair', async () => {
    const bytes = readFileSync(testdata('models/cct_transformer_opset20/inputs.npz'));
    const arrays = await readNpz(memorySource('inputs.npz', bytes));
    expect([...arrays.values()].map(({ dtype, shape }) => ({ dtype, shape }))).toEqual([
      { dtype: 'f32', shape: [1, 3, 32, 32] },
    ]);
  });
});
