/** Writes a large ONNX file with our own writer: `tsx bench/large/make-large-onnx.ts FILE [BYTES]` (1.5 GB by default). */
import { basename, dirname } from 'node:path';
import { writeFiles } from '#cli/write-files.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import { largeModel } from './large-model.ts';

const [path, size] = process.argv.slice(2);
if (path === undefined) throw new Error('Wanted: a path for the file.');
const { model, store } = largeModel(Number(size ?? 1.5e9));
await writeFiles(dirname(path), await writeOnnx(model, store, { path: basename(path) }));
