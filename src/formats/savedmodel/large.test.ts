/** Opening a SavedModel reads its structure only, however large it is. */
import { describe, expect, it } from 'vitest';
import { isRange } from '#base/bytes.ts';
import { openFiles } from '#formats/index.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { expectOutputs } from '#formats/testing/expected.ts';
import { makeDenseModel } from './testing/make-saved-model.ts';

describe('a SavedModel with 100 MB of weights', () => {
  it('is opened without reading any, and written by passing them through', async () => {
    const { files, bytesRead } = await makeDenseModel(1024, 25);
    const opened = await openFiles(files);
    const constants = [...opened.model.graph.values.values()].flatMap(({ constant }) => constant ?? []);
    const weightBytes = constants.reduce((sum, tensor) => sum + opened.store.sizeBytes(tensor), 0);
    expect(weightBytes).toBeGreaterThanOrEqual(100 * 1024 * 1024);
    expect(bytesRead()).toBe(0);
    expect(opened.model.name).toBe('dense');
    const [written] = await onnx.write(opened.model, opened.store);
    // Even as a file its weights are still ranges: nothing was read to compose it.
    expect(written?.chunks.filter(isRange)).toHaveLength(25);
    expect(bytesRead()).toBe(0);
  });

  it('computes with the weights it links', async () => {
    const { files } = await makeDenseModel(64, 3);
    const opened = await openFiles(files);
    const ones = Buffer.from(new Float32Array(64).fill(1).buffer).toString('base64');
    const array = { dtype: 'f32', shape: [1, 64], data: ones } as const;
    await expectOutputs(opened.model, opened.store, { inputs: { x: array }, outputs: { y: array } }, 1e-6);
  });

  it('whose weights are damaged is refused when they are read, by the name of the tensor', async () => {
    const { files } = await makeDenseModel(80, 2, 1);
    const opened = await openFiles(files);
    const [constant] = [...opened.model.graph.values.values()].flatMap((value) => value.constant ?? []);
    if (constant === undefined) throw new Error('no weight');
    await expect(opened.store.read(constant)).rejects.toThrow(
      /variables.index, tensor layer_000\/kernel: The checksum of its bytes is wrong/,
    );
  });

  it('is refused when its file of weights is cut short or missing', async () => {
    const { files } = await makeDenseModel(64, 3);
    const name = 'dense/variables/variables.data-00000-of-00001';
    const data = files.get(name);
    if (data === undefined) throw new Error('no data');
    const cut = new Map(files).set(name, { ...data, sizeBytes: data.sizeBytes - 1 });
    await expect(openFiles(cut)).rejects.toThrow(/should lie at bytes 32768 to 49152 .* which has only 49151/);
    const missing = new Map(files);
    missing.delete(name);
    await expect(openFiles(missing)).rejects.toThrow(
      /Its weights lie in "variables.data-00000-of-00001", which is not there/,
    );
  });
});
