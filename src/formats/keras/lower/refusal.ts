/** Why a layer stays opaque, and what is still known of its outputs. */
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { TensorRef } from '#formats/keras/config/calls.ts';
import { isList } from '#formats/keras/config/json.ts';
import { tensorDtype } from './dtype.ts';
import type { LayerCall } from './layer-call.ts';
import { Unsupported } from './unsupported.ts';

/** What Keras says of an output that is not computed here. */
export function typeOf(type: TensorRef['type']): {
  readonly dtype: DType | null;
  readonly shape: (number | string | null)[] | null;
} {
  const shape = type?.shape;
  const sizes = isList(shape) && shape.length <= 16 ? shape : undefined;
  return {
    dtype: tensorDtype(type?.dtype) ?? null,
    shape: sizes?.map((size, at) => (typeof size === 'number' ? size : at === 0 ? 'batch' : null)) ?? null,
  };
}

export function unknownClass(className: string): Unsupported {
  if (className === 'Lambda') {
    return new Unsupported(
      'a Lambda layer is code in Python, which only Python can run.',
      'Replace it by layers of Keras, or export the model as a SavedModel or TFLite file and open that.',
    );
  }
  return new Unsupported(
    `layers of class ${className} are not known here: it is a class of the model's own, or one of Keras that is rare.`,
    'Replace it by other layers of Keras, or export the model as a SavedModel or TFLite file and open that.',
  );
}

export function quantizedByKeras(): Unsupported {
  return new Unsupported(
    'Keras quantized it, and rounds its input anew for every sample.',
    'Save the model before it is quantized, and quantize it here.',
  );
}

/** Why a layer stays opaque; undefined where the error is about the file as a whole. */
export function refusalOf(call: LayerCall, error: unknown): Unsupported | undefined {
  if (error instanceof Unsupported) return error;
  if (!(error instanceof PareError) || error.parts.code !== 'lowering/refused') return undefined;
  const unknown = call.tensors.some((operand) => call.lowering.shape(operand) === null);
  if (!unknown) return new Unsupported(`it ${error.parts.problem.replace(/^It /, '')}`);
  return new Unsupported(
    'the shape of its input is not known, because a layer before it has no counterpart in ONNX.',
    'Replace that layer first.',
  );
}
