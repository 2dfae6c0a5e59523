/** Inputs that no data feeds: sample rates, and the state of recurrent networks. */
import { isOpen } from '#data/arrays/fill-shape.ts';
import { shapeText } from '#base/nd-array.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import { sameName } from '#data/model-slots.ts';
import type { InputSlot } from '#data/samples.ts';

export interface GuessedState {
  readonly constants: Readonly<Record<string, number>>;
  readonly carry: Readonly<Record<string, string>>;
  readonly guesses: readonly { readonly input: string; readonly text: string }[];
}

/** `fed`: inputs that the data has, which are left alone. */
export function guessState(model: ModelSlots, isFed: (slot: InputSlot) => boolean, sampleRate: number): GuessedState {
  const constants: Record<string, number> = {};
  const carry: Record<string, string> = {};
  const guesses: { readonly input: string; readonly text: string }[] = [];
  // One input is for the data: state is never guessed for all of them.
  if (model.inputs.length < 2) return { constants, carry, guesses };
  for (const slot of model.inputs) {
    if (isFed(slot)) continue;
    if (/^(sr|sample_?rate|sampling_?rate)$/i.test(slot.name) && isSingle(slot)) {
      constants[slot.name] = sampleRate;
      const text = `The input ${slot.name} is ${sampleRate} for every sample, since its name stands for a sample rate.`;
      guesses.push({ input: slot.name, text });
      continue;
    }
    const output = stateOutput(slot, model, isFed);
    if (output === null) continue;
    constants[slot.name] = 0;
    carry[slot.name] = output.name;
    const text = `The input ${slot.name} ${shapeText(slot.shape)} is state: it starts at 0 and takes what the output ${output.name} gave for the sample before.`;
    guesses.push({ input: slot.name, text });
  }
  return { constants, carry, guesses };
}

function isSingle({ shape }: InputSlot): boolean {
  return shape.every((size) => size === 1 || isOpen(size));
}

/** The output that goes round to an input: called like it with something behind, or the only one of its very shape. */
function stateOutput(slot: InputSlot, model: ModelSlots, isFed: (slot: InputSlot) => boolean): InputSlot | null {
  const fits = model.outputs.filter((output) => output.dtype === slot.dtype && sameSizes(slot.shape, output.shape));
  const named = fits.find(({ name }) => {
    const stem = slot.name.replace(/^(in|input|prev|old)_|_(in|input|prev|old)$/i, '');
    return (
      name !== slot.name &&
      (sameName(name.replace(/(_?n|_?out|_?new|_?next|_?output)$/i, ''), stem) ||
        (/^(out|next|new)_/i.test(name) && name.endsWith(stem)))
    );
  });
  if (named !== undefined) return named;
  const [only] = fits;
  const closed = slot.shape.every((size) => typeof size === 'number');
  const larger = slot.shape.filter((size) => size !== 1).length;
  // The other inputs must not want it as well, and the first input is the data's.
  const rivals = model.inputs.filter((input) => input !== slot && !isFed(input) && sameSizes(input.shape, slot.shape));
  const isFirst = model.inputs[0] === slot;
  return fits.length === 1 && closed && larger > 1 && rivals.length === 0 && !isFirst ? (only ?? null) : null;
}

function sameSizes(a: InputSlot['shape'], b: InputSlot['shape']): boolean {
  return a.length === b.length && a.every((size, axis) => isOpen(size) || isOpen(b[axis] ?? null) || size === b[axis]);
}
