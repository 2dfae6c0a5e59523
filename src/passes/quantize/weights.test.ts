import { describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { openEditor } from '#ir/open-editor.ts';
import { buildModel } from '#ir/testing/build.ts';
import { runPass } from '#passes/testing/desk.ts';
import { quantizeWeights } from './weights.ts';

function convModel(shape: readonly number[] = [8, 4, 3, 3]) {
  const random = seededRandom(7);
  const data = Float32Array.from({ length: countOf(shape) }, () => random.uniform() * 2 - 1);
  return buildModel({
    inputs: { x: { dtype: 'f32', shape: [1, 4, 8, 8] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers: { w: { dtype: 'f32', shape, data } },
    nodes: [{ op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['y'] }],
  });
}

describe('quantize/weights', () => {
  it('stores int8 per channel with the scales of the narrow range', async () => {
    const { model, store } = convModel();
    const { model: after, ledger } = await runPass(quantizeWeights, model, store, { minimumElements: 0 });
    const edit = openEditor(after);
    const w = edit.value(edit.nodes()[0]!.inputs[1]!);
    expect(w).toMatchObject({ name: 'w', dtype: 'f32', constant: { dtype: 'i8', shape: [8, 4, 3, 3] } });
    expect(w.quantization).toMatchObject({ axis: 0, convention: 'int8-symmetric-narrow-127', scale: { shape: [8] } });
    expect(ledger).toHaveLength(1);
    expect(ledger[0]).toMatchObject({
      layer: 'conv',
      action: 'changed',
      outcome: { bits: 8, bytesBefore: 1152, bytesAfter: 320 },
    });
    const { squaredError, count, squaredSignal } = ledger[0]!.outcome!.error;
    expect(count).toBe(288);
    expect(10 * Math.log10(squaredSignal / squaredError)).toBeGreaterThan(40);
    expect(after.metadata.get('pare.quantize')).toContain('int8-symmetric-narrow-127');
  });

  it('leaves the model as it is in a preview and measures the same error', async () => {
    const { model, store } = convModel();
    const done = await runPass(
      quantizeWeights,
      model,
      store,
      { minimumElements: 0, bits: 4, granularity: 'channel' },
      {},
    );
    const preview = await runPass(
      quantizeWeights,
      model,
      store,
      { minimumElements: 0, bits: 4, granularity: 'channel' },
      { preview: true },
    );
    expect(preview.model).toBe(model);
    expect(preview.ledger).toEqual(done.ledger);
  });

  it.each([
    ['too-small', {}, {}],
    ['excluded', { minimumElements: 0 }, { exclude: ['conv'] }],
  ])('says %s of a layer it leaves alone', async (code, options, wishes) => {
    const { model, store } = convModel();
    const { ledger, model: after } = await runPass(quantizeWeights, model, store, options, wishes);
    expect(ledger).toMatchObject([{ layer: 'conv', action: 'left', code }]);
    expect(after).toBe(model);
  });

  it.each([
    ['not-finite', [NaN, 1, 2, 3], 'element 0'],
    ['not-finite', [1, 1, 2, -Infinity], 'element 3'],
  ])('leaves %s weights %j and names the place', async (code, data, place) => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [1, 2] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: { w: { dtype: 'f32', shape: [2, 2], data } },
      nodes: [{ op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['y'] }],
    });
    const { ledger, model: after } = await runPass(quantizeWeights, model, store, { minimumElements: 0 });
    expect(ledger).toMatchObject([{ layer: 'product', action: 'left', code }]);
    expect(ledger[0]!.text).toContain(place);
    expect([...after.graph.values.values()].some((value) => value.quantization !== undefined)).toBe(false);
  });

  it('leaves weights without elements, integers and computed operands, each with its reason', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [1, 2] }, z: { dtype: 'f32', shape: [2, 2] } },
      outputs: { a: { dtype: 'f32', shape: null }, b: { dtype: 'f32', shape: null }, c: { dtype: 'i32', shape: null } },
      initializers: {
        none: { dtype: 'f32', shape: [2, 0], data: [] },
        ints: { dtype: 'u8', shape: [2, 2], data: [1, 2, 3, 4] },
        left: { dtype: 'u8', shape: [1, 2], data: [1, 2] },
      },
      nodes: [
        { op: 'MatMul', name: 'empty', inputs: ['x', 'none'], outputs: ['a'] },
        { op: 'MatMul', name: 'activations', inputs: ['x', 'z'], outputs: ['b'] },
        { op: 'MatMulInteger', name: 'integers', inputs: ['left', 'ints'], outputs: ['c'] },
      ],
    });
    const { ledger } = await runPass(quantizeWeights, model, store, { minimumElements: 0 });
    const codes = new Map(ledger.map((line) => [line.layer, line.code]));
    expect(Object.fromEntries(codes)).toEqual({ empty: 'empty', activations: 'not-constant', integers: 'not-float' });
    expect(ledger.every((line) => line.action === 'left' && line.text.length > 20)).toBe(true);
  });

  it('gives one layer its own options', async () => {
    const { model, store } = convModel([8, 16, 3, 3]);
    const { ledger } = await runPass(
      quantizeWeights,
      model,
      store,
      { bits: 8 },
      { layerOptions: { conv: { bits: 4 } } },
    );
    expect(ledger[0]!.outcome!.bits).toBe(4);
  });

  it.each([
    ['nbits-does-not-apply', [8, 32, 3, 3], { form: 'nbits', granularity: 'block', bits: 4 }],
    ['nbits-does-not-apply', [8, 32, 3, 3], { form: 'nbits', granularity: 'channel', bits: 4 }],
    ['block-too-long', [8, 4, 9, 9], { granularity: 'block', bits: 4 }],
  ] as const)('says %s when it does something else than asked', async (code, shape, options) => {
    const { model, store } = convModel(shape);
    const { ledger } = await runPass(quantizeWeights, model, store, options);
    expect(ledger).toMatchObject([{ action: 'changed', code }]);
  });
});
