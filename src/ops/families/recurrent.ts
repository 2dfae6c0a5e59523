/** LSTM, GRU and RNN: weights W [directions, gates * hidden, inputs] and R [directions, gates * hidden, hidden]. */
import type { Dim, Shape } from '#ir/model.ts';
import type { Call } from '#ops/call.ts';
import type { Operator, WeightRole } from '#ops/operator.ts';

/** Output channels are the gate rows of each direction, so a range of its own belongs to axes 0 and 1 together. */
const GATES: WeightRole = { role: 'weight', axis: 1, sumAxis: 2, groups: 1, channelAxes: [0, 1] };

function recurrent(name: 'LSTM' | 'GRU' | 'RNN', gates: number): Operator {
  const state = name === 'LSTM' ? ['initial_h?', 'initial_c?', 'P?'] : ['initial_h?'];
  return {
    name,
    inputs: ['X', 'W', 'R', 'B?', 'sequence_lens?', ...state],
    outputs: name === 'LSTM' ? ['Y?', 'Y_h?', 'Y_c?'] : ['Y?', 'Y_h?'],
    infer: (call) => {
      const { steps, batch, hidden, directions } = sizes(call, gates);
      const batchFirst = call.int('layout', 0) !== 0;
      const all: Shape = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
      const last: Shape = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
      return [call.like(0, all), call.like(0, last), call.like(0, last)].slice(0, name === 'LSTM' ? 3 : 2);
    },
    roles: () => [undefined, GATES, GATES, 'bias', 'setting', 'data', 'data', 'affine'],
    macs: (call) => {
      const { steps, batch, hidden, directions } = sizes(call, gates);
      const inputs = call.dim(0, 2);
      if (typeof hidden !== 'number' || typeof inputs !== 'number')
        return { unknown: 'the hidden or input size is not known' };
      if (typeof steps !== 'number' || typeof batch !== 'number')
        return { unknown: 'the number of steps or the batch size is not known' };
      return steps * batch * directions * gates * hidden * (inputs + hidden);
    },
  };
}

function sizes(
  call: Call,
  gates: number,
): { readonly steps: Dim; readonly batch: Dim; readonly hidden: Dim; readonly directions: number } {
  const batchFirst = call.int('layout', 0) !== 0;
  const rows = call.dim(1, 1);
  const hidden = call.int('hidden_size', 0);
  return {
    steps: call.dim(0, batchFirst ? 1 : 0),
    batch: call.dim(0, batchFirst ? 0 : 1),
    hidden: hidden > 0 ? hidden : typeof rows === 'number' ? rows / gates : null,
    directions: call.string('direction', 'forward') === 'bidirectional' ? 2 : 1,
  };
}

export const recurrentOperators: readonly Operator[] = [recurrent('LSTM', 4), recurrent('GRU', 3), recurrent('RNN', 1)];
