import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutputFile } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import { openFileSource } from './file-source.ts';
import { modelFiles } from './model-files.ts';
import { moveFiles, refuseOverwriting, writeFiles } from './write-files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);

describe('openFileSource', () => {
  it('reads any range of the file, and refuses what is not there', async () => {
    const path = join(folder, 'data');
    writeFileSync(path, bytes);
    const source = openFileSource(path, 'data');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(bytes.length), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(await source.read(start, end - start)).toEqual(bytes.slice(start, end));
      }),
      { numRuns: 30 },
    );
    await expect(source.read(bytes.length - 1, 2)).rejects.toThrow('data');
    source.close();
  });

  it('says so when the file became shorter', async () => {
    const path = join(folder, 'shrinking');
    writeFileSync(path, bytes);
    const source = openFileSource(path, 'shrinking');
    writeFileSync(path, 'gone');
    await expect(source.read(0, bytes.length)).rejects.toThrow('shrinking');
    source.close();
  });
});

describe('modelFiles', () => {
  it('shows one file, and finds its neighbours when asked, but nothing outside the folder', async () => {
    const home = join(folder, 'model');
    mkdirSync(join(home, 'weights'), { recursive: true });
    writeFileSync(join(home, 'a.onnx'), 'a');
    writeFileSync(join(home, 'weights', 'a.bin'), 'bb');
    writeFileSync(join(folder, 'secret'), 's');
    const { files, find } = modelFiles(join(home, 'a.onnx'));
    expect([...files.keys()]).toEqual(['a.onnx']);
    expect((await find('weights/a.bin'))?.sizeBytes).toBe(2);
    expect(await find('../secret')).toBeUndefined();
    expect(await find('weights')).toBeUndefined();
    expect(await find('absent')).toBeUndefined();
    expect([...modelFiles(home).files.keys()]).toEqual(['model/a.onnx', 'model/weights/a.bin']);
  });

  it('says that a file is absent', () => {
    expect(() => modelFiles(join(folder, 'absent'))).toThrow('no such file');
  });
});

describe('writing', () => {
  const output = (path: string, chunks: OutputFile['chunks']): OutputFile => ({ path, chunks, sizeBytes: 0 });

  it('writes bytes and ranges in order and moves the files to their names', async () => {
    const path = join(folder, 'source');
    writeFileSync(path, bytes);
    const onDisk = openFileSource(path, 'source');
    const inMemory = memorySource('memory', bytes);
    const file = output('out/model.onnx', [
      bytes.subarray(0, 10),
      { source: onDisk, offset: 10, length: 50_000 },
      { source: inMemory, offset: 50_010, length: bytes.length - 50_010 },
    ]);
    const staging = join(folder, 'staging');
    await writeFiles(staging, [file]);
    moveFiles(staging, folder, [file]);
    expect(new Uint8Array(readFileSync(join(folder, 'out', 'model.onnx')))).toEqual(bytes);
    expect(existsSync(join(staging, 'out', 'model.onnx'))).toBe(false);
    onDisk.close();
  });

  it('passes on a failure of the source', async () => {
    const source = { name: 'w', sizeBytes: 9, read: () => Promise.reject(new Error('gone')) };
    const file = output('model.onnx', [{ source, offset: 0, length: 9 }]);
    await expect(writeFiles(join(folder, 'failed'), [file])).rejects.toThrow('gone');
  });

  it('refuses to overwrite the original under any of its names', () => {
    const path = join(folder, 'original');
    writeFileSync(path, 'x');
    linkSync(path, join(folder, 'hard'));
    symlinkSync(path, join(folder, 'soft'));
    const originals = new Map([['original', openFileSource(path, 'original')]]);
    for (const name of ['original', 'hard', 'soft']) {
      expect(() => refuseOverwriting([join(folder, name)], originals)).toThrow('overwrite');
    }
    refuseOverwriting([join(folder, 'new')], originals);
    expect(() => refuseOverwriting([folder], originals)).toThrow('folder');
  });
});
