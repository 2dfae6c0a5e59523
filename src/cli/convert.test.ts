/** `pare convert` from outside, on the small models of every format. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pareIn, repositoryRoot } from './testing/process.ts';
import { memorySource } from '#base/sources.ts';
import { openModel } from '#studio/open.ts';

const fixture = (name: string): string => join(repositoryRoot, 'fixtures', 'formats', name);
let folder: string;
const at = (name: string): string => join(folder, name);

const pare = (...args: string[]) => pareIn(folder, args);

async function namesIn(file: string): Promise<readonly (string | undefined)[]> {
  const { model } = await openModel(new Map([[file, memorySource(file, readFileSync(at(file)))]]));
  return [...model.graph.inputs, ...model.graph.outputs].map((id) => model.graph.values.get(id)?.name);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-convert-'));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('pare convert', () => {
  it.each([
    ['a TFLite file', 'tflite/network_float_ends.tflite', 'tflite'],
    ['a SavedModel in a zip', 'savedmodel/keras3.zip', 'savedmodel'],
    ['a frozen graph', 'savedmodel/frozen-v1.pb', 'savedmodel'],
    ['a .keras file', 'keras/containers/nested-3.keras', 'keras'],
    ['a TF.js model in a zip', 'tfjs/small-uint8.zip', 'tfjs'],
  ])('writes %s as ONNX that runs', async (_, path, format) => {
    const { code, out, err } = pare('convert', fixture(path), '--to', 'onnx', '-o', `${format}.onnx`);
    expect([code, err.startsWith('pare:')], err).toEqual([0, false]);
    expect(out).toContain(`${format} -> ONNX opset 17`);
    expect(out).toMatch(/^ran in onnxruntime-node/m);
    expect((await namesIn(`${format}.onnx`)).length).toBeGreaterThanOrEqual(2);
  });

  it('reads the signature that is asked for, and names a file in a folder after the model', async () => {
    const { code, out } = pare('convert', fixture('savedmodel/signatures.zip'), '-o', '.', '--signature', 'pair');
    expect([code, out]).toEqual([0, expect.stringContaining('signatures-pair.onnx')]);
    expect(await namesIn('signatures-pair.onnx')).toEqual(['x', 'y', 'product', 'sum']);
  });

  it.each([
    [['--to', 'tflite', '-o', 'x.onnx'], 2, "--to takes onnx, not 'tflite'"],
    [['--to', 'onnx'], 2, 'convert needs -o OUT'],
    [['--external-data', 'keep', '-o', 'x.onnx'], 2, 'inline or external'],
    [['-o', 'x.onnx', '--signature', 'nope'], 1, 'no signature "nope"'],
  ])('refuses %j', (flags, status, problem) => {
    const { code, err } = pare('convert', fixture('savedmodel/signatures.zip'), ...flags);
    expect([code, err]).toEqual([status, expect.stringContaining(problem)]);
  });

  it('names the operator and the node that have no counterpart, and writes nothing', () => {
    const { code, err } = pare('convert', fixture('tflite/custom.tflite'), '-o', 'custom.onnx');
    expect(code).toBe(1);
    expect(err).toMatch(/^pare: .*custom\.tflite.* has no counterpart in ONNX: It is a custom operator/);
    expect(readdirSync(folder)).not.toContain('custom.onnx');
  });

  it('is not needed to make a model smaller', () => {
    const { code, out } = pare(
      'optimize',
      fixture('tflite/network_half.tflite'),
      '-r',
      'int8-channel',
      '-o',
      'small.onnx',
    );
    expect([code, out]).toEqual([0, expect.stringContaining('verified')]);
  });
});
