/** Activations that TFLite computes together with another operator: nodes of their own here. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { OperatorCall } from '#formats/tflite/call.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

/** Names for a node and its result. */
export interface Names {
  readonly name: string;
  readonly output: string;
}

/** Makes the operator, and its activation behind it. `activation` is the number in the operator's options. */
export function activated(call: OperatorCall, activation: number, make: (names: Names) => Operand): Operand {
  if (activation === 0) return make({ name: call.name, output: call.output });
  const linear = make({ name: call.name, output: `${call.output}_linear` });
  const { lowering, name, output } = call;
  const node = (op: string, inputs: readonly Operand[] = []): Operand =>
    lowering.apply(op, [linear, ...inputs], { name: `${name}/${op}`, outputs: [output] });
  switch (activation) {
    case 1:
      return node('Relu');
    case 2:
      return node('Clip', [call.like(linear, -1), call.like(linear, 1)]);
    case 3:
      return node('Clip', [call.like(linear, 0), call.like(linear, 6)]);
    case 4:
      return node('Tanh');
    default:
      throw new Unsupported(`It is fused with activation ${activation}, which no kernel of TFLite has.`);
  }
}
