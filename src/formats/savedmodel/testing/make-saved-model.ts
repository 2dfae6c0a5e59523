/** For tests: SavedModels of dense layers, written here, with as many bytes of weights as wanted. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { joinChunks } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import { crc32c, maskCrc } from '#wire/crc32c.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { writeTable } from '#wire/testing/leveldb-table.ts';

const FLOAT = 1;

export interface MadeSavedModel {
  readonly files: Files;
  /** What was read of the file of weights, in bytes. */
  readonly bytesRead: () => number;
}

/** `layers` square matrices of `size`, one after another. Every weight is 1 / size, so that ones stay ones. */
export async function makeDenseModel(size: number, layers: number, crcChange = 0): Promise<MadeSavedModel> {
  const weightBytes = 4 * size * size;
  const row = new Uint8Array(new Float32Array(size * size).fill(1 / size).buffer);
  let bytesRead = 0;
  const data: ByteSource = {
    name: 'variables.data-00000-of-00001',
    sizeBytes: weightBytes * layers,
    read(offset, length) {
      bytesRead += length;
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const from = (offset + at) % weightBytes;
        const piece = row.subarray(from, Math.min(weightBytes, from + length - at));
        bytes.set(piece, at);
        at += piece.byteLength;
      }
      return Promise.resolve(bytes);
    },
  };
  const crc = maskCrc(crc32c(row)) + crcChange;
  const records: [string, Uint8Array][] = [['', await bytesOf(new MessageDraft().integer(1, 1))]];
  for (let layer = 0; layer < layers; layer++) {
    const shape = new MessageDraft().message(2, dim(size)).message(2, dim(size));
    const entry = new MessageDraft().integer(1, FLOAT).message(2, shape);
    entry.integer(4, layer * weightBytes).integer(5, weightBytes);
    // A fixed number of four bytes: tag, then the number.
    entry.verbatim(Uint8Array.of(6 * 8 + 5, crc & 255, (crc >>> 8) & 255, (crc >>> 16) & 255, crc >>> 24));
    records.push([keyOf(layer), await bytesOf(entry)]);
  }
  records.sort(([a], [b]) => (a < b ? -1 : 1));
  const index = memorySource('variables.index', writeTable(records));
  const files = new Map<string, ByteSource>([
    ['dense/saved_model.pb', memorySource('saved_model.pb', await bytesOf(savedModel(size, layers)))],
    ['dense/variables/variables.index', index],
    ['dense/variables/variables.data-00000-of-00001', data],
  ]);
  return { files, bytesRead: () => bytesRead };
}

function keyOf(layer: number): string {
  return `layer_${String(layer).padStart(3, '0')}/kernel`;
}

function savedModel(size: number, layers: number): MessageDraft {
  const graph = new MessageDraft();
  const shape = new MessageDraft().message(2, dim(-1)).message(2, dim(size));
  graph.message(1, node('x', 'Placeholder', [], { dtype: new MessageDraft().integer(6, FLOAT) }));
  let before = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const key = keyOf(layer);
    const name = new MessageDraft().string(2, key);
    graph.message(1, node(key, 'VarHandleOp', [], { dtype: new MessageDraft().integer(6, FLOAT), shared_name: name }));
    graph.message(1, node(`read_${layer}`, 'ReadVariableOp', [key], {}));
    graph.message(1, node(`product_${layer}`, 'MatMul', [before, `read_${layer}`], {}));
    before = `product_${layer}`;
  }
  const info = (name: string): MessageDraft =>
    new MessageDraft().string(1, `${name}:0`).integer(2, FLOAT).message(3, shape);
  const signature = new MessageDraft().message(1, entryOf('x', info('x'))).message(2, entryOf('y', info(before)));
  const meta = new MessageDraft()
    .message(1, new MessageDraft().string(4, 'serve').string(5, '2.21.0'))
    .message(2, graph)
    .message(5, entryOf('serving_default', signature));
  return new MessageDraft().integer(1, 1).message(2, meta);
}

function node(
  name: string,
  op: string,
  inputs: readonly string[],
  attrs: Readonly<Record<string, MessageDraft>>,
): MessageDraft {
  const draft = new MessageDraft().string(1, name).string(2, op);
  for (const input of inputs) draft.string(3, input);
  for (const [key, value] of Object.entries(attrs)) draft.message(5, entryOf(key, value));
  return draft;
}

function entryOf(key: string, value: MessageDraft): MessageDraft {
  return new MessageDraft().string(1, key).message(2, value);
}

function dim(size: number): MessageDraft {
  return new MessageDraft().integer(1, size);
}

function bytesOf(draft: MessageDraft): Promise<Uint8Array> {
  return joinChunks(draft.compose());
}
