/** What the writer decides: where weights go, which versions a file needs, and what it refuses to write. */
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { isRange, joinChunks } from '#base/bytes.ts';
import { memorySource, outputSource } from '#base/sources.ts';
import { openFiles } from '#formats/index.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import { printModel } from '#ir/print.ts';
import type { BuildModel } from '#ir/testing/build.ts';
import { buildModel } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';
import { checkOnnx } from './check.ts';
import { writeOnnx } from './write.ts';

const BIG = Array.from({ length: 20_000 }, (_, index) => index);

const SPEC: BuildModel = {
  inputs: { x: { dtype: 'f32', shape: ['n', 20_000] } },
  outputs: { y: { dtype: 'f32', shape: ['n', 20_000] } },
  initializers: {
    small: { dtype: 'f32', shape: [1], data: [2] },
    big: { dtype: 'f32', shape: [20_000], data: BIG },
    other: { dtype: 'f32', shape: [20_000], data: BIG },
  },
  nodes: [
    { op: 'Mul', inputs: ['x', 'small'], outputs: ['a'] },
    { op: 'Mul', inputs: ['a', 'big'], outputs: ['b'] },
    { op: 'Add', inputs: ['b', 'other'], outputs: ['y'] },
  ],
};

async function writeAndOpen(
  model: Model,
  store: WeightStore,
  options: Parameters<typeof writeOnnx>[2] = {},
): Promise<{
  readonly files: ReadonlyMap<string, ByteSource>;
  readonly opened: Awaited<ReturnType<typeof openFiles>>;
}> {
  const outputs = await writeOnnx(model, store, options);
  const files = new Map<string, ByteSource>();
  for (const output of outputs) files.set(output.path, memorySource(output.path, await joinChunks(output.chunks)));
  return { files, opened: await openFiles(files) };
}

function idOf(model: Model, name: string): ValueId {
  for (const value of model.graph.values.values()) if (value.name === name) return value.id;
  throw new Error(`no value ${name}`);
}

describe('writing', () => {
  it('gives a file that reads as the model that was built', async () => {
    const { model, store } = buildModel(SPEC);
    const { opened } = await writeAndOpen(model, store);
    expect(printModel({ ...opened.model, name: model.name, source: model.source })).toBe(printModel(model));
  });

  it('can be opened again before anything is joined or stored', async () => {
    const { model, store } = buildModel(SPEC);
    const [output] = await writeOnnx(model, store);
    if (output === undefined) throw new Error('nothing was written');
    const opened = await openFiles(new Map([[output.path, outputSource(output)]]));
    expect(opened.model.graph.nodes.length).toBe(3);
  });

  it('puts weights of 1 KiB and more into a data file on page borders when asked to', async () => {
    const { model, store } = buildModel(SPEC);
    const { files, opened } = await writeAndOpen(model, store, { path: 'out/net.onnx', externalData: 'external' });
    expect([...files.keys()]).toEqual(['out/net.onnx', 'out/net.onnx.data']);
    expect(files.get('out/net.onnx')?.sizeBytes).toBeLessThan(2000);
    const places = ['big', 'other'].map((name) => {
      const tensor = opened.model.graph.values.get(idOf(opened.model, name))?.constant;
      const [chunk] = tensor === undefined ? [] : opened.store.chunks(tensor);
      return chunk !== undefined && isRange(chunk) ? [chunk.source.name, chunk.offset] : [];
    });
    expect(places).toEqual([
      ['out/net.onnx.data', 0],
      ['out/net.onnx.data', 81_920],
    ]);
  });

  it('keeps weights outside under the same name, changed ones too', async () => {
    const built = buildModel(SPEC);
    const first = await writeAndOpen(built.model, built.store, { path: 'net.onnx', externalData: 'external' });
    const { model, store } = first.opened;
    expect([...(await writeAndOpen(model, store)).files.keys()]).toEqual(['net.onnx', 'net.onnx.data']);

    const edit = openEditor(model);
    edit.setConstant(idOf(model, 'big'), store.put('f32', [20_000], new Uint8Array(80_000)));
    const changed = await writeOnnx(edit.finish(), store);
    expect(changed.map((file) => file.path)).toEqual(['net.onnx', 'net.onnx.data']);
    const made = changed.flatMap((file) => file.chunks).filter((chunk) => !isRange(chunk));
    expect(made.filter((chunk) => chunk instanceof Uint8Array && chunk.byteLength >= 80_000).length).toBe(1);

    const inline = await writeAndOpen(model, store, { externalData: 'inline' });
    expect([...inline.files.keys()]).toEqual(['net.onnx']);
  });

  it('names the data file after the model under another name, so that the original is not overwritten', async () => {
    const built = buildModel(SPEC);
    const { opened } = await writeAndOpen(built.model, built.store, { path: 'net.onnx', externalData: 'external' });
    const files = await writeOnnx(opened.model, opened.store, { path: 'small.onnx' });
    expect(files.map((file) => file.path)).toEqual(['small.onnx', 'small.onnx.data']);
  });

  it('keeps several data files apart, and stores tied weights once', async () => {
    const bytes = new Uint8Array(80_000);
    const sources = ['net/a.bin', 'net/b.bin'].map((name) => memorySource(name, bytes));
    const { model, store } = buildModel(SPEC);
    const edit = openEditor({ ...model, source: { ...model.source, file: 'net/m.onnx', externalData: 'a.bin' } });
    ['big', 'other', 'small'].forEach((name, index) => {
      const source = sources[index % 2];
      if (source === undefined) throw new Error('two sources');
      edit.setConstant(idOf(model, name), store.link('f32', [20_000], { source, offset: 0, length: 80_000 }));
    });
    const files = await writeOnnx(edit.finish(), store, { path: 'net/m.onnx' });
    expect(files.slice(1).map((file) => [file.path, file.sizeBytes])).toEqual([
      ['net/a.bin', 80_000],
      ['net/b.bin', 80_000],
    ]);
  });

  it('moves weights outside when the file would pass 1.9 GB', async () => {
    const length = 2_000_000_000;
    const source: ByteSource = {
      name: 'weights',
      sizeBytes: length,
      read: () => Promise.reject(new Error('not read')),
    };
    const { model, store } = buildModel(SPEC);
    const edit = openEditor(model);
    edit.setConstant(idOf(model, 'big'), store.link('f32', [length / 4], { source, offset: 0, length }));
    const files = await writeOnnx(edit.finish(), store);
    expect(files.map((file) => file.path)).toEqual(['test.onnx', 'test.onnx.data']);
    expect(files[1]?.sizeBytes).toBeGreaterThan(length);
  });

  it('raises the IR version for element types that need it, and only then', async () => {
    const spec: BuildModel = { ...SPEC, opset: 21, irVersion: 8 };
    expect((await writeAndOpen(buildModel(spec).model, buildModel(spec).store)).opened.model.irVersion).toBe(8);
    const four: BuildModel = {
      ...spec,
      initializers: {
        ...spec.initializers,
        q: { dtype: 'i4', shape: [2], data: [1, -8] },
        s: { dtype: 'f32', shape: [], data: [1] },
      },
      nodes: [...spec.nodes, { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['d'] }],
    };
    const built = buildModel(four);
    expect((await writeAndOpen(built.model, built.store)).opened.model.irVersion).toBe(10);
    expect(checkOnnx(built.model)).toEqual([]);
  });

  it('takes constants off the inputs when a file from before IR 4 gets constants that are none', async () => {
    const old = buildModel({ ...SPEC, opset: 8, irVersion: 3, initializersAsInputs: ['small', 'big', 'other'] });
    const kept = await writeAndOpen(old.model, old.store);
    expect([kept.opened.model.irVersion, kept.opened.model.graph.inputs.length]).toEqual([3, 4]);

    const mixed = buildModel({ ...SPEC, opset: 8, irVersion: 3, initializersAsInputs: ['small'] });
    const raised = await writeAndOpen(mixed.model, mixed.store);
    expect([raised.opened.model.irVersion, raised.opened.model.graph.inputs.length]).toEqual([4, 1]);
  });

  it('refuses a graph in which a name would lead to another value', async () => {
    const { model, store } = buildModel(SPEC);
    const graph = model.graph;
    const values = new Map(
      [...graph.values].map(([id, value]) => [id, value.name === 'b' ? { ...value, name: 'a' } : value]),
    );
    await expect(writeOnnx({ ...model, graph: { ...graph, values } }, store)).rejects.toThrow(/both named "a"/);
  });
});
