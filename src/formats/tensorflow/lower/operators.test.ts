import { describe, it } from 'vitest';
import { expectRecorded, recordedCases } from './testing/recorded.ts';

for (const file of ['operators', 'control', 'recurrent']) {
  describe(`TensorFlow's ${file} in onnxruntime`, () => {
    for (const [name, recorded] of recordedCases(file)) {
      it(`gives what TensorFlow gives: ${name}`, async () => {
        await expectRecorded(recorded);
      });
    }
  });
}
