/** Inferred types and shapes of real models are held against what onnxruntime makes of every single value. */
import { expect, it } from 'vitest';
import { describeWithTestdata, testModels, testdataRoot } from '#base/testing/testdata.ts';
import { bindSizes } from '#ops/bind-sizes.ts';
import { checkShapes } from '#ops/infer.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { idLimits } from './id-limits.ts';
import { randomFeeds } from './random-inputs.ts';
import { openOnnxFile, valuesByName, withAllOutputs } from './testing/open-fixture.ts';
import { runnable } from './testing/run-model.ts';

/** Sizes for open axes: distinct, so that two that are mixed up show. */
const SIZES = new Map([
  ['batch', 1],
  ['batch_size', 2],
  ['seq_len', 3],
  ['past_seq_len', 4],
  ['total_seq_len', 7],
]);

describeWithTestdata('inferred shapes of every value agree with onnxruntime', () => {
  const models = testModels('.onnx');
  it.each(models)('%s', async (path) => {
    const opened = await openOnnxFile(`${testdataRoot}/models/${path}`);
    const { store } = opened;
    const bound = bindSizes(opened.model, SIZES, path.includes('silero') ? undefined : 1);
    const { model, notices } = await checkShapes(bound, store);
    expect(notices).toEqual([]);
    const runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
    const session = await runtime.load(await runnable(withAllOutputs(model), store));
    const dims = new Map([['input:1', 576], ['input:0', 1], ['state:1', 1], ...SIZES]);
    const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: 3, dims, limits: idLimits(opened.model) });
    const results = await session.run(feeds[0]!);
    await session.close();
    const values = valuesByName(model);
    // Outputs keep the names that the file declares for their sizes.
    const declared = new Set(model.graph.outputs.map((id) => model.graph.values.get(id)?.name));
    const open: unknown[] = [];
    for (const [name, actual] of results) {
      const { shape, dtype } = values.get(name)!;
      expect({ name, dtype }).toEqual({ name, dtype: actual.dtype });
      const isOpen = shape === null || shape.some((size) => typeof size !== 'number');
      if (isOpen && !declared.has(name)) open.push([name, shape]);
      const known = shape?.map((size, axis) => (typeof size === 'number' ? size : actual.shape[axis]));
      if (known !== undefined) expect({ name, shape: known }).toEqual({ name, shape: actual.shape });
    }
    if (!path.includes('silero')) expect(open).toEqual([]);
  });
});
