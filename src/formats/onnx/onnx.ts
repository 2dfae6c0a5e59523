/** The ONNX format: one `.onnx` file, with weights inside or in files beside it. */
import type { WritableFormat } from '#formats/format.ts';
import { PareError } from '#base/failure.ts';
import { checkOnnx } from './check.ts';
import { ExternalFiles } from './read/external-files.ts';
import { readOnnx } from './read.ts';
import { sniffOnnx } from './record/sniff.ts';
import { writeOnnx } from './write.ts';

export const onnx: WritableFormat = {
  id: 'onnx',
  title: 'ONNX',
  extensions: ['.onnx'],
  sniff: sniffOnnx,
  check: checkOnnx,
  write: writeOnnx,

  async read({ files, main, find }, store) {
    const source = files.get(main);
    if (source === undefined)
      throw new PareError({ code: 'onnx/no-file', file: main, problem: 'There is no such file.' });
    const external = new ExternalFiles(files, main, find);
    const { model, notices } = await readOnnx(source, external, store);
    const used = new Map([[main, source], ...external.used]);
    return { model, notices, used };
  },
};
