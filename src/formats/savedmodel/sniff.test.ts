import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { sniffOnnx } from '#formats/onnx/record/sniff.ts';
import { kindOfHead } from './sniff.ts';

const FIXTURES = new URL('../../../fixtures/', import.meta.url).pathname;
const saved = unzipSync(readFileSync(`${FIXTURES}formats/savedmodel/keras2-lstm.zip`));
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe('a TensorFlow file', () => {
  it.each([
    ['saved_model.pb', saved['saved_model.pb'], 'saved-model'],
    ['renamed.bin', saved['saved_model.pb'], 'saved-model'],
    ['graph.pb', readFileSync(`${FIXTURES}formats/savedmodel/frozen-v1.pb`), 'graph'],
    ['saved_model.pbtxt', text('saved_model_schema_version: 1\nmeta_graphs {'), 'text'],
    ['graph.pb', text('node {\n  name: "x"'), 'text'],
    ['keras_metadata.pb', saved['keras_metadata.pb'], undefined],
    ['fingerprint.pb', saved['fingerprint.pb'], undefined],
    ['variables.index', saved['variables/variables.index'], undefined],
    ['notes.txt', text('Notes on the model'), undefined],
    ['empty.pb', new Uint8Array(0), undefined],
  ])('%s is told by its first bytes', (name, bytes = new Uint8Array(0), kind) => {
    const head = bytes.subarray(0, 4096);
    expect(kindOfHead(head, name)).toBe(kind);
    expect(sniffOnnx(head)).toBe(false);
  });
});
