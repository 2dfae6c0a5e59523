import { describe, expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import { buildModel, type BuildModel } from '#ir/testing/build.ts';
import { I8, QuantizedSketch, type TestGrid } from '#ir/testing/quantized.ts';
import { disagreements, kernelsTaken } from '#runtimes/testing/kernels-taken.ts';
import { inferShapes } from '#ops/infer.ts';
import { optimizedModel } from '#runtimes/testing/optimized-model.ts';
import { lintIntegers, lintTargetName, type LintRow } from './integer-lint.ts';

const X64 = { provider: 'cpu', arch: 'x64' } as const;
const OTHER: TestGrid = { type: 'u8', scale: 0.07, zero: 100 };
const POSITIVE: TestGrid = { type: 'u8', scale: 0.03, zero: 0 };
const WIDE: TestGrid = { type: 'u16', scale: 0.0001, zero: 30000 };
const BIAS: TestGrid = { type: 'i32', scale: 0.0003, zero: 0 };

interface Case {
  readonly make: (net: QuantizedSketch) => string | readonly string[];
  readonly opset?: number;
  /** For each row: how it runs, its kernel and a piece of the reason. */
  readonly rows: Readonly<Record<string, readonly [LintRow['runs'], string, string?]>>;
}

const image = (net: QuantizedSketch): string => net.input('x', [1, 3, 8, 8]);
const matrix = (net: QuantizedSketch): string => net.input('x', [2, 32]);

const CASES: Readonly<Record<string, Case>> = {
  'Conv between DQ and Q': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3]), net.weight([4], BIAS)])),
    rows: { Conv: ['integer', 'QLinearConv'] },
  },
  'Conv per channel with a float bias, which is rounded when the model is loaded': {
    make: (net) => {
      const grid: TestGrid = { type: 'i8', scale: [0.01, 0.02, 0.03, 0.04], zero: 0, axis: 0 };
      return net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3], grid), net.floats([4])]));
    },
    rows: { Conv: ['integer', 'QLinearConv'] },
  },
  'Conv with a float weight, which is rounded when the model is loaded': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net)), net.floats([4, 3, 3, 3])])),
    rows: { Conv: ['integer', 'QLinearConv'] },
  },
  'Conv whose input is float': {
    make: (net) => net.qdq(net.op('Conv', [image(net), net.weight([4, 3, 3, 3])])),
    rows: { Conv: ['float', 'Conv', 'Its input "x" is not quantized'] },
  },
  'Conv with weights alone quantized': {
    make: (net) => net.op('Conv', [image(net), net.weight([4, 3, 3, 3])]),
    rows: { Conv: ['float', 'Conv', 'Its input "x" is not quantized'] },
  },
  'Conv that is an output': {
    make: (net) => {
      const y = net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]);
      return [y, net.qdq(y)];
    },
    rows: { Conv: ['float', 'Conv', 'is an output of the model'] },
  },
  'Conv with a reader in float': {
    make: (net) => {
      const y = net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]);
      return [net.op('Tanh', [y]), net.qdq(y)];
    },
    rows: {
      Conv: ['float', 'Conv', 'Tanh "Tanh" also reads its result, in float'],
      Tanh: ['float', 'Tanh', 'no integer kernel for Tanh'],
    },
  },
  'Conv without Q behind it': {
    make: (net) => net.op('Tanh', [net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])])]),
    rows: {
      Conv: ['float', 'Conv', 'Its result is not quantized: Tanh "Tanh" reads it in float'],
      Tanh: ['float', 'Tanh', 'no integer kernel'],
    },
  },
  'Conv with a bias of another type': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3]), net.weight([4])])),
    rows: { Conv: ['float', 'Conv', 'is stored as i8; the kernel takes int32'] },
  },
  'Conv with signed activations that one reader has': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net), I8), net.weight([4, 3, 3, 3])]), I8),
    rows: { Conv: ['integer', 'QLinearConv'] },
  },
  'Conv with signed activations that two readers share': {
    make: (net) => {
      const x = net.qdq(image(net), I8);
      const y = net.qdq(net.op('Conv', [x, net.weight([4, 3, 3, 3])]), I8);
      return [y, net.op('Tanh', [x])];
    },
    rows: {
      Conv: ['float', 'Conv', 'different integers (i8 and u8)'],
      Tanh: ['float', 'Tanh', 'no integer kernel'],
    },
  },
  'Conv with signed activations on both sides': {
    make: (net) => {
      const x = net.qdq(image(net), I8);
      const y = net.qdq(net.op('Conv', [x, net.weight([4, 3, 3, 3])]), I8);
      return [y, net.op('Tanh', [x]), net.op('Tanh', [y])];
    },
    rows: {
      Conv: ['float', 'Conv', 'On x64 and in WebAssembly onnxruntime uses no integer kernel for signed activations'],
      Tanh: ['float', 'Tanh', 'no integer kernel'],
      Tanh2: ['float', 'Tanh', 'no integer kernel'],
    },
  },
  'Conv with signed activations and unsigned weights': {
    make: (net) => {
      const x = net.qdq(image(net), I8);
      const y = net.qdq(net.op('Conv', [x, net.weight([4, 3, 3, 3], { type: 'u8', scale: 0.01, zero: 128 })]), I8);
      return [y, net.op('Tanh', [x]), net.op('Tanh', [y])];
    },
    rows: {
      Conv: ['float', 'Conv', 'Signed activations need signed weights'],
      Tanh: ['float', 'Tanh', 'no integer kernel'],
      Tanh2: ['float', 'Tanh', 'no integer kernel'],
    },
  },
  'Conv with 16-bit activations': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net), WIDE), net.weight([4, 3, 3, 3])]), WIDE),
    opset: 21,
    rows: { Conv: ['float', 'Conv', 'take 8-bit levels, not 16-bit ones (u16)'] },
  },
  'Conv, then a Relu that the grid implies': {
    make: (net) => {
      const y = net.op('Relu', [net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])])]);
      return net.qdq(y, POSITIVE);
    },
    rows: { Conv: ['integer', 'QLinearConv'], Relu: ['passes-through', 'QuantizeLinear'] },
  },
  'Conv, then a Clip that the grid implies': {
    make: (net) => {
      const bounds = [net.constant('f32', [], [0]), net.constant('f32', [], [6])];
      const y = net.op('Clip', [net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]), ...bounds]);
      return net.qdq(y, { type: 'u8', scale: 6 / 255, zero: 0 });
    },
    rows: { Conv: ['integer', 'QLinearConv'], Clip: ['passes-through', 'QuantizeLinear'] },
  },
  'Conv, then a Clip that the grid does not imply': {
    make: (net) => {
      const bounds = [net.constant('f32', [], [0]), net.constant('f32', [], [3])];
      const y = net.op('Clip', [net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]), ...bounds]);
      return net.qdq(y, { type: 'u8', scale: 6 / 255, zero: 0 });
    },
    rows: {
      Conv: ['float', 'Conv', 'Clip "Clip" behind it is kept'],
      Clip: ['float', 'Clip', 'no integer kernel for Clip'],
    },
  },
  'MatMul between DQ and Q': {
    make: (net) => net.qdq(net.op('MatMul', [net.qdq(matrix(net)), net.weight([32, 4])])),
    rows: { MatMul: ['integer', 'QLinearMatMul'] },
  },
  'MatMul without Q': {
    make: (net) => net.op('MatMul', [net.qdq(matrix(net)), net.weight([32, 4])]),
    rows: { MatMul: ['integer', 'com.microsoft.MatMulIntegerToFloat'] },
  },
  'MatMul without Q, before Relu': {
    make: (net) => net.op('Relu', [net.op('MatMul', [net.qdq(matrix(net)), net.weight([32, 4])])]),
    rows: {
      MatMul: ['integer', 'com.microsoft.MatMulIntegerToFloat'],
      Relu: ['float', 'Relu', 'no integer kernel for Relu'],
    },
  },
  'MatMul without Q, before a Relu that something reads': {
    make: (net) => {
      const y = net.op('Relu', [net.op('MatMul', [net.qdq(matrix(net)), net.weight([32, 4])])]);
      return net.op('Tanh', [y]);
    },
    rows: {
      MatMul: ['float', 'MatMul', 'Relu "Relu" behind it is kept'],
      Relu: ['float', 'Relu', 'no integer kernel'],
      Tanh: ['float', 'Tanh', 'no integer kernel'],
    },
  },
  'MatMul with weights alone quantized': {
    make: (net) => net.op('MatMul', [matrix(net), net.weight([32, 4])]),
    rows: { MatMul: ['float', 'com.microsoft.MatMulNBits', 'Only its weight is quantized'] },
  },
  'MatMul with weights in blocks': {
    make: (net) => {
      const grid: TestGrid = {
        type: 'i4',
        scale: [0.1, 0.2, 0.1, 0.3, 0.1, 0.2, 0.1, 0.3],
        axis: 0,
        block: 16,
        scaleShape: [2, 4],
      };
      return net.op('MatMul', [matrix(net), net.weight([32, 4], grid)]);
    },
    opset: 21,
    rows: { MatMul: ['float', 'com.microsoft.MatMulNBits', 'Only its weight is quantized'] },
  },
  'Gemm, with and without Q': {
    make: (net) => {
      const h = net.qdq(net.op('Gemm', [net.qdq(matrix(net)), net.weight([32, 16]), net.weight([16], BIAS)]));
      return net.op('Gemm', [h, net.weight([16, 4], undefined, 5), net.weight([4], BIAS, 6)]);
    },
    rows: { Gemm: ['integer', 'com.microsoft.QGemm'], Gemm2: ['integer', 'com.microsoft.QGemm'] },
  },
  'Gemm that scales its bias': {
    make: (net) => {
      const inputs = [net.qdq(matrix(net)), net.weight([32, 16]), net.weight([16], BIAS)];
      return net.qdq(net.op('Gemm', inputs, { beta: { float: 0.5 } }));
    },
    rows: { Gemm: ['float', 'Gemm', 'beta is not 1'] },
  },
  'element by element': {
    make: (net) => {
      const x = net.qdq(image(net));
      const sum = net.qdq(net.op('Add', [x, net.qdq(net.op('Sigmoid', [x]), OTHER)]));
      return net.qdq(net.op('Mul', [net.qdq(net.op('LeakyRelu', [sum])), net.qdq(net.op('Softmax', [x]), OTHER)]));
    },
    rows: {
      Sigmoid: ['integer', 'com.microsoft.QLinearSigmoid'],
      Add: ['integer', 'com.microsoft.QLinearAdd'],
      LeakyRelu: ['integer', 'com.microsoft.QLinearLeakyRelu'],
      Softmax: ['integer', 'com.microsoft.QLinearSoftmax'],
      Mul: ['integer', 'com.microsoft.QLinearMul'],
    },
  },
  'Add with a constant in float': {
    make: (net) => net.qdq(net.op('Add', [net.qdq(image(net)), net.floats([1, 3, 1, 1])])),
    rows: { Add: ['float', 'Add', 'it is a float constant'] },
  },
  'pooling and Concat': {
    make: (net) => {
      const x = net.qdq(image(net));
      const pooled = net.qdq(net.op('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), OTHER);
      const most = net.qdq(net.op('MaxPool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
      const all = net.qdq(net.op('Concat', [pooled, most], { axis: 1 }));
      return net.qdq(net.op('GlobalAveragePool', [all]));
    },
    rows: {
      AveragePool: ['integer', 'com.microsoft.QLinearAveragePool'],
      MaxPool: ['passes-through', 'MaxPool'],
      Concat: ['integer', 'com.microsoft.QLinearConcat'],
      GlobalAveragePool: ['integer', 'com.microsoft.QLinearGlobalAveragePool'],
    },
  },
  'Where with two quantized branches, and with a constant': {
    make: (net) => {
      const condition = net.input('c', [1, 3, 8, 8], 'bool');
      const x = net.qdq(image(net));
      const y = net.qdq(net.op('Where', [condition, x, net.qdq(net.op('Sigmoid', [x]))]));
      return net.qdq(net.op('Where', [condition, y, net.constant('f32', [], [0.25])]));
    },
    rows: {
      Sigmoid: ['integer', 'com.microsoft.QLinearSigmoid'],
      Where: ['integer', 'com.microsoft.QLinearWhere'],
      Where2: ['integer', 'com.microsoft.QLinearWhere'],
    },
  },
  'steps that only move values': {
    make: (net) => {
      let x = net.qdq(image(net));
      x = net.qdq(net.op('Transpose', [x], { perm: [0, 2, 3, 1] }));
      x = net.qdq(net.op('Reshape', [x, net.constant('i64', [2], [8, 24])]));
      x = net.qdq(net.op('Unsqueeze', [x, net.constant('i64', [1], [0])]));
      x = net.qdq(net.op('Gather', [x, net.constant('i64', [2], [0, 3])], { axis: 1 }));
      const [a = '', b = ''] = net.ops('Split', [x, net.constant('i64', [2], [12, 12])], 2, { axis: 2 });
      return [net.qdq(a), net.qdq(b)];
    },
    rows: {
      Transpose: ['passes-through', 'Transpose'],
      Reshape: ['passes-through', 'Reshape'],
      Unsqueeze: ['passes-through', 'Unsqueeze'],
      Gather: ['passes-through', 'Gather'],
      Split: ['passes-through', 'Split'],
    },
  },
  'a step between two grids': {
    make: (net) => net.qdq(net.op('Gather', [net.qdq(image(net)), net.constant('i64', [1], [1])], { axis: 2 }), OTHER),
    rows: {
      Gather: [
        'float',
        'Gather',
        'quantized differently before (scale 0.03, zero point 120) and after (scale 0.07, zero point 100)',
      ],
    },
  },
  'a step whose zero points are left out': {
    make: (net) => {
      const grid: TestGrid = { type: 'u8', scale: 0.03 };
      return net.qdq(net.op('Gather', [net.qdq(image(net), grid), net.constant('i64', [1], [1])], { axis: 2 }), grid);
    },
    rows: { Gather: ['float', 'Gather', 'where zero points are written out'] },
  },
  'a step before the output, across which Q and DQ are carried': {
    make: (net) => net.op('Reshape', [net.qdq(image(net)), net.constant('i64', [2], [3, 64])]),
    rows: { Reshape: ['passes-through', 'Reshape'] },
  },
  'a step behind the input, across which Q and DQ are carried': {
    make: (net) => {
      const x = net.op('Transpose', [image(net)], { perm: [0, 2, 3, 1] });
      return net.qdq(net.op('Sigmoid', [net.qdq(x)]));
    },
    rows: { Transpose: ['passes-through', 'Transpose'], Sigmoid: ['integer', 'com.microsoft.QLinearSigmoid'] },
  },
  'ArgMax, whose result is no number of the kind': {
    make: (net) => net.op('ArgMax', [net.qdq(image(net))], { axis: 1 }),
    rows: { ArgMax: ['integer', 'ArgMax'] },
  },
  'operators without integer kernels': {
    make: (net) => {
      let x = net.qdq(image(net));
      x = net.qdq(net.op('ConvTranspose', [x, net.weight([3, 4, 2, 2])]));
      x = net.qdq(net.op('Pad', [x, net.constant('i64', [8], [0, 0, 1, 1, 0, 0, 1, 1])]));
      return net.qdq(net.op('LayerNormalization', [x, net.weight([11])]));
    },
    rows: {
      ConvTranspose: ['float', 'ConvTranspose', 'no integer kernel for ConvTranspose. Q and DQ around it cost time'],
      Pad: ['float', 'Pad', 'no integer kernel for Pad'],
      LayerNormalization: ['float', 'LayerNormalization', 'no integer kernel for LayerNormalization'],
    },
  },
  'what is not quantized at all': {
    make: (net) => net.op('Sigmoid', [net.op('Conv', [image(net), net.floats([4, 3, 3, 3])])]),
    rows: {
      Conv: ['float', 'Conv', 'Neither what it reads nor what it gives is quantized'],
      Sigmoid: ['float', 'Sigmoid', 'Neither what it reads nor what it gives is quantized'],
    },
  },
  'dynamic quantization of a product': {
    make: (net) => {
      const [levels = '', scale = '', zero = ''] = net.ops('DynamicQuantizeLinear', [matrix(net)], 3);
      const sum = net.op('MatMulInteger', [levels, net.levels([32, 4], 'i8'), zero, net.constant('i8', [], [0])]);
      const both = net.op('Mul', [scale, net.constant('f32', [], [0.01])]);
      return net.op('Mul', [net.op('Cast', [sum], { to: 1 }), both]);
    },
    rows: {
      DynamicQuantizeLinear: ['integer', 'com.microsoft.DynamicQuantizeMatMul'],
      MatMulInteger: ['integer', 'com.microsoft.DynamicQuantizeMatMul'],
      Mul: ['integer', 'com.microsoft.DynamicQuantizeMatMul'],
      Cast: ['integer', 'com.microsoft.DynamicQuantizeMatMul'],
      Mul2: ['integer', 'com.microsoft.DynamicQuantizeMatMul'],
    },
  },
  'dynamic quantization of a convolution': {
    make: (net) => {
      const [levels = '', scale = '', zero = ''] = net.ops('DynamicQuantizeLinear', [image(net)], 3);
      const sum = net.op('ConvInteger', [levels, net.levels([4, 3, 3, 3], 'u8'), zero, net.constant('u8', [], [128])]);
      const both = net.op('Mul', [scale, net.constant('f32', [], [0.01])]);
      return net.op('Mul', [net.op('Cast', [sum], { to: 1 }), both]);
    },
    rows: {
      DynamicQuantizeLinear: ['integer', 'DynamicQuantizeLinear'],
      ConvInteger: ['integer', 'ConvInteger'],
      Mul: ['float', 'Mul', 'makes real numbers of integer sums'],
      Cast: ['float', 'Cast', 'makes real numbers of integer sums'],
      Mul2: ['float', 'Mul', 'makes real numbers of integer sums'],
    },
  },
  'the form with integer operators': {
    make: (net) => {
      const [scale, zero] = [net.constant('f32', [], [0.03]), net.constant('u8', [], [120])];
      const weights = [net.levels([4, 3, 3, 3], 'i8'), net.constant('f32', [], [0.01]), net.constant('i8', [], [0])];
      const y = net.op('QLinearConv', [net.q(image(net)), scale, zero, ...weights, scale, zero]);
      const sum = net.op('QLinearAdd', [y, scale, zero, y, scale, zero, scale, zero], {}, 'com.microsoft');
      return net.dq(net.op('Reshape', [sum, net.constant('i64', [2], [4, 36])]));
    },
    rows: {
      QLinearConv: ['integer', 'QLinearConv'],
      QLinearAdd: ['integer', 'com.microsoft.QLinearAdd'],
      Reshape: ['passes-through', 'Reshape'],
    },
  },
};

async function rowsOf(spec: BuildModel, target: Parameters<typeof lintIntegers>[2] = X64): Promise<readonly LintRow[]> {
  const { model, store } = buildModel(spec);
  return lintIntegers(model, store, target);
}

function specOf({ make, opset = 17 }: Case): BuildModel {
  const net = new QuantizedSketch();
  const outputs = make(net);
  return net.build(typeof outputs === 'string' ? [outputs] : outputs, opset, opset >= 21 ? 10 : 8);
}

/** What an output's type is not told in the sketch, onnxruntime wants to know: found by inference. */
async function bytesOf(spec: BuildModel): Promise<Uint8Array> {
  const { model, store } = buildModel(spec);
  const [main] = await writeOnnx(await inferShapes(model, store), store);
  return joinChunks(main!.chunks);
}

describe.each(Object.entries(CASES))('%s', (_name, one) => {
  it('is told with its reason', async () => {
    const rows = await rowsOf(specOf(one));
    expect(rows.map(({ layer }) => layer).toSorted()).toEqual(Object.keys(one.rows).toSorted());
    for (const { layer, runs, kernel, reason } of rows) {
      const [wantedRuns, wantedKernel, piece] = one.rows[layer]!;
      expect({ layer, runs, kernel }).toEqual({ layer, runs: wantedRuns, kernel: wantedKernel });
      if (wantedRuns === 'float') expect(reason).toContain(piece);
      else expect(reason).toBeNull();
    }
  });

  it('is what onnxruntime does, at other operator sets too', async () => {
    for (const opset of new Set([one.opset ?? 17, 21, 23, 25])) {
      const spec = specOf({ ...one, opset });
      const rows = await rowsOf(spec);
      const taken = kernelsTaken(await optimizedModel(await bytesOf(spec)));
      expect(disagreements(rows, taken), `opset ${String(opset)}`).toEqual([]);
    }
  });
});

describe('the target', () => {
  const signed = CASES['Conv with signed activations on both sides']!;

  it('decides on signed activations', async () => {
    const onArm = await rowsOf(specOf(signed), { provider: 'cpu', arch: 'arm64' });
    expect(onArm.find(({ layer }) => layer === 'Conv')).toMatchObject({ runs: 'integer', kernel: 'QLinearConv' });
    // This is what ARM does by itself.
    const session = { qdqisint8allowed: '1' };
    const taken = kernelsTaken(await optimizedModel(await bytesOf(specOf(signed)), 'extended', session));
    expect(disagreements(onArm, taken)).toEqual([]);
    const inTheBrowser = await rowsOf(specOf(signed), { provider: 'wasm', arch: 'arm64' });
    expect(inTheBrowser.find(({ layer }) => layer === 'Conv')?.runs).toBe('float');
  });

  it('is named', () => {
    expect(lintTargetName(X64)).toBe('onnxruntime 1.30, CPU, x64');
    expect(lintTargetName({ provider: 'wasm', arch: 'x64' })).toBe('onnxruntime 1.30, WebAssembly');
  });
});

it('looks into subgraphs, where a weight from around them is no quantized weight', async () => {
  const outer = new QuantizedSketch();
  const inner = new QuantizedSketch('inner ');
  const x = image(outer);
  const condition = outer.input('c', [], 'bool');
  const fused = inner.qdq(inner.op('Conv', [inner.qdq(x), inner.weight([4, 3, 3, 3])]));
  const left = inner.qdq(inner.op('Conv', [inner.qdq(x), outer.weight([4, 3, 3, 3])]));
  const sum = inner.op('Add', [fused, left]);
  const type = { dtype: 'f32' as const, shape: null };
  const branch = { outputs: { [sum]: type }, initializers: inner.initializers, nodes: inner.nodes };
  const other = { outputs: { e: type }, nodes: [{ op: 'Relu', name: 'relu', inputs: [x], outputs: ['e'] }] };
  const y = outer.op('If', [condition], { then_branch: { graph: branch }, else_branch: { graph: other } });
  const spec = outer.build([y]);
  const rows = await rowsOf(spec);
  const found = Object.fromEntries(rows.map(({ layer, runs }) => [layer, runs]));
  expect(found).toEqual({ 'inner Conv': 'integer', 'inner Conv2': 'float', 'inner Add': 'float', relu: 'float' });
  expect(disagreements(rows, kernelsTaken(await optimizedModel(await bytesOf(spec))))).toEqual([]);
});
