import { describe, expect, it } from 'vitest';
import { buildModel } from '#ir/testing/build.ts';
import { QuantizedSketch } from '#ir/testing/quantized.ts';
import { openEditor } from '#ir/open-editor.ts';
import { runPass } from '#passes/testing/desk.ts';
import { convertQOperator } from './qoperator.ts';

function sigmoid() {
  const net = new QuantizedSketch();
  return buildModel(net.build([net.op('Sigmoid', [net.input('x', [4])])]));
}

describe('convert/qoperator', () => {
  it('asks for integer operators on every rounded activation and leaves everything else', async () => {
    const { model, store } = sigmoid();
    const edit = openEditor(model);
    const scale = store.put('f32', [], new Uint8Array(Float32Array.of(0.05).buffer));
    for (const id of [...edit.graph.inputs, ...edit.graph.outputs]) {
      edit.setQuantization(id, { scale, levels: 'u8' });
    }
    const given = edit.finish();
    const { model: after, ledger } = await runPass(convertQOperator, given, store);
    const forms = [...after.graph.values.values()].map(({ quantization }) => quantization);
    expect(forms).toEqual(Array.from({ length: 2 }, () => ({ scale, levels: 'u8', form: 'qoperator' })));
    expect(after.graph.nodes).toEqual(given.graph.nodes);
    expect(ledger).toMatchObject([{ layer: 'Sigmoid', action: 'changed', code: 'qoperator' }]);
  });

  it('says what is missing where nothing is rounded, and that nodes of the file stay', async () => {
    const { model, store } = sigmoid();
    const plain = await runPass(convertQOperator, model, store);
    expect(plain.model).toBe(model);
    expect(plain.ledger).toMatchObject([{ layer: '', action: 'left', code: 'nothing-rounded' }]);
    expect(plain.ledger[0]!.text).toContain('quantize/static');
    const net = new QuantizedSketch();
    const spelled = buildModel(net.build([net.qdq(net.input('x', [4]))]));
    const kept = await runPass(convertQOperator, spelled.model, spelled.store);
    expect(kept.ledger[0]!.text).toContain('came with the file');
  });
});
