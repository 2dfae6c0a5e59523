/** Constants in half precision: range fixes, the error they make, and storing them. */
import { countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Tensor, ValueId } from '#ir/model.ts';
import type { ErrorSums } from '#kernels/kernels.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import type { Desk } from '#passes/pass.ts';

/** Smallest magnitude that is kept: the smallest subnormal of binary16, 2^-24. */
const SMALLEST = 2 ** -24;
const LARGEST = 65504;

export interface HalfConstant {
  readonly tensor: Tensor;
  /** null where the constant holds infinities or NaN, which stay what they are. */
  readonly error: ErrorSums | null;
  /** Values that were too small and were raised to +-2^-24, sign kept. */
  readonly raised: number;
  /** Values beyond +-65504 that were brought back to it. */
  readonly clamped: number;
}

/** binary16 of a float32 constant. In a preview nothing is stored and the ticket of the original comes back. */
export async function halveConstant(value: ValueId, tensor: Tensor, desk: Desk): Promise<HalfConstant> {
  const floats = await finiteFloats(tensor, desk);
  const fixed = fixRange(floats ?? (await rawFloats(tensor, desk)));
  const half = await desk.kernels.toFloat16(fixed.data);
  const error =
    floats === undefined ? null : await errorOf(value, tensor, floats, await desk.kernels.fromFloat16(half), desk);
  const stored = desk.preview ? tensor : desk.weights.put('f16', tensor.shape, copyBytes(half));
  return { tensor: stored, error, raised: fixed.raised, clamped: fixed.clamped };
}

/** bfloat16 has the range of float32, so nothing needs fixing. */
export async function brainConstant(value: ValueId, tensor: Tensor, desk: Desk): Promise<HalfConstant> {
  const floats = (await finiteFloats(tensor, desk)) ?? (await rawFloats(tensor, desk));
  const half = await desk.kernels.toBfloat16(floats);
  const error = await errorOf(value, tensor, floats, await desk.kernels.fromBfloat16(half), desk);
  const stored = desk.preview ? tensor : desk.weights.put('bf16', tensor.shape, copyBytes(half));
  return { tensor: stored, error, raised: 0, clamped: 0 };
}

async function errorOf(
  value: ValueId,
  tensor: Tensor,
  floats: Float32Array,
  result: Float32Array,
  desk: Desk,
): Promise<ErrorSums> {
  const original = desk.original(value, tensor);
  return desk.kernels.compare(original.key === tensor.key ? floats : await desk.floats(original), result);
}

/** The floats, or undefined when some are not finite. */
async function finiteFloats(tensor: Tensor, desk: Desk): Promise<Float32Array | undefined> {
  try {
    return await desk.floats(tensor);
  } catch (error) {
    if (error instanceof PareError) return undefined;
    throw error;
  }
}

async function rawFloats(tensor: Tensor, desk: Desk): Promise<Float32Array> {
  const bytes = copyBytes(await desk.weights.read(tensor));
  return new Float32Array(bytes.buffer as ArrayBuffer, 0, countOf(tensor.shape));
}

function fixRange(floats: Float32Array): {
  readonly data: Float32Array;
  readonly raised: number;
  readonly clamped: number;
} {
  let raised = 0;
  let clamped = 0;
  let data = floats;
  for (let i = 0; i < floats.length; i++) {
    const value = floats[i]!;
    const magnitude = Math.abs(value);
    if (magnitude === 0 || (magnitude >= SMALLEST && magnitude <= LARGEST) || !Number.isFinite(value)) continue;
    if (data === floats) data = floats.slice();
    data[i] = Math.sign(value) * (magnitude < SMALLEST ? SMALLEST : LARGEST);
    if (magnitude < SMALLEST) raised++;
    else clamped++;
  }
  return { data, raised, clamped };
}

/** What the range fixes did, as a sentence, or nothing. */
export function rangeText({ raised, clamped }: HalfConstant): string {
  const parts: string[] = [];
  if (raised > 0) parts.push(`${String(raised)} raised to 2^-24, the smallest half-precision number`);
  if (clamped > 0) parts.push(`${String(clamped)} clamped to 65504, the largest`);
  return parts.length === 0 ? '' : ` Of its values, ${parts.join(' and ')}.`;
}
