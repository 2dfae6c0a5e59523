/** The contract of a row of the layer table: what a class of Keras is in ONNX. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import type { Operand } from '#formats/lowering/lowering.ts';

export interface LayerRow {
  /** Throws `Unsupported` where it cannot be said. */
  readonly lower: (call: LayerCall) => Operand | readonly Operand[];
  /** What mask the first output carries: that of the first input, another, or none where left out. */
  readonly mask?: 'keeps' | ((call: LayerCall) => Operand | undefined);
}

export type LayerRows = Readonly<Record<string, LayerRow>>;
