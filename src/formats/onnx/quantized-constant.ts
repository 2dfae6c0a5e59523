/** What the spellings of quantization share: the constant with its home, and what a file must declare for them. */
import { bitsOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Model, Quantization, Tensor, Value } from '#ir/model.ts';

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

/**
 * Where QuantizeLinear and DequantizeLinear come from: the default domain where its opset has this form; com.microsoft has
 * 4, 8 and 16 bits without blocks at any opset.
 */
export function domainFor(
  edit: Editor,
  place: string,
  levels: DType,
  { scale, block }: Pick<Quantization, 'scale' | 'block'>,
): '' | 'com.microsoft' {
  const bits = bitsOf(levels);
  const opset = edit.model.opsets.get('') ?? 1;
  let needed = scale.shape.length === 0 ? 10 : 13;
  if (scale.dtype === 'f16') needed = 19;
  if (bits === 4 || bits === 16 || block !== undefined) needed = 21;
  if (bits === 2) needed = 25;
  if (opset >= needed) return '';
  if (bits !== 2 && block === undefined) return 'com.microsoft';
  throw new PareError({
    code: 'onnx/opset-for-quantization',
    place,
    problem: `${block === undefined ? `${String(bits)}-bit` : 'Blocked'} DequantizeLinear needs opset ${String(needed)}, and the model is at ${String(opset)}.`,
    hint: 'Raise the opset first, or quantize per channel with 8 bits.',
  });
}

/** How names of made values begin, told from the name of the value that they are made for. */
export type Stem = (name: string) => string;

/**
 * TensorFlow joins the names of all that it fused, hundreds of letters each, which in a small file would take more room than the
 * weights: of a model that was not ONNX the first one says enough. Of ONNX models names are what onnxruntime's quantizer makes.
 */
export function stemsOf(model: Pick<Model, 'source'>): Stem {
  if (model.source.format === 'onnx') return (name) => name;
  return (name) => {
    const end = name.indexOf(';');
    return end > 0 ? name.slice(0, end) : name;
  };
}
