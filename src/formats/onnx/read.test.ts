/** Forms that ONNX files come in, each written by hand: where tensor data lies, what types say, how nodes are named. */
import { onnx } from './onnx.ts';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { joinChunks } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import type { OpenedModel } from '#formats/index.ts';
import { openFiles } from '#formats/index.ts';
import type { Tensor, Value } from '#ir/model.ts';
import { NUMBER_DTYPES, packElements } from '#ir/testing/build.ts';
import { allValues } from '#ir/walk.ts';
import { unpackStrings } from '#ir/weight-store.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { pushVarint } from '#wire/protobuf/varint.ts';
import {
  ATTRIBUTE,
  DIM,
  ENTRY,
  GRAPH,
  MODEL,
  NODE,
  SHAPE,
  SPARSE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
  dataTypeOf,
} from './record/schema.ts';
import { canonicalModel } from './testing/canonical.ts';
import { rawModel, rawNode, rawTensor } from './testing/raw.ts';

async function open(bytes: Uint8Array, others: Readonly<Record<string, Uint8Array>> = {}): Promise<OpenedModel> {
  const files = Object.entries({ 'm.onnx': bytes, ...others });
  return openFiles(new Map(files.map(([path, content]) => [path, memorySource(path, content)])));
}

function named({ model }: OpenedModel, name: string): Value {
  const value = [...allValues(model.graph).values()].find((candidate) => candidate.name === name);
  if (value === undefined) throw new Error(`no value ${name}`);
  return value;
}

async function weight(opened: OpenedModel, name = 'w'): Promise<number[]> {
  const { constant } = named(opened, name);
  if (constant === undefined) throw new Error(`${name} is no constant`);
  return [...(await opened.store.read(constant))];
}

const withTensor = (tensor: MessageDraft): Uint8Array =>
  rawModel({ irVersion: 13, nodes: [rawNode('Add', ['x', 'w'], ['y'])], initializers: [tensor] });

/** Written again, the file says the same. */
async function loseNothing(bytes: Uint8Array): Promise<void> {
  const opened = await open(bytes);
  const [file] = await onnx.write(opened.model, opened.store);
  const again = memorySource('again', await joinChunks(file?.chunks ?? []));
  expect(await canonicalModel(again)).toEqual(await canonicalModel(memorySource('first', bytes)));
}

function varints(...values: readonly (number | bigint)[]): Uint8Array {
  const out: number[] = [];
  for (const value of values) pushVarint(out, value);
  return Uint8Array.from(out);
}

const floats = new Uint8Array(Float32Array.of(1.5, -2, 0).buffer);
const doubles = new Uint8Array(Float64Array.of(1.5, -2).buffer);
const many = Array.from({ length: 40_000 }, (_, index) => index * 1000 - 7);

/** Data type, dims, how the data is given, and the packed bytes that it stands for. */
const FORMS: readonly (readonly [string, number, readonly number[], (tensor: MessageDraft) => void, Uint8Array])[] = [
  ['packed float_data', 1, [3], (t) => void t.bytes(TENSOR.floatData, floats), floats],
  ['float_data one by one', 1, [3], (t) => void t.float(4, 1.5).float(4, -2).float(4, 0), floats],
  [
    'float_data in two pieces',
    1,
    [3],
    (t) => void t.bytes(4, floats.subarray(0, 4)).bytes(4, floats.subarray(4)),
    floats,
  ],
  ['complex numbers in float_data', 14, [1], (t) => void t.bytes(4, floats.subarray(0, 8)), floats.subarray(0, 8)],
  ['double_data', 11, [2], (t) => void t.bytes(TENSOR.doubleData, doubles), doubles],
  ['int64_data', 7, [2], (t) => void t.bytes(7, varints(-1, 2n ** 62n)), packElements('i64', [2], [-1, 2n ** 62n])],
  ['int64_data one by one', 7, [2], (t) => void t.integers(7, [-1, 5]), packElements('i64', [2], [-1, 5])],
  ['much int64_data', 7, [40_000], (t) => void t.bytes(7, varints(...many)), packElements('i64', [40_000], many)],
  ['uint64_data', 13, [1], (t) => void t.bytes(11, varints(2n ** 63n)), packElements('u64', [1], [2n ** 63n])],
  ['u32 in uint64_data', 12, [1], (t) => void t.bytes(11, varints(4e9)), packElements('u32', [1], [4e9])],
  ['int32_data', 6, [2], (t) => void t.bytes(5, varints(-5, 7)), packElements('i32', [2], [-5, 7])],
  ['i8 in int32_data', 3, [2], (t) => void t.bytes(5, varints(-5, 7)), Uint8Array.of(251, 7)],
  ['u8 in int32_data', 2, [2], (t) => void t.bytes(5, varints(200, 7)), Uint8Array.of(200, 7)],
  ['i16 in int32_data', 5, [1], (t) => void t.bytes(5, varints(-2)), Uint8Array.of(254, 255)],
  ['u16 in int32_data', 4, [1], (t) => void t.bytes(5, varints(65_534)), Uint8Array.of(254, 255)],
  ['bool in int32_data', 9, [2], (t) => void t.bytes(5, varints(1, 0)), Uint8Array.of(1, 0)],
  ['f16 in int32_data', 10, [1], (t) => void t.bytes(5, varints(0x3c00)), Uint8Array.of(0, 0x3c)],
  ['bf16 in int32_data', 16, [1], (t) => void t.bytes(5, varints(0x3f80)), Uint8Array.of(0x80, 0x3f)],
  ['f8 in int32_data', 17, [2], (t) => void t.bytes(5, varints(0x38, 0xb8)), Uint8Array.of(0x38, 0xb8)],
  ['i4 in int32_data', 22, [3], (t) => void t.bytes(5, varints(0xf1, 0x07)), packElements('i4', [3], [1, -1, 7])],
  [
    'u2 in int32_data',
    25,
    [5],
    (t) => void t.bytes(5, varints(0b00111001, 2)),
    packElements('u2', [5], [1, 2, 3, 0, 2]),
  ],
  ['0 elements', 1, [0, 4], () => undefined, new Uint8Array(0)],
  ['0 elements with empty raw_data', 1, [0], (t) => void t.bytes(TENSOR.rawData, new Uint8Array(0)), new Uint8Array(0)],
];

describe('tensor data', () => {
  it.each(FORMS)('in %s', async (_, type, dims, data, expected) => {
    const bytes = withTensor(rawTensor('w', type, dims, data));
    expect(await weight(await open(bytes))).toEqual([...expected]);
    await loseNothing(bytes);
  });

  it.each(NUMBER_DTYPES)('in raw_data of %s', async (dtype) => {
    const packed = packElements(dtype, [3], [1, 0, 1]);
    const bytes = withTensor(rawTensor('w', dataTypeOf(dtype), [3], (t) => void t.bytes(TENSOR.rawData, packed)));
    const opened = await open(bytes);
    expect(await weight(opened)).toEqual([...packed]);
    expect(named(opened, 'w').dtype).toBe(dtype);
    await loseNothing(bytes);
  });

  it('in string_data', async () => {
    const texts = [new TextEncoder().encode('grün'), new Uint8Array(0), Uint8Array.of(0xff)];
    const bytes = withTensor(
      rawTensor('w', 8, [3], (t) => {
        for (const text of texts) t.bytes(TENSOR.stringData, text);
      }),
    );
    expect(unpackStrings(Uint8Array.from(await weight(await open(bytes))))).toEqual(texts);
    await loseNothing(bytes);
  });

  it.each([
    ['linear', [2], packElements('i64', [2], [1, 5])],
    ['by coordinates', [2, 2], packElements('i64', [4], [0, 1, 1, 2])],
  ])('sparse, with %s indices', async (_, dims, indices) => {
    const sparse = new MessageDraft()
      .message(
        SPARSE.values,
        rawTensor('w', 3, [2], (t) => void t.bytes(TENSOR.rawData, Uint8Array.of(7, 8))),
      )
      .message(
        SPARSE.indices,
        rawTensor('', 7, dims, (t) => void t.bytes(TENSOR.rawData, indices)),
      )
      .integers(SPARSE.dims, [2, 3]);
    const bytes = rawModel({
      nodes: [rawNode('Add', ['x', 'w'], ['y'])],
      graph: (graph) => void graph.message(GRAPH.sparseInitializer, sparse),
    });
    expect(await weight(await open(bytes))).toEqual([0, 7, 0, 0, 0, 8]);
    await loseNothing(bytes);
  });

  it('in a file beside the model, under its folder, or found on disk', async () => {
    const tensor = rawTensor('w', 3, [2], (t) => {
      for (const [key, value] of Object.entries({ location: 'data/w.bin', offset: '1', length: '2' })) {
        t.message(TENSOR.externalData, new MessageDraft().string(ENTRY.key, key).string(ENTRY.value, value));
      }
      t.integer(TENSOR.dataLocation, 1);
    });
    const bytes = withTensor(tensor);
    const data = Uint8Array.of(0, 5, 6);
    const beside = await open(bytes, { 'data/w.bin': data });
    expect(await weight(beside)).toEqual([5, 6]);
    expect([...beside.files.keys()]).toEqual(['m.onnx', 'data/w.bin']);
    expect(await weight(await open(bytes, { 'w.bin': data }))).toEqual([5, 6]);
    const zip = zipSync({ 'net/m.onnx': bytes, 'net/data/w.bin': data, '__MACOSX/._m.onnx': Uint8Array.of(1) });
    expect(await weight(await openFiles(new Map([['net.zip', memorySource('net.zip', zip)]])))).toEqual([5, 6]);
    const asked: string[] = [];
    const find = (path: string): Promise<ByteSource> => {
      asked.push(path);
      return Promise.resolve(memorySource(path, data));
    };
    const found = await openFiles(new Map([['m.onnx', memorySource('m.onnx', bytes)]]), { find });
    expect(await weight(found)).toEqual([5, 6]);
    expect([asked, [...found.files.keys()]]).toEqual([['data/w.bin'], ['m.onnx', 'data/w.bin']]);
  });
});

/** A type whose first dim is `dim`. */
function typed(element: number, ...dims: readonly MessageDraft[]): MessageDraft {
  const shape = new MessageDraft();
  for (const dim of dims) shape.message(SHAPE.dim, dim);
  const tensor = new MessageDraft().integer(TENSOR_TYPE.element, element).message(TENSOR_TYPE.shape, shape);
  return new MessageDraft().message(TYPE.tensor, tensor);
}

const info = (name: string, type: MessageDraft): MessageDraft =>
  new MessageDraft().string(VALUE_INFO.name, name).message(VALUE_INFO.type, type).string(VALUE_INFO.doc, 'about');

describe('types', () => {
  it.each([
    [
      'sizes and names',
      typed(1, new MessageDraft().integer(DIM.value, 3), new MessageDraft().string(DIM.param, 'n')),
      'f32',
      [3, 'n'],
    ],
    ['open sizes', typed(7, new MessageDraft()), 'i64', [null]],
    ['a negative size', typed(1, new MessageDraft().integer(DIM.value, -1)), 'f32', [null]],
    ['a denotation', typed(1, new MessageDraft().integer(DIM.value, 3).string(3, 'DATA_BATCH')), 'f32', [3]],
    ['a scalar', typed(9), 'bool', []],
    ['no shape', new MessageDraft().message(TYPE.tensor, new MessageDraft().integer(1, 1)), 'f32', null],
    ['an element type to come', typed(77, new MessageDraft().integer(DIM.value, 3)), null, [3]],
    ['a sequence', new MessageDraft().message(4, new MessageDraft().message(1, typed(1))), null, null],
  ])('with %s', async (_, type, dtype, shape) => {
    const bytes = rawModel({ graph: (graph) => void graph.message(GRAPH.input, info('extra', type)) });
    const value = named(await open(bytes), 'extra');
    expect([value.dtype, value.shape, value.doc]).toEqual([dtype, shape, 'about']);
    await loseNothing(bytes);
  });
});

describe('graphs', () => {
  it('keep fields that are not known, documents, metadata, functions and annotations', async () => {
    const unknown = Uint8Array.of(1, 2, 3);
    const node = rawNode('Odd', ['x', '', 'w'], ['y', ''])
      .string(NODE.doc, 'n')
      .string(NODE.domain, 'my.ops')
      .bytes(77, unknown);
    const attribute = new MessageDraft().string(ATTRIBUTE.name, 'a').integer(ATTRIBUTE.int, 2n ** 62n);
    node.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, 2).string(13, 'doc of a'));
    const reference = new MessageDraft()
      .string(ATTRIBUTE.name, 'r')
      .string(ATTRIBUTE.reference, 'outer')
      .integer(20, 1);
    node.message(NODE.attribute, reference);
    const constant = rawTensor(
      'inner',
      1,
      [1],
      (t) => void t.float(TENSOR.floatData, 3).string(TENSOR.doc, 't').bytes(55, unknown),
    );
    node.message(NODE.attribute, new MessageDraft().string(1, 'k').message(ATTRIBUTE.tensor, constant).integer(20, 4));
    const bytes = rawModel({
      nodes: [node],
      initializers: [rawTensor('w', 1, [1], (t) => void t.float(4, 1).string(TENSOR.doc, 'w doc').bytes(66, unknown))],
      inputs: ['x', 'w'],
      graph: (graph) => {
        graph.string(GRAPH.doc, 'g').bytes(99, unknown);
        graph.message(GRAPH.valueInfo, info('nobody', typed(1)));
        graph.message(GRAPH.valueInfo, info('y', typed(1)));
        graph.message(GRAPH.quantizationAnnotation, new MessageDraft().string(1, 'w'));
      },
      model: (model) => {
        model.string(MODEL.producerName, 'maker').string(MODEL.producerVersion, '1').string(MODEL.doc, 'm');
        model.string(MODEL.domain, 'org.example').integer(MODEL.modelVersion, 3);
        model.message(MODEL.metadata, new MessageDraft().string(ENTRY.key, 'author').string(ENTRY.value, 'me'));
        model.bytes(MODEL.functions, unknown).bytes(MODEL.trainingInfo, unknown).bytes(1000, unknown);
      },
    });
    const opened = await open(bytes);
    expect(opened.model.producer).toEqual({ name: 'maker', version: '1' });
    expect(opened.model.metadata.get('author')).toBe('me');
    expect(opened.model.graph.nodes[0]?.inputs[1]).toBeNull();
    await loseNothing(bytes);
  });

  it('get unique node names and keep the written ones', async () => {
    const nodes = [
      rawNode('Relu', ['x'], ['a'], 'same'),
      rawNode('Neg', ['a'], ['b'], 'same'),
      rawNode('Abs', ['b'], ['y']),
    ];
    const bytes = rawModel({ nodes });
    const { model } = await open(bytes);
    expect(model.graph.nodes.map((node) => [node.name, node.sourceName])).toEqual([
      ['same', undefined],
      ['same_2', 'same'],
      ['Abs_2', ''],
    ]);
    await loseNothing(bytes);
  });

  it('are put into execution order, with a notice', async () => {
    const nodes = [rawNode('Neg', ['a'], ['y']), rawNode('Relu', ['x'], ['a'])];
    const { model, notices } = await open(rawModel({ nodes }));
    expect(model.graph.nodes.map((node) => node.op)).toEqual(['Relu', 'Neg']);
    expect(notices.map((notice) => notice.code)).toEqual(['onnx/reordered']);
  });

  it('inside nodes see the values around them', async () => {
    const branch = (op: string): MessageDraft => {
      const graph = new MessageDraft().message(GRAPH.node, rawNode(op, ['a'], ['r'])).string(GRAPH.name, op);
      return graph.message(GRAPH.output, info('r', typed(1)));
    };
    const attribute = (name: string, op: string): MessageDraft =>
      new MessageDraft().string(ATTRIBUTE.name, name).message(ATTRIBUTE.graph, branch(op)).integer(ATTRIBUTE.type, 5);
    const choice = rawNode('If', ['c'], ['y']);
    choice
      .message(NODE.attribute, attribute('then_branch', 'Relu'))
      .message(NODE.attribute, attribute('else_branch', 'Neg'));
    const bytes = rawModel({ nodes: [rawNode('Abs', ['x'], ['a']), choice], inputs: ['x', 'c'] });
    const opened = await open(bytes);
    const then = opened.model.graph.nodes[1]?.attrs.get('then_branch');
    const inner = then?.type === 'graph' ? then.value.nodes[0]?.inputs[0] : undefined;
    expect(inner).toBe(named(opened, 'a').id);
    await loseNothing(bytes);
  });

  it('hold constants of every spelling', async () => {
    const value = (name: string, type: number, set: (attribute: MessageDraft) => MessageDraft): MessageDraft =>
      rawNode('Constant', [], [name]).message(
        NODE.attribute,
        set(new MessageDraft().string(ATTRIBUTE.name, name)).integer(ATTRIBUTE.type, type),
      );
    const bytes = rawModel({
      nodes: [
        value('value', 4, (a) =>
          a.message(
            ATTRIBUTE.tensor,
            rawTensor('', 1, [3], (t) => void t.bytes(TENSOR.rawData, floats)),
          ),
        ),
        value('value_float', 1, (a) => a.float(ATTRIBUTE.float, 1.5)),
        value('value_floats', 6, (a) => a.bytes(ATTRIBUTE.floats, floats)),
        value('value_int', 2, (a) => a.integer(ATTRIBUTE.int, -3)),
        value('value_ints', 7, (a) => a.bytes(ATTRIBUTE.ints, varints(1, -2))),
        value('value_string', 3, (a) => a.string(ATTRIBUTE.string, 's')),
        value('value_strings', 8, (a) => a.string(ATTRIBUTE.strings, 's').string(ATTRIBUTE.strings, '')),
        value('sparse_value', 11, (a) => a.message(22, new MessageDraft().integers(SPARSE.dims, [2]))),
        rawNode('Relu', ['x'], ['y']),
      ],
    });
    const { model, store } = await open(bytes);
    const contents = model.graph.nodes.slice(0, 8).map((node) => [...node.attrs.values()][0]);
    const tensor = contents[0]?.type === 'tensor' ? contents[0].value : undefined;
    expect([...(await store.read(tensor as Tensor))]).toEqual([...floats]);
    expect(contents.slice(1, 5)).toEqual([
      { type: 'float', value: 1.5 },
      { type: 'floats', value: [1.5, -2, 0] },
      { type: 'int', value: -3 },
      { type: 'ints', value: [1, -2] },
    ]);
    expect(contents.map((attr) => attr?.type).slice(5)).toEqual(['string', 'strings', 'raw']);
    await loseNothing(bytes);
  });
});
