/**
 * The variables of a SavedModel: an index that names tensors, and shards that hold their bytes as they are. Tensors are linked
 * into the shards; nothing of them is read here but texts.
 */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { packStrings } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { crc32c, maskCrc } from '#wire/crc32c.ts';
import { readTable } from '#wire/leveldb-table.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { fieldOf, integerOf, messageOf, messagesOf, schema } from '#wire/protobuf/message.ts';
import { readVarint } from '#wire/protobuf/varint.ts';
import { dtypeOfCode, nameOfCode } from '#formats/tensorflow/graph-def/data-type.ts';
import type { LoadedTensor } from '#formats/tensorflow/graph-def/raw.ts';
import { checkShape, isSmall, shapeOfProto } from '#formats/tensorflow/graph-def/tensor.ts';

const HEADER = { shards: 1, endianness: 2 } as const;
const ENTRY = { dtype: 1, shape: 2, shard: 3, offset: 4, size: 5, crc: 6, slices: 7 } as const;
const ENTRY_SCHEMA = schema('BundleEntryProto', {
  [ENTRY.shape]: schema('TensorShapeProto', { 2: schema('Dim') }),
  [ENTRY.slices]: schema('TensorSliceProto'),
});
const MAX_SHARDS = 100_000;
/** Longest text tensor that is read: the object graph of a model with very many variables. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** Tensors up to this size are held against their checksum when they are read; larger ones are passed on piece by piece. */
const MAX_CHECKED_BYTES = 32 * 1024 * 1024;

export interface BundleEntry {
  /** Number of the type. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
  /** Whether the tensor is only announced here and its pieces lie elsewhere. */
  readonly sliced: boolean;
}

export class Bundle {
  readonly #index: ByteSource;
  readonly #records: ReadonlyMap<string, Uint8Array>;
  readonly #shards: number;
  readonly #open: (path: string) => Promise<ByteSource | undefined>;
  readonly #loaded = new Map<string, Promise<LoadedTensor>>();

  private constructor(
    index: ByteSource,
    records: ReadonlyMap<string, Uint8Array>,
    shards: number,
    open: (path: string) => Promise<ByteSource | undefined>,
  ) {
    this.#index = index;
    this.#records = records;
    this.#shards = shards;
    this.#open = open;
  }

  /** `open` finds a shard by its name beside the index. */
  static async read(index: ByteSource, open: (name: string) => Promise<ByteSource | undefined>): Promise<Bundle> {
    const records = await readTable(index);
    const header = records.get('');
    const message = header === undefined ? undefined : decodeBytes(header, schema('BundleHeaderProto'), index.name);
    const shards = Number((message && integerOf(message, HEADER.shards)) ?? 0);
    if (message === undefined || !(shards >= 1 && shards <= MAX_SHARDS)) {
      throw new PareError({
        code: 'savedmodel/header',
        file: index.name,
        problem: `It is said to have ${shards} files of weights.`,
        hint: 'The file is damaged: save the model again.',
      });
    }
    if (Number(integerOf(message, HEADER.endianness) ?? 0) !== 0) {
      throw new PareError({
        code: 'savedmodel/endianness',
        file: index.name,
        problem: 'Its weights were written by a big-endian machine, which is not read.',
        hint: 'Load and save the model on an ordinary machine.',
      });
    }
    return new Bundle(index, records, shards, open);
  }

  has(key: string): boolean {
    return key !== '' && this.#records.has(key);
  }

  /** Keys of tensors. */
  keys(): readonly string[] {
    return [...this.#records.keys()].filter((key) => key !== '');
  }

  entry(key: string): BundleEntry | undefined {
    const record = key === '' ? undefined : this.#records.get(key);
    if (record === undefined) return undefined;
    const place = `tensor ${key}`;
    const message = decodeBytes(record, ENTRY_SCHEMA, this.#index.name);
    const number = (field: number): number => Number(integerOf(message, field) ?? 0);
    const shape = checkShape(shapeOfProto(messageOf(message, ENTRY.shape)), { file: this.#index.name, place });
    return {
      type: number(ENTRY.dtype),
      shape,
      shard: number(ENTRY.shard),
      offset: number(ENTRY.offset),
      size: number(ENTRY.size),
      crc: crcOf(message),
      sliced: messagesOf(message, ENTRY.slices).length > 0,
    };
  }

  /** The tensor under a key, linked where it lies; its checksum is held against it when it is read. */
  load(key: string, store: WeightStore): Promise<LoadedTensor> {
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const loaded = this.#load(key, store);
    this.#loaded.set(key, loaded);
    return loaded;
  }

  async #load(key: string, store: WeightStore): Promise<LoadedTensor> {
    const { entry, dtype, source } = await this.#locate(key);
    if (dtype === 'string') {
      const texts = await this.texts(key);
      const bytes = packStrings(texts);
      return { tensor: store.put(dtype, entry.shape, bytes), bytes };
    }
    const count = countOf(entry.shape);
    const { offset, size } = entry;
    if (size !== bytesFor(dtype, count)) {
      throw this.#refuse(
        key,
        'size',
        `A ${dtype} tensor of shape [${entry.shape.join(', ')}] takes ${bytesFor(dtype, count)} bytes, but ${size} are stored.`,
      );
    }
    if (!isSmall(dtype, count)) {
      const decode = (stored: Uint8Array): Uint8Array => {
        this.#checkCrc(key, entry, crc32c(stored));
        return stored;
      };
      const place = { source, offset, length: size };
      return { tensor: store.link(dtype, entry.shape, size > MAX_CHECKED_BYTES ? place : { ...place, decode }) };
    }
    const bytes = (await source.read(offset, size)).slice();
    this.#checkCrc(key, entry, crc32c(bytes));
    return { tensor: store.put(dtype, entry.shape, bytes), bytes };
  }

  /** Elements of a text tensor: lengths as varints, a checksum of the lengths, then the texts. */
  async texts(key: string): Promise<readonly Uint8Array[]> {
    const { entry, source } = await this.#locate(key);
    const count = countOf(entry.shape);
    if (entry.size > MAX_TEXT_BYTES || count > entry.size) {
      throw this.#refuse(key, 'text', `A tensor of ${count} texts in ${entry.size} bytes cannot be read.`);
    }
    const bytes = await source.read(entry.offset, entry.size);
    const lengths: number[] = [];
    let at = 0;
    let crc = 0;
    for (let index = 0; index < count; index++) {
      const length = readVarint(bytes, at);
      if (length === undefined) throw this.#refuse(key, 'text', 'A tensor of texts is cut short.');
      const value = Number(length.value);
      lengths.push(value);
      // Lengths that take more than 32 bits are summed up as 64-bit numbers.
      const spelled = new DataView(new ArrayBuffer(value > 0xffffffff ? 8 : 4));
      if (spelled.byteLength === 8) spelled.setBigUint64(0, BigInt(value), true);
      else spelled.setUint32(0, value, true);
      crc = crc32c(new Uint8Array(spelled.buffer), crc);
      at = length.next;
    }
    const mark = bytes.subarray(at, at + 4);
    const stored = mark.byteLength === 4 ? new DataView(mark.buffer, mark.byteOffset, 4).getUint32(0, true) : -1;
    if (stored !== maskCrc(crc)) throw this.#refuse(key, 'crc', 'The checksum of the lengths of its texts is wrong.');
    at += 4;
    this.#checkCrc(key, entry, crc32c(bytes.subarray(at), crc32c(mark, crc)));
    return lengths.map((length) => {
      const text = bytes.subarray(at, at + length);
      at += length;
      if (text.byteLength !== length) throw this.#refuse(key, 'text', 'A tensor of texts is cut short.');
      return text;
    });
  }

  async #locate(
    key: string,
  ): Promise<{ readonly entry: BundleEntry; readonly dtype: DType; readonly source: ByteSource }> {
    const entry = this.entry(key);
    if (entry === undefined) throw this.#refuse(key, 'missing', 'The checkpoint has no tensor of this name.');
    if (entry.sliced) {
      throw new PareError({
        code: 'savedmodel/partitioned',
        file: this.#index.name,
        place: `tensor ${key}`,
        problem: 'The variable is partitioned: stored in several pieces, which is not read.',
        hint: 'Save the model without a partitioner (or freeze it with TensorFlow).',
      });
    }
    const dtype = dtypeOfCode(entry.type);
    if (dtype === null)
      throw this.#refuse(key, 'data-type', `It has elements of ${nameOfCode(entry.type)}, which are not read.`);
    const total = String(this.#shards).padStart(5, '0');
    if (entry.shard < 0 || entry.shard >= this.#shards) {
      throw this.#refuse(key, 'shard', `It should lie in file ${entry.shard} of ${this.#shards}.`);
    }
    const stem = this.#index.name.slice(this.#index.name.lastIndexOf('/') + 1).replace(/\.index$/, '');
    const name = `${stem}.data-${String(entry.shard).padStart(5, '0')}-of-${total}`;
    const source = await this.#open(name);
    if (source === undefined) {
      throw new PareError({
        code: 'savedmodel/shard-missing',
        file: this.#index.name,
        place: `tensor ${key}`,
        problem: `Its weights lie in "${name}", which is not there.`,
        hint: 'Open the whole folder of the SavedModel, or its zip.',
      });
    }
    if (!(entry.offset >= 0 && entry.size >= 0 && entry.offset + entry.size <= source.sizeBytes)) {
      throw this.#refuse(
        key,
        'range',
        `Its weights should lie at bytes ${entry.offset} to ${entry.offset + entry.size} of "${name}", which has only ${source.sizeBytes}.`,
      );
    }
    return { entry, dtype, source };
  }

  #checkCrc(key: string, entry: BundleEntry, crc: number): void {
    if (maskCrc(crc) !== entry.crc) throw this.#refuse(key, 'crc', 'The checksum of its bytes is wrong.');
  }

  #refuse(key: string, code: string, problem: string): PareError {
    return new PareError({
      code: `savedmodel/${code}`,
      file: this.#index.name,
      place: `tensor ${key}`,
      problem,
      hint: 'The files are damaged or belong to different models: get the whole folder again.',
    });
  }
}

/** The checksum is a fixed number of four bytes. */
function crcOf(message: Message): number {
  const bytes = fieldOf(message, ENTRY.crc)?.bytes;
  return bytes?.byteLength === 4 ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) : 0;
}
