/** Which layers a step is about: its `where`, the layers the recipe excludes, and the options each layer gets. */
import type { Pass } from '#passes/pass.ts';
import type { Recipe, Step } from './recipe.ts';

/** Whether `*` (any run of characters) in the pattern can be filled so that it equals the name. */
export function matchesName(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return name === pattern;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** Why a step leaves a layer out; undefined when the layer is included. */
export function reasonLeftOut(
  recipe: Recipe,
  step: Step,
  lossy: boolean,
  layer: string,
  op: string,
): string | undefined {
  if (lossy && recipe.layers?.[layer]?.exclude === true)
    return 'Excluded in the recipe: set exclude to false to include it.';
  const { ops, names } = step.where ?? {};
  if (ops !== undefined && !ops.includes(op))
    return `This step is only about ${ops.join(', ')} layers, and this is ${op}.`;
  if (names !== undefined && !names.some((pattern) => matchesName(pattern, layer))) {
    return 'The names this step is about do not include this layer.';
  }
  return undefined;
}

/** The options of a step for each layer, parsed once per layer that has its own. */
export function optionsByLayer(recipe: Recipe, step: Step, pass: Pass): (layer: string, options: object) => object {
  const made = new Map<string, object>();
  return (layer, options) => {
    const own = recipe.layers?.[layer]?.options?.[pass.name];
    if (own === undefined) return options;
    let parsed = made.get(layer);
    if (parsed === undefined) {
      parsed = pass.options.parse({ ...step.options, ...own });
      made.set(layer, parsed);
    }
    return parsed;
  };
}
