/** What the integer lint says of quantized real models is what onnxruntime-node makes of them when it loads them. */
import { OPEN_SIZES } from '#measure/testing/open-sizes.ts';
import { expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { spellQuantization } from '#formats/onnx/quantization.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import type { Graph, Model } from '#ir/model.ts';
import { subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { inferShapes } from '#ops/infer.ts';
import { convertQOperator } from '#passes/convert/qoperator.ts';
import { anyOptions } from '#passes/index.ts';
import type { Evidence, Pass } from '#passes/pass.ts';
import { quantizeDynamic } from '#passes/quantize/dynamic.ts';
import { quantizeStatic } from '#passes/quantize/static.ts';
import { quantizeWeights } from '#passes/quantize/weights.ts';
import { runPass } from '#passes/testing/desk.ts';
import { lintIntegers } from '#runtimes/onnxruntime/integer-lint.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { disagreements, kernelsTaken } from '#runtimes/testing/kernels-taken.ts';
import { optimizedModel } from '#runtimes/testing/optimized-model.ts';
import { minMaxEvidence } from './testing/min-max-evidence.ts';
import { openOnnxFile } from './testing/open-fixture.ts';
import { runnable } from './testing/run-model.ts';
import { workableFeeds } from './workable-feeds.ts';

const MODELS = [
  'mlperf_tiny_kws/kws_from_savedmodel.onnx',
  'mlperf_tiny_resnet8/resnet8_from_tflite.onnx',
  'mnist/mnist.onnx',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
  'ultraface/version-RFB-320.onnx',
  'yolox_nano/yolox_nano.onnx',
  'silero_vad/silero_vad_16k_op15.onnx',
  'dtln/model_1.onnx',
  'dtln/model_2.onnx',
  'basic_pitch/nmp.onnx',
  'tiny_random_gpt2/past.onnx',
  'magika_v1/model.onnx',
  'cct_transformer_opset20/network.onnx',
];

type Step = readonly [pass: Pass, options: object];
const FORMS: Readonly<Record<string, readonly Step[]>> = {
  static: [[anyOptions(quantizeStatic), { range: 'minmax', correctBias: false }]],
  'static, signed': [[anyOptions(quantizeStatic), { range: 'minmax', correctBias: false, activations: 'int8' }]],
  "static, onnxruntime's operators": [
    [anyOptions(quantizeStatic), { range: 'minmax', correctBias: false, operators: 'onnxruntime' }],
  ],
  'static, integer operators': [
    [anyOptions(quantizeStatic), { range: 'minmax', correctBias: false }],
    [anyOptions(convertQOperator), {}],
  ],
  dynamic: [[anyOptions(quantizeDynamic), { convolutions: 'integers', minimumElements: 0 }]],
  weights: [[anyOptions(quantizeWeights), { bits: 8, minimumElements: 0 }]],
};

/** The share of rows that must be right, over all models and forms; and of one model in one form. */
const RIGHT = 0.99;
const RIGHT_OF_ONE = 0.9;

const evidences = new Map<
  string,
  Promise<{ readonly model: Model; readonly store: WeightStore; readonly evidence: Evidence }>
>();

async function open(path: string) {
  const { model: opened, store } = await openOnnxFile(testdata(`models/${path}`));
  const model = withOwnNames(await inferShapes(opened, store));
  const runtime = await openOnnxruntimeNode();
  const session = await runtime.load(await runnable(model, store));
  const { feeds } = await workableFeeds(session, { runs: 1, seed: 5, dims: OPEN_SIZES });
  await session.close();
  return { model, store, evidence: await minMaxEvidence(model, store, feeds) };
}

/** Nodes are told apart by name, which a file may leave out. */
function withOwnNames(model: Model): Model {
  const graph = (given: Graph): Graph => ({
    ...given,
    nodes: given.nodes.map(({ sourceName, ...node }) => {
      void sourceName;
      const attrs = new Map(node.attrs);
      for (const { attr, index } of subgraphsOf(node)) {
        const held = attrs.get(attr);
        if (held?.type === 'graph' && index === undefined) attrs.set(attr, { ...held, value: graph(held.value) });
      }
      return { ...node, attrs };
    }),
  });
  return { ...model, graph: graph(model.graph) };
}

describeWithTestdata('the integer lint on real models', () => {
  let [rowsTold, wrong] = [0, 0];

  it.each(MODELS.flatMap((path) => Object.keys(FORMS).map((form) => [path, form] as const)))(
    '%s: %s',
    { timeout: 60_000 },
    async (path, form) => {
      const opening = evidences.get(path) ?? open(path);
      evidences.set(path, opening);
      const { model, store, evidence } = await opening;
      let result = model;
      for (const [pass, options] of FORMS[form]!) {
        result = (await runPass(pass, result, store, options, { evidence })).model;
      }
      const rows = await lintIntegers(result, store, { provider: 'cpu', arch: 'x64' });
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row.reason !== null, row.layer).toBe(row.runs === 'float');
      const spelled = withOwnNames(await inferShapes(await spellQuantization(result, store), store));
      const [main] = await writeOnnx(spelled, store, { externalData: 'inline' });
      const found = disagreements(rows, kernelsTaken(await optimizedModel(await joinChunks(main!.chunks))));
      rowsTold += rows.length;
      wrong += found.length;
      if (process.env['PARE_SHOW'] === '1') console.log(path, form, rows.length, found);
      expect(found.length / rows.length, found.join('\n')).toBeLessThan(1 - RIGHT_OF_ONE);
    },
  );

  it('is right for 99 of 100 nodes', () => {
    if (process.env['PARE_SHOW'] === '1') console.log(`${String(wrong)} of ${String(rowsTold)} rows differ`);
    expect(1 - wrong / rowsTold).toBeGreaterThan(RIGHT);
  });
});
