/** Uses of RNN, GRU and LSTM: directions, layouts, activations, clips, initial states, lengths and peepholes. */
import { given, real } from '#measure/testing/operator-case.ts';
import type { InterpreterCase } from './single-operator.ts';

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const ACTIVATIONS = { RNN: 1, GRU: 2, LSTM: 3 } as const;

type Name = keyof typeof GATES;

interface Setting {
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  readonly bias?: boolean;
  readonly lengths?: boolean;
  readonly initial?: boolean;
  readonly peepholes?: boolean;
  readonly layout?: number;
  readonly attrs?: InterpreterCase['attrs'];
  readonly label?: string;
}

const [STEPS, BATCH, INPUTS, HIDDEN] = [5, 3, 2, 4];

function use(op: Name, setting: Setting = {}): InterpreterCase {
  const { direction = 'forward', bias = false, lengths = false, initial = false, peepholes = false, layout } = setting;
  const directions = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const state = layout === 1 ? [BATCH, directions, HIDDEN] : [directions, BATCH, HIDDEN];
  return {
    op,
    inputs: [
      real(layout === 1 ? [BATCH, STEPS, INPUTS] : [STEPS, BATCH, INPUTS]),
      real([directions, rows, INPUTS]),
      real([directions, rows, HIDDEN], -1, 1),
      bias ? real([directions, 2 * rows]) : null,
      lengths ? given('i32', [BATCH], [5, 2, 4]) : null,
      initial ? real(state) : null,
      ...(op === 'LSTM' ? [initial ? real(state) : null, peepholes ? real([directions, 3 * HIDDEN]) : null] : []),
    ],
    attrs: { hidden_size: HIDDEN, direction, ...(layout === undefined ? {} : { layout }), ...setting.attrs },
    outputs: op === 'LSTM' ? 3 : 2,
    ...(setting.label === undefined ? {} : { label: setting.label }),
  };
}

/** One list of activations for each direction. */
function activations(op: Name, names: readonly string[], directions: number): Setting['attrs'] {
  const each = names.slice(0, ACTIVATIONS[op]);
  return { activations: Array.from({ length: directions }, () => each).flat() };
}

export const RECURRENT_CASES: readonly InterpreterCase[] = [
  ...(['RNN', 'GRU', 'LSTM'] as const).flatMap((op): InterpreterCase[] => [
    use(op, { bias: true }),
    use(op, { bias: true, direction: 'reverse', label: 'reverse' }),
    use(op, { bias: true, direction: 'bidirectional', initial: true, label: 'state' }),
    use(op, { bias: true, lengths: true, label: 'lengths' }),
    use(op, { bias: true, lengths: true, direction: 'reverse', label: 'lengths, reverse' }),
    use(op, { bias: true, lengths: true, direction: 'bidirectional', initial: true, label: 'lengths, both' }),
    use(op, { bias: true, attrs: { clip: { float: 0.6 } }, label: 'clip' }),
    use(op, { bias: true, attrs: activations(op, ['Relu', 'Softsign', 'Sigmoid'], 1), label: 'activations' }),
    use(op, {
      bias: true,
      direction: 'bidirectional',
      attrs: activations(op, ['HardSigmoid', 'Tanh', 'Tanh'], 2),
      label: 'hard sigmoid',
    }),
  ]),
  use('GRU', { bias: true, attrs: { linear_before_reset: 1 }, label: 'linear before reset' }),
  use('GRU', {
    bias: true,
    direction: 'bidirectional',
    initial: true,
    attrs: { linear_before_reset: 1 },
    label: 'linear before reset, both',
  }),
  use('LSTM', { bias: true, peepholes: true, label: 'peepholes' }),
  use('LSTM', { bias: true, peepholes: true, direction: 'bidirectional', label: 'peepholes, both' }),
  use('LSTM', { bias: true, attrs: { input_forget: 1 }, label: 'coupled' }),
  use('RNN', {
    attrs: { activations: ['LeakyRelu'], activation_alpha: { floats: [0.3] } },
    label: 'leaky',
  }),
  use('RNN', {
    attrs: { activations: ['Affine'], activation_alpha: { floats: [0.3] }, activation_beta: { floats: [0.1] } },
    label: 'affine',
  }),
];
