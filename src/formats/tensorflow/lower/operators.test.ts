import { describe, it } from 'vitest';
import { expectRecorded, recordedCases } from './testing/recorded.ts';

describe('the operators of TensorFlow in onnxruntime', () => {
  for (const [name, recorded] of recordedCases('operators')) {
    it(`gives what TensorFlow gives: ${name}`, async () => {
      await expectRecorded(recorded);
    });
  }
});
