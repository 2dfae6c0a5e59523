/** Raising the activations of one layer to 16 bits: found in the pass's own options, whatever it calls them. */
import type { PassInfo, Recipe } from '#studio/jobs.ts';
import { layerOptions, setLayerOptions } from './edit.ts';
import { fieldsOf } from './option-form.ts';

interface Raise {
  readonly pass: string;
  readonly change: Readonly<Record<string, unknown>>;
}

/** What to set for a layer so that its activations have 16 bits; null where they have, or no step could give them. */
export function raiseOf(recipe: Recipe, passes: readonly PassInfo[], layer: string): Raise | null {
  for (const step of recipe.steps) {
    const pass = passes.find((one) => one.name === step.pass);
    if (pass === undefined || !pass.needs.includes('ranges')) continue;
    const options = { ...pass.defaults, ...step.options, ...layerOptions(recipe, layer, pass.name) };
    for (const field of fieldsOf(pass.schema)) {
      if (field.kind !== 'choice' || !/activation/i.test(field.key)) continue;
      const wider = widen(options[field.key]);
      if (wider !== null && field.choices.some((choice) => choice.value === wider)) {
        return { pass: pass.name, change: { [field.key]: wider } };
      }
    }
  }
  return null;
}

export function raiseLayer(recipe: Recipe, passes: readonly PassInfo[], layer: string): Recipe {
  const raise = raiseOf(recipe, passes, layer);
  return raise === null ? recipe : setLayerOptions(recipe, layer, raise.pass, raise.change);
}

/** `uint8` to `uint16`, 8 to 16. */
function widen(value: unknown): unknown {
  if (value === 8) return 16;
  return typeof value === 'string' && /(^|\D)8$/.test(value) ? value.replace(/8$/, '16') : null;
}
