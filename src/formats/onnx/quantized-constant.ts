/** What the spellings of quantized constants share: the constant with its home, and what a file must declare for them. */
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Quantization, Tensor, Value } from '#ir/model.ts';

/** A constant whose integers stand for real numbers. */
export interface QuantizedConstant {
  readonly value: Value;
  readonly tensor: Tensor;
  readonly quantization: Quantization;
  /** The graph that defines it. */
  readonly home: GraphPath;
}

export function importMicrosoft(edit: Editor): void {
  if (!edit.model.opsets.has('com.microsoft')) edit.setOpset('com.microsoft', 1);
}

/** Element types that ONNX gained late need a late IR version: int4 came with 10, int2 with 13. */
export function raiseIrVersion(edit: Editor, bits: number): void {
  const needed = bits === 2 ? 13 : bits === 4 ? 10 : 0;
  if (edit.model.irVersion < needed) edit.setIrVersion(needed);
}
