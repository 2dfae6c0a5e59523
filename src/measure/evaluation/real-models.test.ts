/** Accuracy of public models on labelled data, against what was measured when the data was collected. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime, Session } from '#runtimes/runtime.ts';
import { readFileSync } from 'node:fs';
import { evaluateModels } from './evaluate.ts';
import { digitSamples, keywordNames, keywordSamples } from './testing/real-samples.ts';

describeWithTestdata('evaluation of real models', () => {
  let node: Runtime;
  let web: Runtime;
  const sessions: Session[] = [];
  beforeAll(async () => {
    node = await openOnnxruntimeNode();
    web = await openOnnxruntimeWeb();
  });
  afterAll(async () => {
    for (const session of sessions) await session.close();
  });

  async function load(runtime: Runtime, path: string): Promise<Session> {
    const session = await runtime.load({ name: path, model: new Uint8Array(readFileSync(testdata(path))) });
    sessions.push(session);
    return session;
  }

  it('keyword spotting: 91.5 % of 1000, the same in both runtimes', async () => {
    const path = 'models/mlperf_tiny_kws/kws_from_savedmodel.onnx';
    const before = await load(node, path);
    const after = await load(web, path);
    const samples = keywordSamples(before.inputs[0]?.name ?? '');
    const classNames = keywordNames();
    const evaluation = await evaluateModels({ before, after, samples, classNames, runtime: node.description });
    const { classification } = evaluation.before;
    expect(classification?.top1).toMatchObject({ hits: 915, of: 1000 });
    expect(evaluation.after?.classification?.top1.hits).toBe(915);
    expect(evaluation.paired).toMatchObject({ bothRight: 915, bothWrong: 85, pValue: 1, differencePoints: 0 });
    expect(evaluation.agreement[0]?.top1).toMatchObject({ hits: 1000, of: 1000 });
    expect(evaluation.agreement[0]?.klNats).toBeLessThan(1e-6);
    expect(classification?.rows.map((row) => row.name)).toEqual(classNames);
    expect(classification?.rows.reduce((sum, row) => sum + row.samples, 0)).toBe(1000);
    expect(evaluation.notices).toEqual([]);
  });

  it('digits: 98.4 % of 2000', async () => {
    const before = await load(node, 'models/mnist/mnist.onnx');
    const samples = digitSamples(before.inputs[0]?.name ?? '');
    const { before: figures } = await evaluateModels({ before, after: null, samples, runtime: node.description });
    expect(100 * (figures.classification?.top1.share ?? 0)).toBeCloseTo(98.4, 1);
    expect(figures.classification?.top5?.share).toBeGreaterThan(0.999);
  });
});
