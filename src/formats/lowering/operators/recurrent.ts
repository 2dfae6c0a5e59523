/** LSTM, GRU and RNN of one direction: batch first outside, time first inside. */
import type { Workbench } from '#formats/lowering/workbench.ts';
import type { AttrInput, Operand, RecurrentOptions, RecurrentResult } from '#formats/lowering/lowering.ts';

export function recurrent(
  bench: Workbench,
  op: 'LSTM' | 'GRU' | 'RNN',
  x: Operand,
  weights: { readonly W: Operand; readonly R: Operand; readonly B: Operand | null },
  options: RecurrentOptions,
): RecurrentResult {
  const { name, direction, hidden, timeMajor, initial } = options;
  const output = options.output ?? name;
  const inner = timeMajor === true ? x : bench.transpose(x, [1, 0, 2]);
  const states = (initial ?? []).map((state, at) =>
    state === null
      ? null
      : bench.apply('Unsqueeze', [state, bench.small([0])], { name: `${name}_initial_${at === 0 ? 'h' : 'c'}` }),
  );
  const attrs: Record<string, AttrInput> = {
    hidden_size: hidden,
    direction,
    ...(options.activations === undefined
      ? {}
      : { activations: { type: 'strings', value: options.activations.map((one) => new TextEncoder().encode(one)) } }),
    ...(options.clip === undefined || options.clip === 0 ? {} : { clip: { float: options.clip } }),
    ...(op === 'GRU' && options.linearBeforeReset === true ? { linear_before_reset: 1 } : {}),
  };
  const inputs = [inner, weights.W, weights.R, weights.B, null, ...states.slice(0, op === 'LSTM' ? 2 : 1)];
  while (inputs.at(-1) === null) inputs.pop();
  const names = [`${output}_sequence`, `${output}_h`, ...(op === 'LSTM' ? [`${output}_c`] : [])];
  const [all, h, c] = bench.node(op, inputs, { name, outputs: names, attrs });
  // [time, 1, batch, hidden] and [1, batch, hidden].
  const squeezed = bench.apply('Squeeze', [all!, bench.small([1])], { name: `${name}_steps`, outputs: [output] });
  const last = bench.apply('Squeeze', [h!, bench.small([0])], { name: `${name}_last` });
  return {
    sequence: timeMajor === true ? squeezed : bench.transpose(squeezed, [1, 0, 2]),
    last,
    ...(c === undefined ? {} : { cell: bench.apply('Squeeze', [c, bench.small([0])], { name: `${name}_cell` }) }),
  };
}
