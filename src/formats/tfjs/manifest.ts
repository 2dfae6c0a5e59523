/** The weights of a TF.js model: groups of files that are read as one, cut into tensors in the order of the manifest. */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { BesideFiles } from '#formats/tensorflow/beside-files.ts';
import { codeOfName } from '#formats/tensorflow/graph-def/data-type.ts';
import { record } from '#formats/tensorflow/graph-def/json.ts';
import type { LoadedTensor } from '#formats/tensorflow/graph-def/raw.ts';
import { checkShape, isSmall } from '#formats/tensorflow/graph-def/tensor.ts';
import type { WeightStore } from '#ir/weights.ts';
import { JoinedSource } from './joined-source.ts';
import type { TfjsQuantization } from './quantized.ts';
import { STORED, widen, zeroPointOf } from './quantized.ts';

const TYPES = new Map<unknown, DType>([
  ['float32', 'f32'],
  ['int32', 'i32'],
  ['bool', 'bool'],
  ['string', 'string'],
  ['complex64', 'c64'],
  // Not written by the converter, but by programs that save tensors as they have them.
  ['float16', 'f16'],
]);
const CODES: Partial<Record<DType, number>> = {
  f32: codeOfName('DT_FLOAT'),
  i32: codeOfName('DT_INT32'),
  bool: codeOfName('DT_BOOL'),
  string: codeOfName('DT_STRING'),
  c64: codeOfName('DT_COMPLEX64'),
  f16: codeOfName('DT_HALF'),
};
const MAX_WEIGHTS = 1_000_000;
const MAX_SHARDS = 100_000;
const MAX_TEXTS = 1_000_000;
/** Elements up to which a weight is read when the model is opened: conditions and axes. */
const AT_ONCE = 16;

export interface TfjsWeight {
  readonly name: string;
  /** As TF.js computes with it. */
  readonly dtype: DType;
  /** The same as TensorFlow's number. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly quantization?: TfjsQuantization;
  /** Its bytes where they were read already. */
  readonly bytes?: Uint8Array;
  /** Its ticket: levels on a grid where `grid` allows it and one fits, else as `dtype`. */
  load(store: WeightStore, options?: { readonly grid?: boolean }): Promise<LoadedTensor>;
}

/** Weights by name, in the order of the manifest. `file` names model.json in refusals. */
export async function readManifest(
  file: string,
  manifest: unknown,
  beside: BesideFiles,
): Promise<ReadonlyMap<string, TfjsWeight>> {
  const weights = new Map<string, TfjsWeight>();
  if (manifest !== undefined && !Array.isArray(manifest))
    throw refuse(file, 'weightsManifest', 'It is not a list of groups.');
  let shards = 0;
  for (const [index, each] of (manifest ?? []).entries()) {
    const group = record(each);
    const paths = Array.isArray(group['paths']) ? group['paths'].map(String) : [];
    const specs: readonly unknown[] = Array.isArray(group['weights']) ? group['weights'] : [];
    shards += paths.length;
    if (shards > MAX_SHARDS || weights.size + specs.length > MAX_WEIGHTS) {
      throw refuse(file, 'weightsManifest', 'It names more files or weights than any model has.');
    }
    const sources: ByteSource[] = [];
    for (const path of paths) sources.push(await shardAt(file, path, beside));
    const joined = new JoinedSource(paths.length === 1 ? (paths[0] ?? '') : `weights of group ${index + 1}`, sources);
    let offset = 0;
    for (const spec of specs) {
      const weight = await readSpec(file, spec, joined, offset);
      weights.set(weight.name, weight);
      offset += weight.stored;
    }
  }
  return weights;
}

async function shardAt(file: string, path: string, beside: BesideFiles): Promise<ByteSource> {
  const source = await beside.open(path);
  if (source !== undefined) return source;
  throw new PareError({
    code: 'tfjs/shard-missing',
    file,
    problem: `Its weights lie in "${path}", which is not there.`,
    hint: 'Open model.json together with its .bin files (drop them all, or their folder).',
  });
}

async function readSpec(
  file: string,
  value: unknown,
  joined: JoinedSource,
  offset: number,
): Promise<TfjsWeight & { readonly stored: number }> {
  const spec = record(value);
  const name = typeof spec['name'] === 'string' ? spec['name'] : '';
  const place = `weight ${name}`;
  const dtype = TYPES.get(spec['dtype']);
  if (dtype === undefined || name === '') {
    throw refuse(file, place, `It has the type ${JSON.stringify(spec['dtype'])}, which is not read.`);
  }
  const dims: unknown = spec['shape'];
  const shape = checkShape(Array.isArray(dims) ? dims.map((dim) => (typeof dim === 'number' ? dim : null)) : null, {
    file,
    place,
  });
  const quantization = spec['quantization'] === undefined ? undefined : readQuantization(file, place, spec, dtype);
  const stored = quantization === undefined ? dtype : STORED[quantization.dtype];
  const count = countOf(shape);
  const length = stored === 'string' ? await textsLength(file, place, joined, offset, count) : bytesFor(stored, count);
  if (offset + length > joined.sizeBytes) {
    throw refuse(
      file,
      place,
      `It should lie at bytes ${offset} to ${offset + length} of ${joined.name}, which has only ${joined.sizeBytes}.`,
    );
  }
  const at = joined.place(offset, length);
  const made = { name, dtype, type: CODES[dtype] ?? 0, shape, stored: length };
  const whole = { source: at.source, offset: at.offset, length };
  const decode = (bytes: Uint8Array): Uint8Array =>
    quantization === undefined ? bytes : widen(bytes, quantization, dtype, shape);
  const read = async (): Promise<Uint8Array> => decode(await at.source.read(at.offset, length)).slice();
  const load = async (store: WeightStore, { grid = false } = {}): Promise<LoadedTensor> => {
    const zeroPoint = grid && quantization !== undefined ? zeroPointOf(quantization, dtype, shape) : undefined;
    if (quantization !== undefined && zeroPoint !== undefined) {
      const scale = store.put('f32', [], new Uint8Array(Float32Array.of(quantization.scale).buffer));
      const zero = zeroPoint === 0 ? {} : { zeroPoint: store.put('u8', [], Uint8Array.of(zeroPoint)) };
      return { tensor: store.link(stored, shape, whole), quantization: { scale, ...zero } };
    }
    if (isSmall(dtype, count) || dtype === 'string') {
      const bytes = await read();
      return { tensor: store.put(dtype, shape, bytes), bytes };
    }
    return { tensor: store.link(dtype, shape, quantization === undefined ? whole : { ...whole, decode }) };
  };
  const atOnce = dtype !== 'string' && dtype !== 'c64' && count <= AT_ONCE;
  return {
    ...made,
    load,
    ...(quantization === undefined ? {} : { quantization }),
    ...(atOnce ? { bytes: await read() } : {}),
  };
}

function readQuantization(
  file: string,
  place: string,
  spec: Readonly<Record<string, unknown>>,
  dtype: DType,
): TfjsQuantization {
  const { dtype: kind, scale, min } = record(spec['quantization']);
  if (kind === 'float16' && dtype === 'f32') return { dtype: kind, scale: 1, min: 0 };
  const known = (kind === 'uint8' || kind === 'uint16') && (dtype === 'f32' || dtype === 'i32');
  if (known && typeof scale === 'number' && typeof min === 'number') return { dtype: kind, scale, min };
  throw refuse(file, place, `It is quantized to ${JSON.stringify(kind)} in a way that is not read.`);
}

/** Texts lie as a length of 32 bits and the text, each. */
async function textsLength(
  file: string,
  place: string,
  joined: JoinedSource,
  offset: number,
  count: number,
): Promise<number> {
  if (count > MAX_TEXTS) throw refuse(file, place, `It has ${count} texts.`);
  let length = 0;
  for (let index = 0; index < count; index++) {
    if (offset + length + 4 > joined.sizeBytes) throw refuse(file, place, `${joined.name} ends inside its texts.`);
    const head = await joined.read(offset + length, 4);
    length += 4 + new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
  }
  return length;
}

function refuse(file: string, place: string, problem: string): PareError {
  return new PareError({
    code: 'tfjs/weights',
    file,
    place,
    problem,
    hint: 'The files are damaged or belong to different models: convert the model again.',
  });
}
