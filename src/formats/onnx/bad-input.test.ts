/** Every kind of bad file gets one sentence that names the file, the place and what to do; damage never does anything else. */
import { onnx } from './onnx.ts';
import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { joinChunks, readChunk } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { openFiles } from '#formats/index.ts';
import { buildModel } from '#ir/testing/build.ts';
import { allValues } from '#ir/walk.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { joinSmall } from './record/join.ts';
import { ATTRIBUTE, ENTRY, GRAPH, MODEL, NODE, TENSOR } from './record/schema.ts';
import type { RawModel } from './testing/raw.ts';
import { rawModel, rawNode, rawTensor } from './testing/raw.ts';
import { writeOnnx } from './write.ts';

const TEXT = new TextEncoder();

function open(contents: Readonly<Record<string, Uint8Array>>): ReturnType<typeof openFiles> {
  return openFiles(new Map(Object.entries(contents).map(([path, bytes]) => [path, memorySource(path, bytes)])));
}

const floats = (count: number) => (tensor: MessageDraft) =>
  void tensor.bytes(TENSOR.rawData, new Uint8Array(4 * count));

function external(location: string, offset: string, length: string): (tensor: MessageDraft) => void {
  return (tensor) => {
    for (const [key, value] of Object.entries({ location, offset, length })) {
      tensor.message(TENSOR.externalData, new MessageDraft().string(ENTRY.key, key).string(ENTRY.value, value));
    }
    tensor.integer(TENSOR.dataLocation, 1);
  };
}

const withTensor = (tensor: MessageDraft, rest: RawModel = {}): Uint8Array =>
  rawModel({ nodes: [rawNode('Add', ['x', 'w'], ['y'])], initializers: [tensor], ...rest });

/** A graph in a graph in a graph, `depth` deep. */
function nested(depth: number): Uint8Array {
  let graph = new MessageDraft().message(GRAPH.node, rawNode('Relu', ['x'], ['y']));
  for (let level = 0; level < depth; level++) {
    const attribute = new MessageDraft()
      .string(ATTRIBUTE.name, 'body')
      .message(ATTRIBUTE.graph, graph)
      .integer(ATTRIBUTE.type, 5);
    graph = new MessageDraft().message(GRAPH.node, rawNode('Loop', ['x'], ['y']).message(NODE.attribute, attribute));
  }
  return joinSmall(new MessageDraft().integer(MODEL.irVersion, 8).message(MODEL.graph, graph));
}

/** A field 7 (graph) whose length is the given varint. */
function lengthOf(...length: readonly number[]): Uint8Array {
  return Uint8Array.from([0x08, 8, 0x12, 1, 0x61, 0x3a, ...length, 0x0a, 0]);
}

const GOOD = rawModel({});
const BIG = withTensor(rawTensor('w', 1, [1000], floats(1000)));

const CASES: readonly (readonly [string, Readonly<Record<string, Uint8Array>>, RegExp])[] = [
  ['truncated', { 'm.onnx': BIG.slice(0, 2000) }, /^m\.onnx, byte \d+ .*only \d+ are left\. .*again/],
  ['empty', { 'm.onnx': new Uint8Array(0) }, /^m\.onnx: The file is empty/],
  ['a photo', { 'photo.jpg': Uint8Array.of(0xff, 0xd8, 0xff, 0xe0) }, /^photo\.jpg: This is a JPEG image, not a model/],
  [
    'a photo called .onnx',
    { 'm.onnx': Uint8Array.of(0xff, 0xd8, 0xff, 0xe0) },
    /^m\.onnx: .* a JPEG image, not a model/,
  ],
  [
    'a Git LFS pointer',
    { 'm.onnx': TEXT.encode('version https://git-lfs.github.com/spec/v1\n') },
    /Git LFS pointer.*git lfs pull/,
  ],
  ['a web page', { 'm.onnx': TEXT.encode('<!DOCTYPE html><html>') }, /a web page/],
  ['a GGUF model', { 'm.gguf': TEXT.encode('GGUF\0\0\0\0') }, /^m\.gguf: This is a GGUF model.*ONNX/],
  ['random bytes', { 'm.onnx': Uint8Array.from({ length: 64 }, (_, i) => (i * 151) % 256) }, /^m\.onnx, byte 0/],
  ['text', { 'notes.txt': TEXT.encode('hello') }, /^notes\.txt: This is a text file, not a model/],
  ['several files without a model', { 'a.txt': TEXT.encode('a'), 'b.txt': TEXT.encode('b') }, /None of these 2 files/],
  ['two models', { 'a.onnx': GOOD, 'b.onnx': GOOD }, /2 models here: a\.onnx, b\.onnx.*one at a time/],
  ['nothing', {}, /No file was given/],
  ['too new IR', { 'm.onnx': rawModel({ irVersion: 14 }) }, /^m\.onnx, ir_version: .*14.*13.*Export/],
  ['too new opset', { 'm.onnx': rawModel({ opset: 27 }) }, /^m\.onnx, opset_import: .*27.*26.*opset_version=26/],
  ['too old opset', { 'm.onnx': rawModel({ opset: 6 }) }, /^m\.onnx, opset_import: .*6.*version_converter/],
  ['no graph', { 'm.onnx': Uint8Array.of(0x08, 8, 0x12, 1, 0x61) }, /holds no graph/],
  [
    'missing external file',
    { 'm.onnx': withTensor(rawTensor('w', 1, [4], external('m.data', '0', '16'))) },
    /^m\.onnx, tensor w: .*"m\.data", which is not there\. Open "m\.data" together with "m\.onnx"/,
  ],
  [
    'external data shorter than declared',
    { 'm.onnx': withTensor(rawTensor('w', 1, [4], external('m.data', '8', '16'))), 'm.data': new Uint8Array(16) },
    /^m\.onnx, tensor w: .*bytes 8 to 24 of "m\.data", which has only 16/,
  ],
  [
    'external data that climbs out',
    { 'm.onnx': withTensor(rawTensor('w', 1, [4], external('../../etc/passwd', '0', '16'))) },
    /leads out of the model's folder/,
  ],
  [
    'external data at an absolute path',
    { 'm.onnx': withTensor(rawTensor('w', 1, [4], external('/etc/passwd', '0', '16'))) },
    /leads out of the model's folder/,
  ],
  [
    'external data at a place that is no number',
    { 'm.onnx': withTensor(rawTensor('w', 1, [4], external('m.data', '-1', '16'))), 'm.data': new Uint8Array(16) },
    /tensor w: The offset or length.*not a number/,
  ],
  [
    'a cycle',
    {
      'm.onnx': rawModel({
        nodes: [rawNode('Add', ['x', 'b'], ['a'], 'one'), rawNode('Relu', ['a'], ['b'], 'two')],
        outputs: ['b'],
      }),
    },
    /^m\.onnx, node one: .*"b".*"two".*cycle/,
  ],
  [
    'a dangling name',
    { 'm.onnx': rawModel({ nodes: [rawNode('Add', ['x', 'gone'], ['y'], 'sum')] }) },
    /node sum: .*"gone", which nothing/,
  ],
  [
    'an output that nothing makes',
    { 'm.onnx': rawModel({ outputs: ['gone'] }) },
    /^m\.onnx, graph g: .*"gone", which nothing makes/,
  ],
  [
    'a name made twice',
    { 'm.onnx': rawModel({ nodes: [rawNode('Relu', ['x'], ['y']), rawNode('Neg', ['x'], ['y'])] }) },
    /^m\.onnx, value y: It is defined twice/,
  ],
  [
    'an initializer given twice',
    { 'm.onnx': rawModel({ initializers: [rawTensor('w', 1, [1], floats(1)), rawTensor('w', 1, [1], floats(1))] }) },
    /value w: It is defined twice/,
  ],
  [
    'a node without operator',
    { 'm.onnx': rawModel({ nodes: [new MessageDraft().string(NODE.output, 'y')] }) },
    /names no operator/,
  ],
  [
    'a negative size',
    { 'm.onnx': withTensor(rawTensor('w', 1, [-4], floats(1))) },
    /initializer w: Its shape \[-4\] is impossible/,
  ],
  [
    'sizes whose product overflows',
    { 'm.onnx': withTensor(rawTensor('w', 1, [2 ** 40, 2 ** 40], floats(1))) },
    /initializer w: Its shape \[1099511627776, 1099511627776\] is impossible/,
  ],
  [
    'a size of 2^63 - 1',
    { 'm.onnx': withTensor(rawTensor('w', 1, [2n ** 63n - 1n], floats(1))) },
    /Its shape \[9223372036854775807\] is impossible/,
  ],
  [
    'too little data',
    { 'm.onnx': withTensor(rawTensor('w', 1, [5], floats(4))) },
    /shape \[5\] takes 20 bytes, but 16 are stored/,
  ],
  ['no data', { 'm.onnx': withTensor(rawTensor('w', 1, [5], () => undefined)) }, /takes 20 bytes, but 0 are stored/],
  [
    'a huge tensor of nothing',
    { 'm.onnx': withTensor(rawTensor('w', 7, [2 ** 40], (tensor) => void tensor.integer(TENSOR.int64Data, 1))) },
    /but 1 are stored/,
  ],
  ['an unknown data type', { 'm.onnx': withTensor(rawTensor('w', 99, [1], floats(1))) }, /data type 99/],
  [
    'a length beyond the file',
    { 'm.onnx': lengthOf(0xff, 0xff, 0x7f) },
    /says that it is 2097151 bytes long, but only 2 are left/,
  ],
  [
    'a length of 2^64 - 1',
    { 'm.onnx': lengthOf(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1) },
    /says that it is 18446744073709551615 bytes long/,
  ],
  [
    'a length of 2^63',
    { 'm.onnx': lengthOf(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1) },
    /says that it is 9223372036854775808 bytes long/,
  ],
  [
    'a number that never ends',
    { 'm.onnx': lengthOf(...Array.from({ length: 11 }, () => 0xff)) },
    /number here never ends/,
  ],
  ['a group', { 'm.onnx': Uint8Array.of(0x08, 8, 0x3a, 2, 0x0b, 0x0c) }, /wire type 3/],
  ['field number 0', { 'm.onnx': Uint8Array.of(0x08, 8, 0x3a, 2, 0x02, 0) }, /impossible number 0/],
  ['deep nesting', { 'm.onnx': nested(50) }, /nested more than 100 deep/],
  [
    'names that are not text',
    { 'm.onnx': rawModel({ graph: (graph) => void graph.bytes(GRAPH.doc, Uint8Array.of(0xff)) }) },
    /not valid UTF-8/,
  ],
  [
    'a zip bomb',
    { 'm.zip': zipSync({ 'm.onnx': [new Uint8Array(32 << 20), { level: 9 }] }) },
    /^m\.zip, m\.onnx: It would unpack/,
  ],
  ['a zip that climbs out', { 'm.zip': zipSync({ '../m.onnx': GOOD }) }, /^m\.zip, .*leads out of the archive/],
  [
    'a zip without a model',
    { 'm.zip': zipSync({ 'a.txt': TEXT.encode('a') }) },
    /^m\.zip: This is a zip archive, not a model/,
  ],
];

describe('bad input', () => {
  it.each(CASES)('%s: one sentence', async (_, contents, sentence) => {
    const failure: unknown = await open(contents).then(
      () => 'it was opened',
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(PareError);
    const { message } = failure as PareError;
    expect(message).toMatch(sentence);
    expect(message).not.toMatch(/undefined|NaN|\[object/);
    expect((failure as PareError).parts.hint).toBeDefined();
  });

  it('opens 0-element tensors, and weights that are not finite', async () => {
    const data = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY);
    const tensors = [
      rawTensor('w', 1, [2], (tensor) => void tensor.bytes(TENSOR.rawData, new Uint8Array(data.buffer))),
      rawTensor('e', 1, [0, 3], () => undefined),
    ];
    const { model, store } = await open({
      'm.onnx': rawModel({ nodes: [rawNode('Sum', ['x', 'w', 'e'], ['y'])], initializers: tensors }),
    });
    const constants = [...allValues(model.graph).values()].flatMap((value) => value.constant ?? []);
    expect(await Promise.all(constants.map(async (tensor) => (await store.read(tensor)).byteLength))).toEqual([8, 0]);
  });

  it('names files that do not belong to the model', async () => {
    const { notices } = await open({ 'm.onnx': GOOD, 'readme.md': TEXT.encode('hi') });
    expect(notices.map((notice) => notice.text)).toEqual([
      'A file does not belong to the model and was left aside: readme.md.',
    ]);
  });
});

/** Opens and, if that works, reads all weights and writes the model. Anything but a `PareError` fails the test. */
async function useAll(bytes: Uint8Array, others: ReadonlyMap<string, ByteSource> = new Map()): Promise<void> {
  try {
    const opened = await openFiles(new Map([['m.onnx', memorySource('m.onnx', bytes)], ...others]));
    for (const value of allValues(opened.model.graph).values()) {
      if (value.constant !== undefined) await opened.store.read(value.constant);
    }
    const files = await onnx.write(opened.model, opened.store);
    for (const file of files) for (const chunk of file.chunks) await readChunk(chunk);
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
  }
}

/** Flips bytes, cuts, and moves pieces about. */
function damage(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  const cut = fc.nat(bytes.length).map((end) => bytes.slice(0, end));
  const splice = fc.tuple(fc.nat(bytes.length - 1), fc.nat(bytes.length - 1), fc.nat(64)).map(([from, to, length]) => {
    const piece = bytes.subarray(from, from + length);
    return Uint8Array.from([...bytes.subarray(0, to), ...piece, ...bytes.subarray(to)]);
  });
  const flipped = flips.map((changes) => {
    const copy = bytes.slice();
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  });
  return fc.oneof(flipped, cut, splice);
}

async function ownModel(): Promise<Uint8Array> {
  const { model, store } = buildModel({
    inputs: { x: { dtype: 'f32', shape: ['n', 2] }, c: { dtype: 'bool', shape: [] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers: {
      w: { dtype: 'f32', shape: [2, 2], data: [1, 2, 3, 4] },
      n: { dtype: 'string', shape: [2], data: ['a', 'bc'] },
      q: { dtype: 'i4', shape: [3], data: [1, -2, 3] },
    },
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      {
        op: 'Constant',
        inputs: [],
        outputs: ['k'],
        attrs: { value: { tensor: { dtype: 'i64', shape: [2], data: [0, 1] } } },
      },
      { op: 'Transpose', inputs: ['a'], outputs: ['t'], attrs: { perm: [1, 0] } },
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['y'],
        attrs: {
          then_branch: { graph: { outputs: ['p'], nodes: [{ op: 'Relu', inputs: ['t'], outputs: ['p'] }] } },
          else_branch: { graph: { outputs: ['e'], nodes: [{ op: 'Neg', inputs: ['t'], outputs: ['e'] }] } },
        },
      },
    ],
  });
  const [file] = await writeOnnx(model, store);
  return joinChunks(file?.chunks ?? []);
}

describe('damaged files', () => {
  it('of our own are opened or refused, and never anything else', async () => {
    const bytes = await ownModel();
    await fc.assert(
      fc.asyncProperty(damage(bytes), (bad) => useAll(bad)),
      { seed: 3, numRuns: 600 },
    );
  });
});

describeWithTestdata('damaged real files', () => {
  it.each(['mnist/mnist.onnx', 'mobilenet_v1_025_224/external_data/model.onnx', 'onnx_light/light_squeezenet.onnx'])(
    '%s is opened or refused, and never anything else',
    async (path) => {
      const bytes = new Uint8Array(readFileSync(testdata(`models/${path}`)));
      const data = memorySource('model.onnx.data', new Uint8Array(4 << 20));
      const others = new Map(path.includes('external') ? [['model.onnx.data', data]] : []);
      await fc.assert(
        fc.asyncProperty(damage(bytes), (bad) => useAll(bad, others)),
        { seed: 5, numRuns: 200 },
      );
    },
  );
});
