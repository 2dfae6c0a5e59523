/** The command line from outside: processes, exit codes, one line on stderr, valid JSON on stdout. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pareIn } from './testing/process.ts';
import { seededRandom } from '#base/random.ts';
import { ELEM, modelProto, tensorProto, valueProto } from '#runtimes/testing/tiny-onnx.ts';
import { writeNpz } from '#wire/npy.ts';
import { joinChunks } from '#base/bytes.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

const pare = (...args: string[]) => pareIn(folder, args);

/** Two layers of 64 x 64 and 64 x 16 weights: just large enough to be worth quantizing. */
function tinyClassifier(): Uint8Array {
  const random = seededRandom(11);
  const weights = (...dims: [number, number]): Float32Array =>
    Float32Array.from({ length: dims[0] * dims[1] }, () => random.normal() / 8);
  return modelProto({
    nodes: [
      { op: 'MatMul', name: 'first', inputs: ['x', 'w1'], outputs: ['h'] },
      { op: 'Relu', name: 'relu', inputs: ['h'], outputs: ['a'] },
      { op: 'MatMul', name: 'second', inputs: ['a', 'w2'], outputs: ['y'] },
    ],
    inputs: [valueProto('x', ELEM.f32, ['batch', 64])],
    outputs: [valueProto('y', ELEM.f32, ['batch', 16])],
    initializers: [
      tensorProto('w1', ELEM.f32, [64, 64], weights(64, 64)),
      tensorProto('w2', ELEM.f32, [64, 16], weights(64, 16)),
    ],
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-cli-'));
  writeFileSync(at('tiny.onnx'), tinyClassifier());
  writeFileSync(at('cut.onnx'), tinyClassifier().slice(0, 9000));
  writeFileSync(at('empty.onnx'), '');
  writeFileSync(at('not-json.json'), '{');
  writeFileSync(at('unknown-pass.json'), JSON.stringify({ version: 1, name: 'x', steps: [{ pass: 'no/such' }] }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('usage', () => {
  it.each([
    ['no command', [], 'there is no command'],
    ['an unknown command', ['frobnicate'], "no command 'frobnicate'"],
    ['an unknown option', ['inspect', 'tiny.onnx', '--frob'], "Unknown option '--frob'"],
    ['a missing model', ['inspect'], 'inspect needs MODEL'],
    ['a second model', ['inspect', 'a', 'b'], "another argument: 'b'"],
    ['a missing recipe', ['optimize', 'tiny.onnx', '-o', 'o.onnx'], '--recipe'],
    ['a missing output', ['optimize', 'tiny.onnx', '--recipe', 'none'], '-o OUT'],
    ['one model to compare', ['compare', 'tiny.onnx'], 'compare needs B'],
    ['a count that is none', ['compare', 'tiny.onnx', 'tiny.onnx', '--runs', 'x'], 'whole number'],
  ])('exits with 2 and one line on stderr for %s', (_, args, problem) => {
    const { code, out, err } = pare(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(problem);
    expect(err).toMatch(/^pare: [^\n]+\n$/);
  });

  it('prints help and version on stdout', () => {
    const help = pare('--help');
    expect([help.code, help.err]).toEqual([0, '']);
    for (const name of ['inspect', 'optimize', 'compare', 'passes', 'presets']) {
      expect(help.out).toContain(name);
      const more = pare('help', name);
      expect([more.code, more.out === pare(name, '--help').out]).toEqual([0, true]);
    }
    expect(pare('--version').out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('refusals', () => {
  it.each([
    ['an absent model', ['inspect', 'absent.onnx'], 'absent.onnx'],
    ['an empty file', ['inspect', 'empty.onnx'], 'empty'],
    ['a file cut short', ['inspect', 'cut.onnx'], 'cut.onnx'],
    ['a file that is no model', ['inspect', 'not-json.json'], 'not-json.json'],
    ['an unknown recipe', ['optimize', 'tiny.onnx', '-r', 'int9', '-o', 'o.onnx'], 'int8-channel'],
    ['a recipe that is not JSON', ['optimize', 'tiny.onnx', '-r', 'not-json.json', '-o', 'o.onnx'], 'not-json.json'],
    ['an unknown pass', ['optimize', 'tiny.onnx', '-r', 'unknown-pass.json', '-o', 'o.onnx'], 'no/such'],
    ['the original as output', ['optimize', 'tiny.onnx', '-r', 'none', '-o', './tiny.onnx'], 'overwrite'],
    ['a folder that is not there', ['optimize', 'tiny.onnx', '-r', 'none', '-o', 'no/o.onnx'], 'no such folder'],
    [
      'a report over the original',
      ['optimize', 'tiny.onnx', '-r', 'none', '-o', 'o.onnx', '--report', 'tiny.onnx'],
      'overwrite',
    ],
    [
      'a report over the result',
      ['optimize', 'tiny.onnx', '-r', 'none', '-o', 'o.onnx', '--report', 'o.onnx'],
      'report',
    ],
    ['inputs that are absent', ['compare', 'tiny.onnx', 'tiny.onnx', '--inputs', 'absent.npz'], 'absent.npz'],
  ])('exits with 1 and one line on stderr for %s', (_, args, problem) => {
    const { code, out, err } = pare(...args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(problem);
    expect(err).toMatch(/^pare: [^\n]+\n$/);
    expect(existsSync(at('o.onnx'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('.pare-'))).toEqual([]);
  });
});

describe('a session', () => {
  it('inspects', () => {
    const { code, out, err } = pare('inspect', 'tiny.onnx', '--json');
    expect([code, err]).toEqual([0, '']);
    const summary = JSON.parse(out);
    const weights = 64 * 64 + 64 * 16;
    expect(summary).toMatchObject({
      format: 'onnx',
      parameters: weights,
      bytes: tinyClassifier().length,
      weightBytes: 4 * weights,
      macs: weights,
      layers: [
        { name: 'first', op: 'MatMul', shape: ['batch', 64], parameters: 4096, bytes: 16_384, macs: 4096 },
        { name: 'relu', op: 'Relu', parameters: 0 },
        { name: 'second', op: 'MatMul', shape: ['batch', 16], parameters: 1024, bytes: 4096, macs: 1024 },
      ],
    });
    expect(pare('inspect', 'tiny.onnx').out).toMatch(/first +MatMul +\[batch, 64\] +4\.10 k +16\.4 kB/);
  });

  it('writes the same model with the preset none', () => {
    const { code, out } = pare('optimize', 'tiny.onnx', '--recipe', 'none', '-o', 'same.onnx');
    expect(code).toBe(0);
    expect(out).toContain('outputs are equal');
    const compared = JSON.parse(pare('compare', 'tiny.onnx', 'same.onnx', '--json').out);
    expect(compared.runtime).toContain('onnxruntime-node');
    expect(compared.outputs).toMatchObject([
      { name: 'y', shape: [1, 16], sqnrDb: Infinity, cosine: 1, maxAbs: 0, top1Agreement: 1 },
    ]);
  });

  it('quantizes, reports and compares', () => {
    const run = pare('optimize', 'tiny.onnx', '-r', 'int8-channel', '-o', 'int8.onnx', '--report', 'report.json');
    expect(run.code).toBe(0);
    const report = JSON.parse(readFileSync(at('report.json'), 'utf8'));
    expect(report.after.weightBytes.value).toBeLessThan(report.before.weightBytes.value / 3);
    expect(report.layers.map((layer: { bits: number | null }) => layer.bits)).toEqual([8, null, 8]);
    expect(report.verified.outputs).toHaveLength(1);
    const { outputs } = JSON.parse(pare('compare', 'tiny.onnx', 'int8.onnx', '--runs', '8', '--json').out);
    // Rounding noise of 8 bits over normal weights: about 40 dB.
    expect(outputs[0].sqnrDb).toBeGreaterThan(30);
    expect(outputs[0].sqnrDb).toBeLessThan(60);
  });

  it('takes a recipe file, and the presets print as one', () => {
    const recipe = JSON.parse(pare('presets', '--show', 'int4-block32').out);
    writeFileSync(at('mine.json'), JSON.stringify({ ...recipe, layers: { second: { exclude: true } } }));
    const run = pare('optimize', 'tiny.onnx', '-r', 'mine.json', '-o', 'mine.onnx', '--report', 'mine-report.json');
    expect([run.code, run.err]).toEqual([0, '']);
    const { layers } = JSON.parse(readFileSync(at('mine-report.json'), 'utf8'));
    expect(layers[0].bits).toBe(4);
    expect(layers[2].skippedCode).toBe('excluded');
  });

  it('compares on inputs from a file, in both runs of it', async () => {
    const x = { dtype: 'f32' as const, shape: [2, 1, 64], data: Float32Array.from({ length: 128 }, (_, i) => i / 128) };
    const npz = await writeNpz('in.npz', new Map([['x', x]]));
    writeFileSync(at('in.npz'), await joinChunks(npz.chunks));
    const { code, out } = pare('compare', 'tiny.onnx', 'tiny.onnx', '--inputs', 'in.npz', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ runs: 2, method: '2 runs on in.npz', outputs: [{ count: 32 }] });
  });

  it('moves weights to external data, finds them again, and reads the folder as well', () => {
    mkdirSync(at('moved'));
    const run = pare('optimize', 'tiny.onnx', '-r', 'none', '-o', 'moved', '--external-data', 'external');
    expect(run.code).toBe(0);
    expect(readdirSync(at('moved')).toSorted()).toEqual(['tiny.onnx', 'tiny.onnx.data']);
    for (const path of ['moved/tiny.onnx', 'moved']) {
      const { outputs } = JSON.parse(pare('compare', 'tiny.onnx', path, '--json').out);
      expect(outputs[0].maxAbs).toBe(0);
    }
  });

  it('lists passes with their options', () => {
    const { passes } = JSON.parse(pare('passes', '--json').out);
    const quantize = passes.find((pass: { name: string }) => pass.name === 'quantize/weights');
    expect(Object.keys(quantize.schema.properties)).toContain('bits');
    expect(pare('passes').out).toContain('quantize/weights');
  });
});
