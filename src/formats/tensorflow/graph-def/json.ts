/** GraphDef in its JSON form, as TF.js writes it. Values of constants come from elsewhere, by the name of their node. */
import { PareError } from '#base/failure.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import { codeOfName, dtypeOfCode } from './data-type.ts';
import { elementsOf, packElements, packTexts } from './elements.ts';
import type { RawArgument, RawAttr, RawFunction, RawGraph, RawNode, RawTensor } from './raw.ts';
import { checkShape } from './tensor.ts';

/** A constant's value by the name of its node, where the weights have it. */
export type FindWeight = (name: string) => RawTensor | undefined;

interface Reading {
  readonly file: string;
  readonly weights: FindWeight;
}

type Json = Readonly<Record<string, unknown>>;

export function jsonGraph(file: string, topology: unknown, weights: FindWeight): RawGraph {
  const reading = { file, weights };
  const graph = record(topology);
  const nodes = list(graph, 'node').map((node) => jsonNode(reading, node));
  if (nodes.length === 0) {
    throw new PareError({
      code: 'tensorflow/no-nodes',
      file,
      problem: 'Its graph has no nodes.',
      hint: 'Convert the model again with tensorflowjs_converter.',
    });
  }
  const functions = new Map<string, RawFunction>();
  for (const each of list(record(graph['library']), 'function')) {
    const made = jsonFunction(reading, each);
    functions.set(made.name, made);
  }
  return { file, nodes, functions };
}

function jsonNode(reading: Reading, value: unknown): RawNode {
  const node = record(value);
  const name = text(node['name']);
  const op = text(node['op']);
  const attrs = new Map(jsonAttrs(reading, node['attr'], name));
  const weight = op === 'Const' ? reading.weights(name) : undefined;
  const declared = attrs.get('dtype');
  if (weight !== undefined) {
    const type = declared?.kind === 'type' ? declared.value : weight.type;
    attrs.set('value', { kind: 'tensor', value: type === weight.type ? weight : retyped(weight, type) });
  }
  return { name, op, inputs: list(node, 'input').map(text), attrs };
}

function jsonAttrs(reading: Reading, value: unknown, place: string): ReadonlyMap<string, RawAttr> {
  const attrs = new Map<string, RawAttr>();
  for (const [name, each] of Object.entries(record(value))) {
    const attr = name.startsWith('_') ? undefined : jsonAttr(reading, record(each), place);
    if (attr !== undefined) attrs.set(name, attr);
  }
  return attrs;
}

function jsonAttr(reading: Reading, attr: Json, place: string, depth = 0): RawAttr | undefined {
  const [kind] = Object.keys(attr).filter((key) => attr[key] !== undefined && attr[key] !== null);
  if (kind === undefined || depth > 2) return undefined;
  const value = attr[kind];
  switch (kind) {
    case 's':
      return { kind: 'string', value: UTF8.decode(bytesOf(value)) };
    case 'i':
      return { kind: 'int', value: whole(value) };
    case 'f':
      return { kind: 'float', value: number(value) };
    case 'b':
      return { kind: 'bool', value: value === true || value === 'true' };
    case 'type':
      return { kind: 'type', value: type(value) };
    case 'shape':
      return { kind: 'shape', value: jsonShape(value) };
    case 'tensor':
      return { kind: 'tensor', value: jsonTensor(reading, record(value), place) };
    case 'placeholder':
      return { kind: 'placeholder', value: text(value) };
    case 'func': {
      const named = record(value);
      return { kind: 'function', value: text(named['name']), attrs: jsonAttrs(reading, named['attr'], place) };
    }
    case 'list': {
      const items: RawAttr[] = [];
      for (const [part, values] of Object.entries(record(value))) {
        for (const each of Array.isArray(values) ? values : []) {
          const item = jsonAttr(reading, { [part]: each }, place, depth + 1);
          if (item === undefined) throw unreadable(each);
          items.push(item);
        }
      }
      return { kind: 'list', value: items };
    }
    default:
      return undefined;
  }
}

/** null: unknown rank. Sizes that are not known are -1; a size of zero may be left out. */
export function jsonShape(value: unknown): readonly (number | null)[] | null {
  const shape = record(value);
  if (shape['unknownRank'] === true) return null;
  return list(shape, 'dim').map((dim) => {
    const size = whole(record(dim)['size'] ?? 0);
    return size < 0 ? null : size;
  });
}

/** A list of a tensor's elements, and the types that it holds. */
const LISTS = ['floatVal', 'doubleVal', 'intVal', 'int64Val', 'boolVal', 'halfVal', 'uint32Val', 'uint64Val'] as const;

/** A constant that is spelled in the graph itself: rare, as its values belong into the weights. */
function jsonTensor({ file }: Reading, tensor: Json, place: string): RawTensor {
  const code = type(tensor['dtype']);
  const at = { file, place: `node ${place}` };
  const shape = checkShape(jsonShape(tensor['tensorShape']), at);
  const refuse = (problem: string): PareError =>
    new PareError({ code: 'tensorflow/tensor', ...at, problem, hint: 'Convert the model again.' });
  const make = (): Uint8Array => {
    const dtype = dtypeOfCode(code);
    const count = countOf(shape);
    if (dtype === null) throw refuse(`A constant has elements of type ${String(tensor['dtype'])}, which are not read.`);
    const content = tensor['tensorContent'];
    if (dtype === 'string') {
      if (count > MAX_LISTED) throw refuse(`A constant of ${count} texts is not in the weights.`);
      return packTexts(count, list(tensor, 'stringVal').map(bytesOf));
    }
    if (content !== undefined && content !== '') {
      const bytes = bytesOf(content);
      if (bytes.byteLength === bytesFor(dtype, count)) return bytes.slice();
      throw refuse(`A constant takes ${bytesFor(dtype, count)} bytes, but ${bytes.byteLength} are there.`);
    }
    const listed = LISTS.flatMap((name) => list(tensor, name));
    if (listed.length === 0 && count > 0) throw refuse('The weights have no value for this constant.');
    if (count > MAX_LISTED) throw refuse(`A constant of ${count} elements is spelled by ${listed.length}.`);
    const values = listed.map((each) => (each === true ? 1 : each === false ? 0 : exact(each)));
    return packElements(dtype, count, values, true);
  };
  let made: Uint8Array | undefined;
  const bytes = (): Uint8Array => (made ??= make());
  return {
    type: code,
    shape,
    small: () => (countOf(shape) <= 4096 && dtypeOfCode(code) !== null ? bytes() : undefined),
    load(store) {
      const dtype = dtypeOfCode(code) ?? 'f32';
      const packed = bytes();
      return Promise.resolve({ tensor: store.put(dtype, shape, packed), bytes: packed });
    },
  };
}

/** TF.js has fewer types than the graph declares: weights are brought back to what the operators expect. */
function retyped(weight: RawTensor, type: number): RawTensor {
  const from = dtypeOfCode(weight.type);
  const to = dtypeOfCode(type);
  if (from === null || to === null || !RETYPED.has(`${from} ${to}`)) return weight;
  const { shape } = weight;
  const convert = (bytes: Uint8Array): Uint8Array => packElements(to, countOf(shape), elementsOf(from, bytes));
  return {
    type,
    shape,
    small() {
      const bytes = weight.small();
      return bytes && convert(bytes);
    },
    async load(store) {
      const loaded = await weight.load(store);
      if (loaded.quantization !== undefined) return loaded;
      const bytes = convert(await store.read(loaded.tensor));
      return { tensor: store.put(to, shape, bytes), ...(countOf(shape) > SMALL ? {} : { bytes }) };
    },
  };
}

const RETYPED = new Set(['i32 i64', 'i32 i16', 'i32 i8', 'i32 u8', 'i32 u16', 'f32 f64', 'f32 f16', 'f32 bf16']);
const SMALL = 16 * 1024;
const MAX_LISTED = 16 * 1024 * 1024;

function jsonFunction(reading: Reading, value: unknown): RawFunction {
  const fn = record(value);
  const signature = record(fn['signature']);
  const name = text(signature['name']);
  const shapes = record(fn['argAttr']);
  const args = (key: string): RawArgument[] =>
    list(signature, key).map((each, index) => {
      const argument = record(each);
      const typeAttr = argument['typeAttr'];
      const told = record(record(record(shapes[String(index)])['attr'])['_output_shapes']);
      const [shape] = list(record(told['list']), 'shape');
      return {
        name: text(argument['name']),
        type: type(argument['type']),
        ...(typeof typeAttr === 'string' ? { typeAttr } : {}),
        ...(key === 'inputArg' && shape !== undefined ? { shape: jsonShape(shape) } : {}),
      };
    });
  return {
    name,
    inputs: args('inputArg'),
    outputs: args('outputArg'),
    nodes: list(fn, 'nodeDef').map((node) => jsonNode(reading, node)),
    results: new Map(Object.entries(record(fn['ret'])).map(([key, ref]) => [key, text(ref)])),
    attrs: jsonAttrs(reading, fn['attr'], name),
  };
}

const UTF8 = new TextDecoder('utf-8');

export function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function list(owner: Json, key: string): readonly unknown[] {
  const value = owner[key];
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Numbers come as numbers or as text: 64-bit ones, and those that JSON cannot spell. */
function number(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : 0;
}

/** An integer of 64 bits; those that a number cannot hold are seeds and the like, where the nearest will do. */
function whole(value: unknown): number {
  const found = number(value);
  if (Number.isInteger(found) && Math.abs(found) <= 2 ** 63) return found;
  throw unreadable(value);
}

function unreadable(value: unknown): PareError {
  return new PareError({
    code: 'tensorflow/attribute',
    problem: `${(JSON.stringify(value) ?? 'nothing').slice(0, 40)} stands where an attribute has a number or a text.`,
    hint: 'The file is damaged: convert the model again.',
  });
}

function exact(value: unknown): number | bigint {
  return typeof value === 'string' && /^-?\d{16,20}$/.test(value) ? BigInt(value) : number(value);
}

/** Types by name or by number. */
export function type(value: unknown): number {
  return typeof value === 'string' ? codeOfName(value) : whole(value);
}

/** Bytes are base64; old converters listed them. */
function bytesOf(value: unknown): Uint8Array {
  if (Array.isArray(value)) return Uint8Array.from(value.map(number));
  try {
    return Uint8Array.from(atob(text(value)), (letter) => letter.charCodeAt(0));
  } catch {
    throw new PareError({
      code: 'tensorflow/base64',
      problem: `"${text(value).slice(0, 40)}" is not base64, as texts of a graph are.`,
      hint: 'Convert the model again with tensorflowjs_converter.',
    });
  }
}
