/** Simplified models give the same outputs in onnxruntime, what could be folded is gone, and no file grew. */
import { beforeAll, expect, it } from 'vitest';
import { describeWithTestdata, testModels, testdataRoot } from '#base/testing/testdata.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import type { Model } from '#ir/model.ts';
import { nodesOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { anyOptions } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import { joinDuplicateConstants } from '#passes/simplify/duplicate-constants.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { removeIdentity } from '#passes/simplify/identity.ts';
import { removeUnused } from '#passes/simplify/unused.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openOnnxFile } from './testing/open-fixture.ts';
import { largestDifference } from './testing/largest-difference.ts';

const PASSES: readonly Pass[] = [foldConstants, removeIdentity, joinDuplicateConstants, removeUnused].map((pass) =>
  anyOptions(pass as Pass),
);

/** Folding computes float32 functions in double: the last place may differ, and sums carry it on. 1e-5 of the largest value. */
const TOLERANCE = 1e-5;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

async function simplified(model: Model, store: WeightStore): Promise<Model> {
  let result = model;
  for (const pass of PASSES) result = (await runPass(pass, result, store)).model;
  return result;
}

async function fileBytes(model: Model, store: WeightStore): Promise<number> {
  return (await writeOnnx(model, store)).reduce((sum, file) => sum + file.sizeBytes, 0);
}

function count(model: Model): number {
  return [...nodesOf(model.graph)].length;
}

describeWithTestdata('simplified real models give the same outputs', () => {
  const models = testModels('.onnx').filter((path) => !path.includes('densenet') && !path.includes('inception'));
  it.each(models)('%s', async (path) => {
    const { model, store } = await openOnnxFile(`${testdataRoot}/models/${path}`);
    const after = await simplified(model, store);
    expect(count(after)).toBeLessThanOrEqual(count(model));
    expect([...nodesOf(after.graph)].filter(({ node }) => node.op === 'Constant')).toEqual([]);
    const name = (one: Model, id: Model['graph']['inputs'][number]): string | undefined =>
      one.graph.values.get(id)?.name;
    expect(after.graph.outputs.map((id) => name(after, id))).toEqual(model.graph.outputs.map((id) => name(model, id)));
    expect(await fileBytes(after, store)).toBeLessThanOrEqual(await fileBytes(model, store));
    expect(await largestDifference(runtime, model, after, store)).toBeLessThanOrEqual(TOLERANCE);
  });
});
