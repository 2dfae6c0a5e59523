/** Opening whatever was dropped: what is a model, what is said of everything else. */
import { onnx } from './onnx/onnx.ts';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { buildModel } from '#ir/testing/build.ts';
import { FORMATS, formatOf, openFiles } from './index.ts';

async function oneModel(): Promise<Uint8Array> {
  const { model, store } = buildModel({
    inputs: { x: { dtype: 'f32', shape: [2] } },
    outputs: ['y'],
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
  });
  const [file] = await onnx.write(model, store);
  return joinChunks(file?.chunks ?? []);
}

async function open(contents: Readonly<Record<string, Uint8Array>>): ReturnType<typeof openFiles> {
  return openFiles(new Map(Object.entries(contents).map(([path, bytes]) => [path, memorySource(path, bytes)])));
}

describe('openFiles', () => {
  it('finds the model by name among other files, and by content when it has another name', async () => {
    const bytes = await oneModel();
    const folder = await open({ 'net/model.onnx': bytes, 'net/labels.txt': Uint8Array.of(65), '.DS_Store': bytes });
    expect([folder.model.name, [...folder.files.keys()]]).toEqual(['model', ['net/model.onnx']]);
    expect(folder.notices.map((notice) => notice.text)).toEqual([
      '2 files do not belong to the model and were left aside: net/labels.txt, .DS_Store.',
    ]);
    expect((await open({ 'model.bin': bytes })).model.graph.nodes.length).toBe(1);
  });

  it('unpacks a zip, and only what is read of it', async () => {
    const bytes = await oneModel();
    const broken = zipSync({
      'a/model.onnx': [bytes, { level: 9 }],
      'a/video.bin': [bytes, { level: 9 }],
      'b/c.txt': bytes,
    });
    const { model, files } = await open({ 'model.zip': broken });
    expect([model.graph.nodes.length, [...files.keys()]]).toEqual([1, ['a/model.onnx']]);
  });

  it('knows its formats by id', () => {
    for (const format of FORMATS) expect(formatOf(format.id)).toBe(format);
    expect(() => formatOf('gguf')).toThrow(/no format "gguf".*onnx/);
  });
});

describeWithTestdata('real files that are no models by themselves', () => {
  it.each([
    ['models/human_tfjs/blazeface.json', /weights lie in "blazeface\.bin".*together/],
    ['models/coreml_reference/TinyDrawingEmbedding.mlmodel', /a Core ML model/],
    ['models/basic_pitch/nmp/saved_model.pb', /variables\.index.*whole folder/],
    ['models/cct_transformer_opset20/inputs.npz', /NumPy arrays/],
    ['data/kws01/labels.npy', /a NumPy array/],
    ['data/kws01/classes.txt', /a text file, not a model/],
    ['MANIFEST.csv', /a text file, not a model/],
  ])('%s is named', async (path, sentence) => {
    const name = basename(path);
    const failure: unknown = await open({ [name]: readFileSync(testdata(path)) }).catch((error: unknown) => error);
    expect(String(failure)).toMatch(sentence);
    expect(String(failure)).toContain(name);
  });
});
