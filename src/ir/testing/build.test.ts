import { describe, expect, it } from 'vitest';
import { verifyModel } from '#ir/verify.ts';
import { NUMBER_DTYPES, buildModel, packElements } from './build.ts';

describe('buildModel', () => {
  it('makes a well-formed model with a subgraph that reads an outer value', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: ['batch', 2] }, c: { dtype: 'bool', shape: [] } },
      outputs: { y: { dtype: 'f32', shape: ['batch', 2] } },
      initializers: { w: { dtype: 'f32', shape: [2], data: [1, 2.5] } },
      nodes: [
        { op: 'Add', inputs: ['x', 'w'], outputs: ['a'] },
        {
          op: 'If',
          inputs: ['c'],
          outputs: ['y'],
          attrs: {
            then_branch: {
              graph: { outputs: ['t'], nodes: [{ op: 'Relu', inputs: ['a'], outputs: ['t'] }] },
            },
            else_branch: {
              graph: { outputs: ['e'], nodes: [{ op: 'Neg', inputs: ['a'], outputs: ['e'] }] },
            },
          },
        },
      ],
    });
    expect(verifyModel(model)).toEqual([]);
    const weight = [...model.graph.values.values()].find((value) => value.name === 'w')?.constant;
    expect(weight && [...new Float32Array((await store.read(weight)).slice().buffer)]).toEqual([1, 2.5]);
  });

  it.each(NUMBER_DTYPES)('packs %s', (dtype) => {
    expect(packElements(dtype, [3], [1, 0, 1]).byteLength).toBeGreaterThan(0);
  });

  it('packs sub-byte elements low bits first', () => {
    expect([...packElements('i4', [3], [1, -1, 7])]).toEqual([0xf1, 0x07]);
    expect([...packElements('u2', [5], [1, 2, 3, 0, 2])]).toEqual([0b00111001, 0b10]);
  });
});
