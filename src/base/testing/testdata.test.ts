/** The test data's own test: what the locator promises holds where the data is present. */
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeWithTestdata, hasTestdata, testdata } from './testdata.ts';

describeWithTestdata('test data', () => {
  it('is found at the promised place', () => {
    expect(hasTestdata).toBe(true);
    expect(existsSync(testdata('models/mnist/mnist.onnx'))).toBe(true);
  });
});
