/** Constants as operands: plain ones, levels with their grids, half-precision weights behind a Cast, biases of integer layers. */
import type { DType } from '#base/dtype.ts';
import { decodeFloat16 } from '#base/float16.ts';
import type { Quantization } from '#ir/model.ts';
import { permutedTensor } from '#formats/lowering/constants.ts';
import { derivedTensor } from '#ir/derived-tensor.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import type { ConstantSource } from './constants.ts';
import type { TfliteTensor } from './record/file.ts';
import type { Shared } from './shared.ts';
import { Unsupported } from './unsupported.ts';

/** A constant tensor. */
export function constantOf(shared: Shared, lowering: Lowering, tensor: TfliteTensor): Operand {
  const { name, type, buffer, shape, isVariable } = tensor;
  if (isVariable && buffer === undefined) return zerosOf(lowering, tensor);
  if (buffer === undefined && !shape.includes(0)) {
    throw new Unsupported(
      `It reads "${name}", which nothing makes.`,
      'The file is damaged, or that part was made by an operator that is not read.',
    );
  }
  if (type === 'string' || type === 'resource' || type === 'variant') {
    throw new Unsupported(`It reads "${name}", which holds ${type === 'string' ? 'texts' : 'no numbers'}.`);
  }
  if (type === 'c64' || type === 'c128') throw new Unsupported(`It reads "${name}", a constant of complex numbers.`);
  if (buffer === undefined) return emptyOf(lowering, shared, tensor, type);
  if (shared.grids.has(tensor)) return quantizedOf(shared, lowering, tensor);
  const bytes = shared.constants.bytes(tensor);
  return lowering.constant(name, shared.constants.link(tensor), bytes === undefined ? {} : { bytes });
}

/** Tensors that keep their values between runs start at zero. */
function zerosOf(lowering: Lowering, { name, shape, type }: TfliteTensor): Operand {
  const dtype = type === 'i32' || type === 'i64' ? type : 'f32';
  const zero = lowering.small(0, dtype);
  return lowering.apply('Expand', [zero, lowering.small(shape)], { name });
}

function emptyOf(lowering: Lowering, shared: Shared, { name, shape }: TfliteTensor, type: DType): Operand {
  const bytes = new Uint8Array(0);
  return lowering.constant(name, shared.store.put(type, shape, bytes), { bytes });
}

function quantizedOf(shared: Shared, lowering: Lowering, tensor: TfliteTensor): Operand {
  const quantization = shared.grids.ofConstant(tensor) ?? blockwise(shared, tensor);
  return lowering.constant(tensor.name, shared.constants.link(tensor), { quantization });
}

/** Scales for blocks of the last axis, which are a constant of half precision beside the weight. */
function blockwise(shared: Shared, tensor: TfliteTensor): Quantization {
  const { scales, zeroPoints, size } = tensor.quantization!.blocks!;
  const home = shared.homeOf(tensor);
  const scale = home?.tensors[scales];
  const axis = tensor.shape.length - 1;
  const last = tensor.shape[axis] ?? 0;
  const sound = scale?.type === 'f16' && zeroPoints < 0 && size > 0 && last % size === 0 && scale.buffer !== undefined;
  const expected = tensor.shape.with(axis, last / size);
  if (!sound || scale.shape.reduce((a, b) => a * b, 1) !== expected.reduce((a, b) => a * b, 1)) {
    throw new Unsupported(`The scales of "${tensor.name}" are laid out in blocks in a way that is not read.`);
  }
  // Scales of half precision would make weights of half precision.
  const stored = shared.constants.link({ ...scale, shape: expected });
  const wide = derivedTensor(shared.store, 'f32', expected, [stored], ([bytes]) => widened(bytes!));
  return { scale: wide, axis, block: size };
}

function widened(half: Uint8Array): Uint8Array {
  const view = new DataView(half.buffer, half.byteOffset, half.byteLength);
  const real = Float32Array.from({ length: half.byteLength / 2 }, (_, at) =>
    decodeFloat16(view.getUint16(2 * at, true)),
  );
  return new Uint8Array(real.buffer);
}

/**
 * The weight of a layer with its axes turned. A weight of half precision that is widened first is turned before it is widened, so that it
 * stays a constant of half the size.
 *
 * Given:  f = DEQUANTIZE(w), w: f16 constant; y = CONV_2D(x, f)
 * Result: f = Cast<to=f32>(w turned); y = Conv(x, f)
 */
export function weightOf(
  lowering: Lowering,
  plain: Operand,
  source: ConstantSource | undefined,
  name: string,
  order: readonly number[] | undefined,
): Operand {
  if (source?.ticket.dtype !== 'f16' || order === undefined) {
    return order === undefined ? plain : lowering.transpose(plain, order);
  }
  const constant = lowering.constant(source.record.name, permutedTensor(lowering.store, source.ticket, order));
  return lowering.apply('Cast', [constant], { name, attrs: { to: 1 } });
}

/**
 * The bias of a layer of integers: multiples of the product of the scales of activations and weights. TFLite adds them as they are, so
 * that product counts where the file gives the bias no scale of its own. Undefined for any other bias.
 */
export function biasOf(
  shared: Shared,
  lowering: Lowering,
  { bias, x, weights }: { readonly bias: TfliteTensor; readonly x: TfliteTensor; readonly weights: TfliteTensor },
): Operand | undefined {
  if (bias.type !== 'i32' && bias.type !== 'i64') return undefined;
  if (bias.buffer === undefined) throw new Unsupported('Its bias is computed when it is run, and made of integers.');
  const scales = biasScales(bias, x, weights);
  const [count = 1] = bias.shape;
  if (scales === undefined || (scales.length !== 1 && scales.length !== count)) {
    throw new Unsupported('Its bias is made of integers, and nothing says what they stand for.');
  }
  const { grids, constants } = shared;
  if (bias.type === 'i64') {
    const plain = lowering.constant(bias.name, constants.link(bias));
    return lowering.derived(bias.name, 'f32', bias.shape, [plain], ([bytes]) => scaled(bytes!, scales));
  }
  const perChannel = scales.length > 1;
  const quantization = { scale: grids.scales(scales, perChannel ? [count] : []), ...(perChannel ? { axis: 0 } : {}) };
  return lowering.constant(bias.name, constants.link(bias), { quantization });
}

function biasScales(bias: TfliteTensor, x: TfliteTensor, weights: TfliteTensor): readonly number[] | undefined {
  const own = bias.quantization?.scale ?? [];
  if (own.length > 0 && own.every((scale) => Number.isFinite(scale) && scale > 0)) return own;
  const [step] = x.quantization?.scale ?? [];
  const steps = weights.quantization?.scale ?? [];
  return step === undefined || steps.length === 0 ? undefined : steps.map((one) => Math.fround(step * one));
}

function scaled(bytes: Uint8Array, scales: readonly number[]): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const real = new Float32Array(bytes.byteLength / 8);
  for (let at = 0; at < real.length; at++) {
    real[at] = Number(view.getBigInt64(8 * at, true)) * (scales[scales.length === 1 ? 0 : at] ?? 1);
  }
  return new Uint8Array(real.buffer);
}
