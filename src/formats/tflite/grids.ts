/** Grids of tensors: scale and zero point of a .tflite record as a quantization of the model, one ticket for all that share it. */
import { bitsOf, countOf, isFloat, kindOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Quantization, Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { TfliteTensor } from './record/file.ts';

export class Grids {
  readonly #store: WeightStore;
  readonly #file: string;
  readonly #made = new Map<string, Tensor>();

  constructor(store: WeightStore, file: string) {
    this.#store = store;
    this.#file = file;
  }

  /** Whether the integers of a tensor stand for real numbers. */
  has({ type, quantization }: TfliteTensor): boolean {
    if (type === 'resource' || type === 'variant' || isFloat(type) || quantization === undefined) return false;
    const integer = kindOf(type) === 'signed' || kindOf(type) === 'unsigned';
    const { scale, blocks } = quantization;
    return integer && bitsOf(type) <= 16 && (blocks !== undefined || (scale.length > 0 && scale.every(isScale)));
  }

  /**
   * Of a tensor that is computed: one scale, and the type of its levels. Signed bytes become unsigned ones, 128 up: the same real values to
   * the bit, and the type that onnxruntime has integer kernels for everywhere (on x64 and in the browser it turns signed ones itself,
   * but not where two layers read them, and computes in floats around those).
   */
  ofActivation(tensor: TfliteTensor): Quantization | undefined {
    const { type } = tensor;
    return type === 'i8' ? this.#activation(tensor, 'u8', 128) : this.asStored(tensor);
  }

  /** Of a tensor that is computed, with the levels that the file has. */
  asStored(tensor: TfliteTensor): Quantization | undefined {
    return this.#activation(tensor, tensor.type as DType, 0);
  }

  #activation(tensor: TfliteTensor, levels: DType, shift: number): Quantization | undefined {
    if (!this.has(tensor)) return undefined;
    const { scale, zeroPoint } = tensor.quantization!;
    if (scale.length !== 1) {
      throw this.#refuse(tensor, `It is computed, but has ${scale.length} scales where one belongs.`);
    }
    return {
      scale: this.scales(scale, []),
      zeroPoint: this.#zeros(tensor, levels, [(zeroPoint[0] ?? 0n) + BigInt(shift)], 1, []),
      levels,
    };
  }

  /** Of a constant: one scale, or one for each slice along an axis. */
  ofConstant(tensor: TfliteTensor): Quantization | undefined {
    if (!this.has(tensor) || tensor.quantization!.blocks !== undefined) return undefined;
    const { scale, zeroPoint, axis } = tensor.quantization!;
    const type = tensor.type as DType;
    if (scale.length === 1) {
      return { scale: this.scales(scale, []), zeroPoint: this.#zeros(tensor, type, zeroPoint, 1, []) };
    }
    if (axis < 0 || axis >= tensor.shape.length || tensor.shape[axis] !== scale.length) {
      throw this.#refuse(
        tensor,
        `It has ${scale.length} scales for axis ${axis} of the shape [${tensor.shape.join(', ')}].`,
      );
    }
    return {
      scale: this.scales(scale, [scale.length]),
      zeroPoint: this.#zeros(tensor, type, zeroPoint, scale.length, [scale.length]),
      axis,
    };
  }

  /** Scales as a ticket; equal ones share it. */
  scales(values: readonly number[], shape: readonly number[]): Tensor {
    return this.put('f32', shape, new Uint8Array(Float32Array.from(values).buffer));
  }

  put(dtype: DType, shape: readonly number[], bytes: Uint8Array): Tensor {
    // Long lists are their weight's own.
    if (countOf(shape) > 1) return this.#store.put(dtype, shape, bytes);
    const key = `${dtype} ${shape.length} ${bytes.join()}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const tensor = this.#store.put(dtype, shape, bytes);
    this.#made.set(key, tensor);
    return tensor;
  }

  #zeros(tensor: TfliteTensor, type: DType, given: readonly bigint[], count: number, shape: readonly number[]): Tensor {
    const bits = bitsOf(type);
    const signed = kindOf(type) === 'signed';
    const low = signed ? -(2 ** (bits - 1)) : 0;
    const levels = Array.from({ length: count }, (_, at) => Number(given[given.length === 1 ? 0 : at] ?? 0n));
    const outside = levels.find((level) => level < low || level >= low + 2 ** bits);
    if (outside !== undefined) throw this.#refuse(tensor, `Its zero point ${outside} is no ${type}.`);
    return this.put(type, shape, packLevels(levels, bits));
  }

  #refuse(tensor: TfliteTensor, problem: string): PareError {
    return new PareError({
      code: 'tflite/grid',
      file: this.#file,
      place: `tensor "${tensor.name}"`,
      problem,
      hint: 'The file is damaged, or its converter is at fault: convert the model again.',
    });
  }
}

/** What makes two grids the same. */
export function gridKey({ levels, scale, zeroPoint }: Quantization): string {
  return `${levels ?? ''} ${scale.key} ${zeroPoint?.key ?? ''}`;
}

function isScale(scale: number): boolean {
  return Number.isFinite(scale) && scale > 0;
}

/** Integers of 2 to 16 bits, little endian, low bits first. */
function packLevels(levels: readonly number[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((levels.length * bits) / 8));
  const mask = 2 ** Math.min(bits, 8) - 1;
  for (const [at, level] of levels.entries()) {
    const bit = at * bits;
    const byte = bit >> 3;
    bytes[byte] = (bytes[byte] ?? 0) | ((level & mask) << (bit & 7));
    if (bits === 16) bytes[byte + 1] = (level >> 8) & 0xff;
  }
  return bytes;
}
