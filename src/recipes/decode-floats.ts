/** Stored float weights (f64, f32, f16, bf16) as float32, refusing values that are not finite. */
import { PareError } from '#base/failure.ts';
import type { Tensor } from '#ir/model.ts';
import type { Kernels } from '#kernels/kernels.ts';

/** The exponent of a float32: all ones for infinities and NaN. */
const EXPONENT = 0x7f800000;

/** Writes the float32 values of `stored` into `into`; `label` names the weight in a refusal. */
export async function decodeFloats(
  stored: Uint8Array,
  tensor: Tensor,
  kernels: Kernels,
  into: Float32Array,
  label: string,
): Promise<void> {
  const expected = into.length;
  switch (tensor.dtype) {
    case 'f32':
      // The byte copy also serves sources whose offset is not a multiple of four.
      expectBytes(stored, expected * 4, label);
      new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(stored);
      break;
    case 'f64':
      expectBytes(stored, expected * 8, label);
      into.set(new Float64Array(ownBuffer(stored)));
      break;
    case 'f16':
      expectBytes(stored, expected * 2, label);
      into.set(await kernels.fromFloat16(new Uint16Array(ownBuffer(stored))));
      break;
    case 'bf16':
      expectBytes(stored, expected * 2, label);
      into.set(await kernels.fromBfloat16(new Uint16Array(ownBuffer(stored))));
      break;
    default:
      throw new PareError({
        code: 'recipes/float-type',
        place: label,
        problem: `weights of type ${tensor.dtype} cannot be read as float32 yet.`,
        hint: 'Exclude this layer.',
      });
  }
  refuseNonFinite(into, label);
}

function expectBytes(stored: Uint8Array, bytes: number, label: string): void {
  if (stored.byteLength === bytes) return;
  throw new PareError({
    code: 'recipes/weight-size',
    place: label,
    problem: `${stored.byteLength} bytes are stored where its shape needs ${bytes}.`,
    hint: 'Export the model again.',
  });
}

/** A buffer that holds exactly these bytes, copied only where the view lies inside a larger one. */
function ownBuffer(stored: Uint8Array): ArrayBufferLike {
  const whole = stored.byteOffset === 0 && stored.byteLength === stored.buffer.byteLength;
  // Not slice(): a Node Buffer's is a view on the pool it was cut from.
  return whole ? stored.buffer : new Uint8Array(stored).buffer;
}

function refuseNonFinite(data: Float32Array, label: string): void {
  // All ones in the exponent: infinities and NaN. Comparing bits is one test a weight, with no branch taken.
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  let found = false;
  for (let i = 0; i < bits.length && !found; i += 1) found = ((bits[i] as number) & EXPONENT) === EXPONENT;
  if (!found) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  throw new PareError({
    code: 'weights/not-finite',
    place: `${label}, element ${at}`,
    problem: `the value is ${String(data[at])}.`,
    hint: 'Such a weight cannot be compressed: exclude the layer, or export the model again from a checkpoint that did not diverge.',
  });
}
