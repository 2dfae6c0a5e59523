/**
 * Opening a 1.5 GB ONNX file on disk up to its layer table, and writing it back with one layer changed: time, memory, and
 * which bytes were copied. The file is made in a process of its own, so that this one's memory is that of opening alone.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ByteSource } from '#base/bytes.ts';
import { isRange, sizeOfChunks } from '#base/bytes.ts';
import { openFileSource } from '#cli/file-source.ts';
import { writeFiles } from '#cli/write-files.ts';
import { openFiles } from '#formats/index.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { openEditor } from '#ir/open-editor.ts';
import { openModel } from '#studio/open.ts';
import type { BenchRow } from './row.ts';

const SIZE_BYTES = 1.5e9;
const MB = 1e6;

export async function run(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pare-large-'));
  try {
    const path = join(folder, 'large.onnx');
    const maker = fileURLToPath(new URL('large/make-large-onnx.ts', import.meta.url));
    execFileSync(process.execPath, ['--import', 'tsx', maker, path, String(SIZE_BYTES)], { stdio: 'inherit' });
    return await measure(folder, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, path: string): Promise<readonly BenchRow[]> {
  const peakBefore = peakBytes();
  const started = performance.now();
  const source = openFileSource(path, 'large.onnx');
  const opened = await openModel(new Map([['large.onnx', source]]));
  const { layers } = opened;
  const openMs = performance.now() - started;
  const openBytes = peakBytes() - peakBefore;

  const weight = layers.findLast((layer) => layer.op === 'MatMul')?.weights[0];
  if (weight === undefined) throw new Error('a MatMul with its weight was expected');
  const changed = zeroWeight(opened.model, opened.weights, weight.value);
  const composing = performance.now();
  const files = await onnx.write(changed, opened.weights, { path: 'changed.onnx' });
  const composeMs = performance.now() - composing;
  const [file] = files;
  if (file === undefined || files.length !== 1) throw new Error('one file was expected');
  const made = file.chunks.filter((chunk) => !isRange(chunk)).map((chunk) => sizeOfChunks([chunk]));
  const copied = made.filter((size) => size >= 1024 * 1024).reduce((sum, size) => sum + size, 0) - weight.sizeBytes;
  const structure = made.filter((size) => size < 1024 * 1024).reduce((sum, size) => sum + size, 0);

  const beforeWriting = peakBytes();
  const writing = performance.now();
  await writeFiles(folder, files);
  const writeMs = performance.now() - writing;
  const writeBytes = peakBytes() - beforeWriting;
  const again = openFileSource(join(folder, 'changed.onnx'), 'changed.onnx');
  await checkWritten(opened.model, opened.weights, again, weight.value);
  again.close();
  source.close();

  const what = `${(source.sizeBytes / 1e9).toFixed(2)} GB, ${layers.length} layers, Node, file on disk in page cache, once`;
  return [
    { name: 'open 1.5 GB: layer table', value: openMs, unit: 'ms', limit: { atMost: 2000 }, method: what },
    {
      name: 'open 1.5 GB: memory growth',
      value: openBytes / MB,
      unit: 'MB',
      limit: { atMost: 100 },
      method: `${what}; peak resident size of the process after minus before`,
    },
    {
      name: 'write 1.5 GB with one layer changed: weight bytes copied besides that layer',
      value: copied,
      unit: 'bytes',
      limit: { atMost: 0 },
      method: `pieces of the output that are not ranges of the source: the layer, ${weight.sizeBytes} bytes, and names and shapes, ${structure} bytes`,
    },
    { name: 'write 1.5 GB with one layer changed: composing', value: composeMs, unit: 'ms', method: what },
    {
      name: 'write 1.5 GB with one layer changed: to disk',
      value: source.sizeBytes / writeMs / 1e6,
      unit: 'GB/s',
      method: `${what}; peak memory grew by ${(writeBytes / MB).toFixed(0)} MB`,
    },
  ];
}

/** Peak resident size of this process so far. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function zeroWeight(model: Model, store: WeightStore, id: ValueId): Model {
  const edit = openEditor(model);
  const old = edit.constantOf(id);
  if (old === undefined) throw new Error('a constant was expected');
  edit.setConstant(id, store.put(old.dtype, old.shape, new Uint8Array(store.sizeBytes(old))));
  return edit.finish();
}

/** The written file holds the changed weight, and the first one as it was. */
async function checkWritten(before: Model, weights: WeightStore, file: ByteSource, changed: ValueId): Promise<void> {
  const { model, store } = await openFiles(new Map([[file.name, file]]));
  const byName = new Map([...model.graph.values.values()].map((value) => [value.name, value]));
  for (const value of before.graph.values.values()) {
    const now = byName.get(value.name)?.constant;
    if (value.constant === undefined || (value.id !== changed && value.name !== 'layer0.weight')) continue;
    if (now === undefined) throw new Error(`${value.name} was not written`);
    const bytes = Buffer.from(await store.read(now));
    const expected =
      value.id === changed ? Buffer.alloc(bytes.byteLength) : Buffer.from(await weights.read(value.constant));
    if (!bytes.equals(expected)) throw new Error(`${value.name} was not written as it should be`);
  }
}
