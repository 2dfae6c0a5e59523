/** The lowering keeps values whatever the layout, spares Transposes, and folds shape arithmetic: judged by onnxruntime. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import type { NdArray } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { largestDifference, runConverted } from '#formats/testing/expected.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { Tensor } from '#ir/model.ts';
import { nodesOf } from '#ir/walk.ts';
import { createLowering } from './create-lowering.ts';
import type { Lowering, Operand } from './lowering.ts';

const SOURCE = { format: 'made', file: 'test', sizeBytes: 0 } as const;

function sketch(opset = 17): { lowering: Lowering; weights: (...shape: number[]) => Operand } {
  const store = createWeightStore();
  const lowering = createLowering({ store, name: 'test', source: SOURCE, opset });
  let seed = 1;
  const weights = (...shape: number[]): Operand => {
    const tensor: Tensor = store.put('f32', shape, new Uint8Array(noise(shape, seed++).buffer));
    return lowering.constant(`w${seed}`, tensor);
  };
  return { lowering, weights };
}

function noise(shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length: countOf(shape) }, () => random.normal());
}

async function run(lowering: Lowering, shapes: Readonly<Record<string, readonly number[]>>): Promise<NdArray[]> {
  const { model } = lowering.finish();
  const feeds = new Map(
    Object.entries(shapes).map(([name, shape], at) => [
      name,
      { dtype: 'f32', shape, data: noise(shape, 100 + at) } as NdArray,
    ]),
  );
  return [...(await runConverted(model, lowering.store, feeds)).values()];
}

function opsOf(lowering: Lowering): string[] {
  return [...nodesOf(lowering.finish().model.graph)].map(({ node }) => node.op);
}

describe('layout', () => {
  /** Every step is a function of an operand; `shape` is that of the input. */
  const chains: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly build: (l: Lowering, x: Operand, w: (...shape: number[]) => Operand) => Operand;
    readonly transposes: number;
  }[] = [
    {
      name: 'elementwise with vectors and scalars',
      shape: [2, 4, 5, 3],
      build: (l, x, w) => {
        const added = l.apply('Add', [x, w(3)], { name: 'a' });
        const scaled = l.apply('Mul', [added, l.small(0.5, 'f32')], { name: 'm' });
        return l.apply('Sub', [w(5, 1), scaled], { name: 's' });
      },
      transposes: 2,
    },
    {
      name: 'concat, split and softmax',
      shape: [2, 4, 5, 3],
      build: (l, x, w) => {
        const joined = l.apply('Concat', [x, w(2, 4, 5, 2)], { name: 'c', attrs: { axis: 3 } });
        const [, rest] = l.node('Split', [joined, l.small([1, 4])], {
          name: 'sp',
          outputs: ['sp0', 'sp1'],
          attrs: { axis: -1 },
        });
        return l.apply('Softmax', [rest!], { name: 'so', attrs: { axis: -1 } });
      },
      transposes: 2,
    },
    {
      name: 'pad, slice and tile',
      shape: [1, 4, 5, 3],
      build: (l, x) => {
        const padded = l.apply('Pad', [x, l.small([0, 1, 2, 0, 0, 0, 1, 1])], { name: 'p' });
        const cut = l.apply('Slice', [padded, l.small([1, 1]), l.small([4, 8]), l.small([1, -2]), l.small([1, 2])], {
          name: 'sl',
        });
        return l.apply('Tile', [cut, l.small([1, 2, 1, 1])], { name: 't' });
      },
      transposes: 2,
    },
    {
      name: 'reductions that keep and drop axes',
      shape: [2, 4, 5, 3],
      build: (l, x) => {
        const kept = l.reduce('ReduceMean', x, [1, 2], { name: 'r', keepDims: true });
        const gated = l.apply('Mul', [x, kept], { name: 'g' });
        return l.reduce('ReduceMax', gated, [2], { name: 'rm', keepDims: false });
      },
      transposes: 2,
    },
    {
      name: 'squeeze and unsqueeze',
      shape: [2, 4, 1, 3],
      build: (l, x) => {
        const thin = l.apply('Squeeze', [x, l.small([2])], { name: 'sq' });
        const wide = l.apply('Unsqueeze', [thin, l.small([1, 4])], { name: 'un' });
        return l.apply('Neg', [wide], { name: 'n' });
      },
      transposes: 2,
    },
    {
      name: 'gather and arg max',
      shape: [2, 4, 5, 3],
      build: (l, x) => {
        const picked = l.apply('Gather', [x, l.small([2, 0, 1, 1])], { name: 'ga', attrs: { axis: 3 } });
        const one = l.apply('Gather', [picked, l.small(1)], { name: 'gs', attrs: { axis: 1 } });
        return l.apply('Cast', [l.apply('ArgMax', [one], { name: 'am', attrs: { axis: 1, keepdims: 0 } })], {
          name: 'ca',
          attrs: { to: 1 },
        });
      },
      transposes: 2,
    },
    {
      name: 'a transpose of the source in between',
      shape: [2, 4, 5, 3],
      build: (l, x) => l.apply('Relu', [l.transpose(x, [0, 3, 1, 2])], { name: 're' }),
      transposes: 1,
    },
  ];

  it.each(chains)('keeps values through $name', async ({ shape, build, transposes }) => {
    // Once on the input as it is, once behind a pool of one pixel, which lies channels first.
    const plain = sketch();
    plain.lowering.output('y', build(plain.lowering, plain.lowering.input('x', 'f32', shape), plain.weights));
    const moved = sketch();
    const x = moved.lowering.input('x', 'f32', shape);
    const pooled = moved.lowering.pool(x, {
      name: 'pool',
      kind: 'max',
      window: [1, 1],
      strides: [1, 1],
      padding: 'VALID',
    });
    moved.lowering.output('y', build(moved.lowering, pooled, moved.weights));
    const [expected] = await run(plain.lowering, { x: shape });
    const [actual] = await run(moved.lowering, { x: shape });
    expect(actual?.shape).toEqual(expected?.shape);
    // Sums may be taken in another order; everything else is a copy.
    expect(largestDifference(actual!, expected!).relative).toBeLessThan(1e-6);
    expect(opsOf(moved.lowering).filter((op) => op === 'Transpose').length).toBeLessThanOrEqual(transposes);
  });

  it('ends a plain network with Transposes at the edges alone', () => {
    const { lowering: l, weights: w } = sketch();
    const x = l.input('image', 'f32', ['batch', 16, 16, 3]);
    const conv = (from: Operand, out: number, at: number): Operand => {
      const channels = l.shape(from)?.at(-1) as number;
      const kernel = l.transpose(w(3, 3, channels, out), [3, 2, 0, 1]);
      return l.convolve(from, kernel, w(out), { name: `conv${at}`, strides: [1, 1], padding: 'SAME' });
    };
    const first = l.apply('Relu', [conv(x, 8, 1)], { name: 'relu1' });
    const second = l.apply('Relu', [conv(first, 8, 2)], { name: 'relu2' });
    const sum = l.apply('Add', [first, second], { name: 'sum' });
    const mean = l.reduce('ReduceMean', sum, [1, 2], { name: 'mean', keepDims: false });
    l.output('logits', l.dense(mean, w(8, 10), w(10), { name: 'dense' }));
    expect(opsOf(l)).toEqual(['Transpose', 'Conv', 'Relu', 'Conv', 'Relu', 'Add', 'ReduceMean', 'Gemm']);
    expect(l.finish().model.graph.inputs).toHaveLength(1);
  });

  it('runs a convolution over one axis that is spelled as one over two', () => {
    const { lowering: l, weights: w } = sketch();
    let x = l.input('sound', 'f32', [1, 32, 4]);
    for (const at of [0, 1]) {
      const wide = l.apply('Unsqueeze', [x, l.small([1])], { name: `wide${at}` });
      const kernel = l.transpose(w(1, 3, 4, 4), [3, 2, 0, 1]);
      const made = l.convolve(wide, kernel, null, { name: `conv${at}`, strides: [1, 1], padding: 'VALID' });
      x = l.apply('Squeeze', [made, l.small([1])], { name: `thin${at}` });
    }
    l.output('y', x);
    expect(opsOf(l).filter((op) => op === 'Transpose')).toHaveLength(2);
  });
});

describe('a dense layer behind an image', () => {
  it.each([true, false])(
    'takes its weights in the order in which the image lies (transposed: %s)',
    async (transposed) => {
      const build = (through: (l: Lowering, x: Operand) => Operand): Lowering => {
        const { lowering: l, weights: w } = sketch();
        const x = through(l, l.input('x', 'f32', ['batch', 3, 4, 5]));
        const flat = l.reshape(x, [-1, 60], { name: 'flat' });
        const matrix = transposed ? w(7, 60) : w(60, 7);
        l.output('y', l.dense(flat, matrix, w(7), { name: 'dense', transposed }));
        return l;
      };
      const pool = { name: 'pool', kind: 'max', window: [1, 1], strides: [1, 1], padding: 'VALID' } as const;
      const moved = build((l, x) => l.pool(x, pool));
      expect(opsOf(moved)).toEqual(['Transpose', 'MaxPool', 'Reshape', 'Gemm']);
      const [expected] = await run(
        build((_, x) => x),
        { x: [2, 3, 4, 5] },
      );
      const [actual] = await run(moved, { x: [2, 3, 4, 5] });
      expect(largestDifference(actual!, expected!).relative).toBeLessThan(1e-5);
    },
  );
});

describe('shape arithmetic', () => {
  it('keeps a named batch and folds the rest', () => {
    const { lowering: l } = sketch();
    const x = l.input('x', 'f32', ['batch', 6, 4]);
    const shape = l.apply('Shape', [x], { name: 'shape' });
    const batch = l.apply('Slice', [shape, l.small([0]), l.small([1]), l.small([0])], { name: 'batch' });
    const sizes = l.apply('Concat', [batch, l.small([3, 8])], { name: 'sizes', attrs: { axis: 0 } });
    const y = l.reshape(x, sizes, { name: 'reshape' });
    expect(l.shape(y)).toEqual(['batch', 3, 8]);
    l.output('y', y);
    expect(opsOf(l)).toEqual(['Reshape']);
  });

  it('reshapes a channels-first value without a Transpose where sizes of 1 allow it', () => {
    const { lowering: l } = sketch();
    const x = l.input('x', 'f32', [2, 3, 3, 5]);
    const pooled = l.pool(x, { name: 'pool', kind: 'average', window: [3, 3], strides: [1, 1], padding: 'VALID' });
    l.output('y', l.reshape(pooled, [2, 5], { name: 'flat' }));
    expect(opsOf(l)).toEqual(['Transpose', 'AveragePool', 'Reshape']);
  });
});

describe('reshapes that only add and drop axes of size 1', () => {
  it.each([
    [
      [2, 4, 1, 3],
      [2, 1, 4, 3],
    ],
    [
      [2, 4, 1, 3],
      [2, 4, 3],
    ],
    [
      [2, 1, 5, 3],
      [2, 5, 3, 1],
    ],
    [
      ['batch', 4, 5, 3],
      [-1, 1, 4, 5, 3],
    ],
  ])('keep the layout from %j to %j', async (shape, to) => {
    const build = (through: (l: Lowering, x: Operand) => Operand): Lowering => {
      const { lowering: l } = sketch();
      const x = through(l, l.input('x', 'f32', shape));
      l.output('y', l.apply('Neg', [l.reshape(x, to, { name: 'r' })], { name: 'n' }));
      return l;
    };
    const pool = { name: 'pool', kind: 'max', window: [1, 1], strides: [1, 1], padding: 'VALID' } as const;
    const fed = { x: shape.map((size) => (typeof size === 'number' ? size : 2)) };
    const [expected] = await run(
      build((_, x) => x),
      fed,
    );
    const [actual] = await run(
      build((l, x) => l.pool(x, pool)),
      fed,
    );
    expect(actual?.shape).toEqual(expected?.shape);
    expect(actual?.data).toEqual(expected?.data);
  });
});

describe('names and refusals', () => {
  it('keeps names, and says of an opaque operator why', () => {
    const { lowering: l } = sketch();
    const x = l.input('x', 'f32', [1, 4]);
    const [odd] = l.opaque('MakeOdd', [x], {
      name: 'odd',
      outputs: ['odd:0'],
      domain: 'tflite',
      reason: 'It is a custom operator.',
      hint: 'Export without it.',
    });
    l.output('y', odd!);
    const { model, notices } = l.finish();
    expect(model.graph.nodes.map((node) => node.name)).toEqual(['odd']);
    expect(notices[0]?.text).toContain('MakeOdd odd');
    expect(model.graph.values.get(model.graph.outputs[0]!)?.name).toBe('y');
  });
});
