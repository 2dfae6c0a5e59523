import type { NdArray } from '#base/nd-array.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { seededRandom } from '#base/random.ts';
import { ELEM, modelProto, tensorProto, valueProto } from '#runtimes/testing/tiny-onnx.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openOnnxruntimeNode } from './node.ts';
import { openOnnxruntimeWeb } from './web.ts';

const runtimes: [string, (exactWeights: boolean) => Promise<Runtime>][] = [
  ['onnxruntime-node', (exactWeights) => openOnnxruntimeNode({ exactWeights })],
  ['onnxruntime-web', (exactWeights) => openOnnxruntimeWeb({ exactWeights })],
];

const addOne = modelProto({
  nodes: [{ op: 'Add', inputs: ['x', 'one'], outputs: ['y'] }],
  inputs: [valueProto('x', ELEM.f32, ['batch', 2])],
  outputs: [valueProto('y', ELEM.f32, ['batch', 2])],
  initializers: [tensorProto('one', ELEM.f32, [1], new Float32Array([1]))],
});

function passThrough(type: number, size: number): Uint8Array {
  return modelProto({
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [valueProto('x', type, [size])],
    outputs: [valueProto('y', type, [size])],
  });
}

describe.each(runtimes)('%s', (id, open) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open(true);
  });

  it('names itself with its version', () => {
    expect(runtime.id).toBe(id);
    expect(runtime.description).toMatch(/^onnxruntime-(web|node) \d+\.\d+\.\d+ \((wasm|cpu), 1 thread\)$/);
  });

  it('loads a model, tells its inputs and runs it', async () => {
    const session = await runtime.load({ name: 'add.onnx', model: addOne });
    expect(session.inputs).toEqual([{ name: 'x', dtype: 'f32', shape: ['batch', 2] }]);
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'f32', shape: ['batch', 2] }]);
    const x: NdArray = { dtype: 'f32', shape: [3, 2], data: new Float32Array([1, 2, 3, 4, 5, 6]) };
    const y = (await session.run(new Map([['x', x]]))).get('y');
    expect(y).toEqual({ dtype: 'f32', shape: [3, 2], data: new Float32Array([2, 3, 4, 5, 6, 7]) });
    await session.close();
  });

  it.each([
    ['f16', ELEM.f16, new Uint16Array([0x3c00, 0x7bff])],
    ['i64', ELEM.i64, new BigInt64Array([-(2n ** 62n), 5n])],
    ['i8', ELEM.i8, new Int8Array([-128, 127])],
    ['bool', 9, new Uint8Array([0, 1])],
    ['string', 8, ['a', 'ß']],
  ] as const)('passes %s values unchanged', async (dtype, type, data) => {
    const session = await runtime.load({ name: 'same.onnx', model: passThrough(type, 2) });
    const out = await session.run(new Map([['x', { dtype, shape: [2], data }]]));
    expect(out.get('y')).toEqual({ dtype, shape: [2], data });
  });

  it('computes int4 weights as the file says, without quantizing activations', async () => {
    const [k, n, block] = [64, 16, 32];
    const random = seededRandom(5);
    const levels = Array.from({ length: k * n }, () => random.below(16) - 8);
    const packed = Uint8Array.from({ length: (k * n) / 2 }, (_, i) => {
      return ((levels[2 * i] ?? 0) & 15) | (((levels[2 * i + 1] ?? 0) & 15) << 4);
    });
    const scale = Float32Array.from({ length: (k / block) * n }, () => 0.01 + random.uniform() / 100);
    const x = Float32Array.from({ length: k }, () => random.normal());
    const model = modelProto({
      opset: 21,
      irVersion: 10,
      nodes: [
        { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['w'], ints: { axis: 0, block_size: block } },
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
      ],
      inputs: [valueProto('x', ELEM.f32, [1, k])],
      outputs: [valueProto('y', ELEM.f32, [1, n])],
      initializers: [tensorProto('q', ELEM.i4, [k, n], packed), tensorProto('s', ELEM.f32, [k / block, n], scale)],
    });
    const session = await runtime.load({ name: 'int4.onnx', model });
    const y = (await session.run(new Map([['x', { dtype: 'f32', shape: [1, k], data: x }]]))).get('y');
    for (let column = 0; column < n; column++) {
      let expected = 0;
      for (let row = 0; row < k; row++) {
        const s = scale[Math.floor(row / block) * n + column] ?? 0;
        expected += (x[row] ?? 0) * Math.fround(s * (levels[row * n + column] ?? 0));
      }
      // float32 accumulation of 64 terms of size about 0.1: far below the 1e-2 that int8 activations would cost.
      expect(Math.abs(Number(y?.data[column]) - expected)).toBeLessThan(1e-5);
    }
  });

  it.each([
    ['bytes that are no model', new Uint8Array([1, 2, 3]), 'runtime/not-a-model'],
    ['a file cut short', addOne.slice(0, addOne.length - 30), 'runtime/not-a-model'],
    [
      'an operator it does not know',
      modelProto({
        nodes: [{ op: 'Nonsense', inputs: ['x'], outputs: ['y'] }],
        inputs: [valueProto('x', ELEM.f32, [1])],
        outputs: [valueProto('y', ELEM.f32, [1])],
      }),
      'runtime/unknown-operator',
    ],
    [
      'an IR version that is too new',
      modelProto({ nodes: [], inputs: [], outputs: [], irVersion: 14 }),
      'runtime/ir-version',
    ],
    ['an opset that is too new', modelProto({ nodes: [], inputs: [], outputs: [], opset: 99 }), 'runtime/opset'],
  ])('refuses %s in a sentence that names the file', async (_, model, code) => {
    const failure = await runtime.load({ name: 'bad.onnx', model }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PareError);
    expect((failure as PareError).parts.code).toBe(code);
    expect((failure as PareError).message).toMatch(/^bad\.onnx\b.*[.!]$/);
  });

  it('says which input is wrong', async () => {
    const session = await runtime.load({ name: 'add.onnx', model: addOne });
    const failures: [string, Map<string, NdArray>, string | undefined][] = [
      ['runtime/input-missing', new Map(), 'input x'],
      ['runtime/input-shape', feed('f32', [1, 3], new Float32Array(3)), 'input x'],
      ['runtime/length', feed('f32', [1, 2], new Float32Array(3)), 'input x'],
      // onnxruntime does not say which input it means here.
      ['runtime/input-type', feed('i8', [1, 2], new Int8Array(2)), undefined],
      ['runtime/dtype', feed('bf16', [1, 2], new Uint16Array(2)), 'input x'],
    ];
    for (const [code, feeds, place] of failures) {
      const failure = await session.run(feeds).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PareError);
      const { parts } = failure as PareError;
      expect([parts.code, parts.file, parts.place]).toEqual([code, 'add.onnx', place]);
    }
  });
});

function feed(dtype: DType, shape: number[], data: NdArray['data']): Map<string, NdArray> {
  return new Map([['x', { dtype, shape, data }]]);
}
