import { describe, expect, it } from 'vitest';
import { parseModel } from '#ir/parse.ts';
import { printWithWeights } from '#ir/print.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { ActivationRange, Evidence, LedgerEntry } from '#passes/pass.ts';
import { runPass, type TestDesk } from '#passes/testing/desk.ts';
import type { StaticOptions } from './static/options.ts';
import { quantizeStatic } from './static.ts';

/** Ranges by name; every other value was seen from -1 to 1. `null`: no sample reached it. */
function evidence(model: Model, ranges: Readonly<Record<string, readonly [number, number] | null>>): Evidence {
  return {
    description: 'made up',
    ranges: async (values) => {
      const found = values.flatMap((id): [ValueId, ActivationRange][] => {
        const range = ranges[model.graph.values.get(id)?.name ?? ''];
        if (range === null) return [];
        const [low, high] = range ?? [-1, 1];
        return [[id, { low, high, min: low, max: high, count: 8, clipped: 0 }]];
      });
      return new Map(found);
    },
  };
}

interface Wish extends Omit<TestDesk, 'evidence'> {
  readonly options?: Partial<StaticOptions>;
  readonly ranges?: Readonly<Record<string, readonly [number, number] | null>>;
  readonly opset?: number;
}

async function quantized(body: string, wish: Wish = {}) {
  const store = createWeightStore();
  const model = parseModel(`model "m" opset onnx ${String(wish.opset ?? 13)} ir 8\n${body}`, store);
  const desk = { ...wish, ...(wish.preview === true ? {} : { evidence: evidence(model, wish.ranges ?? {}) }) };
  const result = await runPass(quantizeStatic, model, store, wish.options ?? {}, desk);
  const text = await printWithWeights(result.model, store);
  return { ...result, before: model, text, lines: text.split('\n').slice(1, -2) };
}

function codes(ledger: readonly LedgerEntry[]): Record<string, string> {
  return Object.fromEntries(ledger.map(({ layer, action, code }) => [layer, `${action} ${code}`]));
}

/** How the values of a text are rounded, by name: `u8 0.5 @ 3`. */
function grids(text: string): Record<string, string> {
  const found = text.matchAll(
    /%(\w+): f32\[[^\]]*\] quantized \{scale: f32\[\] \[([^\]]+)\], zero: (\w+)\[\] \[([^\]]+)\]/g,
  );
  return Object.fromEntries([...found].map(([, name, scale, type, zero]) => [name, `${type} ${scale} @ ${zero}`]));
}

const CHAIN = `graph main(%x: f32[1, 1, 4, 4]) -> (%y) {
  %w: f32[2, 1, 1, 1] = const [1.27, -2.54]
  %b: f32[2] = const [0.5, 1]
  %v: f32[1, 2, 1, 1] = const [1.27, 0.635]
  %c: f32[1, 2, 4, 4] = Conv(%x, %w, %b) @first
  %r: f32[1, 2, 4, 4] = Relu(%c) @relu
  %y: f32[1, 1, 4, 4] = Conv(%r, %v) @second
}`;
const FLAT = { x: [-1.28, 1.27], c: [-9, 9], r: [0, 2.55], y: [-5.12, 5.08] } as const;

describe('quantize/static', () => {
  it('rounds what layers read and make, folds Relu, and puts biases on the grid of the products', async () => {
    const { lines, ledger } = await quantized(CHAIN, { ranges: FLAT, options: { correctBias: false } });
    expect(lines).toEqual([
      'graph main(%x: f32[1, 1, 4, 4] quantized {scale: f32[] [0.009999999776482582], zero: u8[] [128], levels: "u8"}) -> (%y) {',
      '  %w: f32[2, 1, 1, 1] = const i8[2, 1, 1, 1] [127, -127] quantized {scale: f32[2] [0.009999999776482582, 0.019999999552965164], zero: i8[2] [0, 0], axis: 0, convention: "int8-symmetric-narrow-127", form: "dequantize"}',
      '  %b: f32[2] = const i32[2] [5000, 5000] quantized {scale: f32[2] [0.00009999999747378752, 0.00019999999494757503], axis: 0, form: "dequantize"}',
      '  %v: f32[1, 2, 1, 1] = const i8[1, 2, 1, 1] [127, 64] quantized {scale: f32[1] [0.009999999776482582], zero: i8[1] [0], axis: 0, convention: "int8-symmetric-narrow-127", form: "dequantize"}',
      '  %r: f32[1, 2, 4, 4] quantized {scale: f32[] [0.009999999776482582], zero: u8[] [0], levels: "u8"} = Conv(%x, %w, %b) @first',
      '  %y: f32[1, 1, 4, 4] quantized {scale: f32[] [0.03999999910593033], zero: u8[] [128], levels: "u8"} = Conv(%r, %v) @second',
    ]);
    expect(codes(ledger)).toEqual({ first: 'changed quantized', relu: 'changed folded', second: 'changed quantized' });
    expect(ledger.find(({ layer }) => layer === 'first')).toMatchObject({
      weight: 'w',
      outcome: { bits: 8, bytesBefore: 8, bytesAfter: 12, granularity: 'channel', axis: 0 },
    });
  });

  it('measures the same in a preview, needs no data for it and leaves the model as it is', async () => {
    const run = await quantized(CHAIN, { ranges: FLAT });
    const preview = await quantized(CHAIN, { preview: true });
    expect(preview.model.graph).toBe(preview.before.graph);
    expect(codes(preview.ledger)).toEqual(codes(run.ledger));
    const outcomes = ({ ledger }: typeof run) => ledger.map(({ outcome }) => outcome?.error);
    expect(outcomes(preview)).toEqual(outcomes(run));
  });

  it('refuses to run without ranges', async () => {
    const store = createWeightStore();
    const model = parseModel(`model "m" opset onnx 13 ir 8\n${CHAIN}`, store);
    await expect(runPass(quantizeStatic, model, store)).rejects.toThrow('ranges of activations were not measured');
  });

  it('takes a layer out: what other layers do not need is not rounded', async () => {
    const { text, ledger } = await quantized(CHAIN, { ranges: FLAT, exclude: ['second'] });
    expect(codes(ledger)).toMatchObject({ first: 'changed quantized', second: 'left excluded' });
    expect(Object.keys(grids(text))).toEqual(['x', 'r']);
    expect(text).toContain('%v: f32[1, 2, 1, 1] = const [1.2');
  });

  it('gives one layer 16 bits by rounding again in front of it and behind', async () => {
    const layerOptions = { second: { activations: 'uint16' } } as const;
    const three = CHAIN.replace('-> (%y)', '-> (%z)').replace(/}$/, '  %z = Conv(%y, %u) @third\n}');
    const body = three
      .replace('  %c:', '  %u: f32[1, 1, 1, 1] = const [1]\n  %c:')
      .replace('%z =', '%z: f32[1, 1, 4, 4] =');
    const { lines, text } = await quantized(body, { ranges: FLAT, layerOptions, opset: 21 });
    expect(lines.slice(-5).map((line) => line.replace(/ quantized \{[^}]*\}/, '').trim())).toEqual([
      '%r: f32[1, 2, 4, 4] = Conv(%x, %w, %b) @first',
      '%r_convert: f32[1, 2, 4, 4] = Identity(%r) @r_convert',
      '%y: f32[1, 1, 4, 4] = Conv(%r_convert, %v) @second',
      '%y_convert: f32[1, 1, 4, 4] = Identity(%y) @y_convert',
      '%z: f32[1, 1, 4, 4] = Conv(%y_convert, %u) @third',
    ]);
    const types = Object.entries(grids(text)).map(([name, grid]) => `${name} ${grid.split(' ')[0]}`);
    expect(types).toEqual(['x u8', 'r u8', 'r_convert u16', 'y u16', 'y_convert u8', 'z u8']);
  });

  it('leaves layers whose range is not known, and says which value no sample reached', async () => {
    const { ledger, text } = await quantized(CHAIN, { ranges: { ...FLAT, y: null } });
    expect(codes(ledger)).toMatchObject({ first: 'changed quantized', second: 'left no-range' });
    expect(ledger.find(({ layer }) => layer === 'second')?.text).toContain('No sample reached "y"');
    expect(Object.keys(grids(text))).toEqual(['x', 'r']);
  });

  it('gives a constant activation a valid grid and says so', async () => {
    const { text, notices } = await quantized(CHAIN, { ranges: { ...FLAT, x: [0, 0] } });
    expect(grids(text)['x']).toBe('u8 1 @ 0');
    expect(notices.map((notice) => [notice.code, notice.at])).toEqual([['quantize/constant-activation', 'x']]);
  });

  it('keeps Relu where activations are symmetric, with the range of what it makes', async () => {
    const options = { activations: 'int8', symmetric: true } as const;
    const { text, ledger } = await quantized(CHAIN, { ranges: FLAT, options });
    expect(codes(ledger)['relu']).toBe('changed rounded');
    expect(grids(text)['c']).toBe(grids(text)['r']);
    expect(grids(text)['c']).toMatch(/^i8 0.0200\d+ @ 0$/);
  });

  it('multiplies signed activations with signed weights only', async () => {
    const options = { activations: 'int8', weights: 'uint8' } as const;
    const { text, notices } = await quantized(CHAIN, { ranges: FLAT, options });
    expect(text).toContain('const i8[2, 1, 1, 1]');
    expect(notices.map((notice) => notice.code)).toEqual(['quantize/weights-signed']);
  });

  it('takes off biases what the rounding of weights adds on average', async () => {
    const store = createWeightStore();
    const model = parseModel(`model "m" opset onnx 13 ir 8\n${CHAIN.replace('[1.27, -2.54]', '[1.27, 1]')}`, store);
    const plain = evidence(model, FLAT);
    const means: Evidence = {
      ...plain,
      ranges: async (values, choice, axes) => {
        const found = await plain.ranges(values, choice, axes);
        return new Map(
          [...found].map(([id, range]) => [
            id,
            axes?.has(id) === true ? { ...range, channelMeans: Float64Array.of(100, 100) } : range,
          ]),
        );
      },
    };
    const one = { perChannel: false } as const;
    const without = await runPass(quantizeStatic, model, store, { ...one, correctBias: false }, { evidence: means });
    const corrected = await runPass(quantizeStatic, model, store, one, { evidence: means });
    // Scale 0.01: 1 becomes 100 levels, which is exact but for the scale's own rounding; 1.27 is 127 levels.
    const bias = async (result: Model): Promise<Int32Array> => {
      const value = [...result.graph.values.values()].find(({ name }) => name === 'b')!;
      return new Int32Array((await store.read(value.constant!)).slice().buffer);
    };
    const [a, b] = [await bias(without.model), await bias(corrected.model)];
    const shift = (Math.fround(0.01) * 100 - 1) * 100;
    expect(b[1]! - a[1]!).toBe(Math.round(-shift / 1e-4) + 0);
  });
});

describe('what is chosen', () => {
  const conv = (from: string, to: string, name: string): string =>
    `  %${name}_w: f32[2, 2, 1, 1] = const fill(1)\n  %${to}: f32[1, 2, 4, 4] = Conv(%${from}, %${name}_w) @${name}\n`;
  const graph = (body: string, outputs = '%y'): string => `graph main(%x: f32[1, 2, 4, 4]) -> (${outputs}) {\n${body}}`;

  it('what stands between layers with weights, not what leads out of the model', async () => {
    const body = graph(
      `${conv('x', 'a', 'one')}  %s: f32[1, 2, 4, 4] = Sigmoid(%a) @gate\n  %m: f32[1, 2, 4, 4] = Mul(%a, %s) @swish\n${conv('m', 'b', 'two')}  %y: f32[1, 2, 4, 4] = Sigmoid(%b) @out\n`,
    );
    const { ledger, text } = await quantized(body);
    expect(codes(ledger)).toEqual({
      one: 'changed quantized',
      gate: 'changed rounded',
      swish: 'changed rounded',
      two: 'changed quantized',
      out: 'left tail',
    });
    expect(Object.keys(grids(text))).toEqual(['x', 'a', 's', 'm', 'b']);
  });

  it('nothing that reads floats, and no operator that the runtime computes in float', async () => {
    const body = graph(
      `  %n: f32[1, 2, 4, 4] = Mul(%x, %x) @square\n${conv('n', 'a', 'one')}  %t: f32[1, 2, 4, 4] = Tanh(%a) @tanh\n  %p: f32[1, 2, 4, 4] = Sigmoid(%t) @gate\n${conv('p', 'y', 'two')}`,
    );
    const { ledger } = await quantized(body);
    expect(codes(ledger)).toEqual({
      square: 'left float-input',
      one: 'changed quantized',
      tanh: 'left no-integer-kernel',
      gate: 'left float-input',
      two: 'changed quantized',
    });
  });

  it('lets integers move through layers that compute nothing, on the grid that they have', async () => {
    const body = graph(
      `${conv('x', 'a', 'one')}  %t: f32[1, 4, 4, 2] = Transpose(%a) {perm: ints[0, 2, 3, 1]} @there\n  %u: f32[1, 2, 4, 4] = Transpose(%t) {perm: ints[0, 3, 1, 2]} @back\n${conv('u', 'y', 'two')}`,
    );
    const { ledger, text, model } = await quantized(body, { ranges: { a: [-2, 2], t: [-3, 3], u: [-4, 4] } });
    expect(codes(ledger)).toMatchObject({ there: 'changed moved', back: 'changed moved' });
    expect(new Set(['a', 't', 'u'].map((name) => grids(text)[name])).size).toBe(1);
    const tickets = [...model.graph.values.values()].filter(({ name }) => ['a', 't', 'u'].includes(name));
    expect(new Set(tickets.map(({ quantization }) => quantization?.scale.key)).size).toBe(1);
  });

  it('lets the last product leave as float', async () => {
    const body = `graph main(%x: f32[2, 3]) -> (%y) {
  %w: f32[3, 4] = const ramp(-1, 0.2)
  %c: f32[1, 4] = const [1, 2, 3, 4]
  %y: f32[2, 4] = Gemm(%x, %w, %c) {beta: 2f} @dense
}`;
    const { text, ledger } = await quantized(body, { ranges: { x: [-1.28, 1.27] }, options: { correctBias: false } });
    expect(codes(ledger)).toEqual({ dense: 'changed quantized' });
    expect(Object.keys(grids(text))).toEqual(['x']);
    // beta is in the bias, one value a column.
    expect(text).toMatch(/%c: f32\[4\] = const i32\[4\] \[\d+, \d+, \d+, \d+\] quantized/);
    expect(text).toContain('Gemm(%x, %w, %c) @dense');
  });

  it('gives layers that share a constant with a float layer one of their own', async () => {
    const body = `graph main(%x: f32[2, 4]) -> (%y, %z) {
  %w: f32[4, 4] = const ramp(-1, 0.2)
  %y: f32[2, 4] = MatMul(%x, %w) @one
  %z: f32[2, 4] = MatMul(%x, %w) @two
}`;
    const { text } = await quantized(body, { exclude: ['two'] });
    expect(text).toContain('%w: f32[4, 4] = const [-1,');
    expect(text).toMatch(/%w_1: f32\[4, 4\] = const i8\[4, 4\]/);
    expect(text).toContain('MatMul(%x, %w_1) @one');
    expect(text).toContain('MatMul(%x, %w) @two');
  });

  it.each([
    ['LSTM', '%y, %h, %c = LSTM(%x, %w, %r) {hidden_size: 2} @layer', 'recurrent'],
    ['TopK', '%y, %i = TopK(%x, %k) @layer', 'selection'],
    ['Shape', '%y: i64[3] = Shape(%x) @layer', 'no-floats'],
    [
      'MatMul of half floats',
      '%h: f16[1, 2, 4] = Cast(%x) {to: 10} @cast\n%y: f16[1, 2, 2] = MatMul(%h, %q) @layer',
      'not-float32',
    ],
    ['custom', '%y: f32[1, 2, 4] = my::Thing(%x) @layer', 'no-integer-kernel'],
  ])('leaves %s with a reason', async (_name, line, code) => {
    const body = `graph main(%x: f32[1, 2, 4]) -> (%y) {
  %w: f32[1, 8, 4] = const zeros
  %r: f32[1, 8, 2] = const zeros
  %k: i64[1] = const [1]
  %q: f16[4, 2] = const zeros
  ${line}
}`;
    const { ledger } = await quantized(body);
    expect(codes(ledger)['layer']).toBe(`left ${code}`);
  });

  it('tells of every layer, inside branches too', async () => {
    const body = `graph main(%x: f32[2, 4], %flag: bool[]) -> (%y) {
  %w: f32[4, 4] = const ramp(-1, 0.2)
  %m: f32[2, 4] = MatMul(%x, %w) @product
  %y: f32[2, 4] = If(%flag) {then_branch: graph yes() -> (%a) {
    %a: f32[2, 4] = MatMul(%m, %w) @inner
  }, else_branch: graph no() -> (%b) {
    %b: f32[2, 4] = Identity(%m) @keep
  }} @choose
}`;
    const { ledger, text } = await quantized(body);
    expect(codes(ledger)).toEqual({
      product: 'changed quantized',
      choose: 'left control-flow',
      inner: 'left subgraph',
      keep: 'left subgraph',
    });
    expect(text).toContain('MatMul(%m, %w) @inner');
  });

  it('leaves what is quantized in the file already', async () => {
    const body = `graph main(%x: f32[2, 4]) -> (%y) {
  %s: f32[] = const [0.1]
  %z: u8[] = const [3]
  %w: f32[4, 4] = const ramp(-1, 0.2)
  %q: u8[2, 4] = QuantizeLinear(%x, %s, %z) @quantize
  %d: f32[2, 4] = DequantizeLinear(%q, %s, %z) @dequantize
  %y: f32[2, 4] = MatMul(%d, %w) @product
}`;
    const { ledger, model, before } = await quantized(body);
    expect(new Set(ledger.map((line) => `${line.action} ${line.code}`))).toEqual(new Set(['left already-quantized']));
    expect(model.graph).toBe(before.graph);
  });
});
