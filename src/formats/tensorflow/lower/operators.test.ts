import { describe, expect, it } from 'vitest';
import { expectRecorded, lowerRecorded, recordedCases } from './testing/recorded.ts';

for (const file of ['operators', 'control', 'recurrent']) {
  describe(`TensorFlow's ${file} in onnxruntime`, () => {
    for (const [name, recorded] of recordedCases(file)) {
      it(`gives what TensorFlow gives: ${name}`, async () => {
        await expectRecorded(recorded);
      });
    }
  });
}

/** Loops that are no recurrent layer that ONNX has: they stay loops. */
const LOOPS = /masked|ConvLSTM|RNN cells|Keras 3 LSTM hard sigmoid/u;

describe('recurrent layers of Keras', () => {
  for (const [name, recorded] of recordedCases('recurrent')) {
    if (name.includes('unrolled')) continue;
    it(`are ${LOOPS.test(name) ? 'kept as loops' : 'lifted'}: ${name}`, () => {
      const { model } = lowerRecorded(recorded);
      const ops = model.graph.nodes.map(({ op }) => op);
      const lifted = ops.filter((op) => ['LSTM', 'GRU', 'RNN'].includes(op)).length;
      const loops = ops.filter((op) => op === 'Loop').length;
      expect({ lifted, loops }).toEqual(
        LOOPS.test(name) ? { lifted: 0, loops: 1 } : { lifted: name.includes('Bidirectional') ? 2 : 1, loops: 0 },
      );
    });
  }
});
