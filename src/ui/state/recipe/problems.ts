/** What is wrong with a recipe before anything runs, by step. */
import type { PassInfo, Recipe } from '#studio/jobs.ts';
import { fieldsOf, isShown } from './option-form.ts';

export interface RecipeProblem {
  /** Index of the step it is about; null for the recipe as a whole. */
  readonly step: number | null;
  /** A blocker stops the recipe; a warning says that it may not do what was meant. */
  readonly level: 'blocker' | 'warning';
  readonly text: string;
}

export function problemsOf(
  recipe: Recipe,
  passes: readonly PassInfo[],
  layers: ReadonlySet<string>,
): readonly RecipeProblem[] {
  const byName = new Map(passes.map((pass) => [pass.name, pass]));
  return [
    ...recipe.steps.flatMap((step, at): readonly RecipeProblem[] => {
      const pass = byName.get(step.pass);
      if (pass === undefined) {
        return [{ step: at, level: 'blocker', text: `There is no pass named ${step.pass}. Remove the step.` }];
      }
      return [
        ...orderProblems(recipe, pass, at, byName),
        ...optionProblems(pass, { ...pass.defaults, ...step.options }, at),
      ];
    }),
    ...unknownLayers(recipe, layers),
  ];
}

function orderProblems(
  recipe: Recipe,
  pass: PassInfo,
  at: number,
  byName: ReadonlyMap<string, PassInfo>,
): readonly RecipeProblem[] {
  const late = pass.after.filter((name) => recipe.steps.some((step, other) => other > at && step.pass === name));
  const repeated = recipe.steps.findIndex((step) => step.pass === pass.name) < at;
  return [
    ...late.map((name): RecipeProblem => ({
      step: at,
      level: 'blocker',
      text: `${pass.title} has to come after ${byName.get(name)?.title ?? name}. Move it down.`,
    })),
    ...(repeated && pass.keeps !== 'accuracy'
      ? [{ step: at, level: 'warning', text: `${pass.title} is already in the recipe.` } as const]
      : []),
  ];
}

function optionProblems(
  pass: PassInfo,
  options: Readonly<Record<string, unknown>>,
  at: number,
): readonly RecipeProblem[] {
  return fieldsOf(pass.schema).flatMap((field): readonly RecipeProblem[] => {
    if (!isShown(field, options)) return [];
    const value = options[field.key];
    if (field.kind === 'number') {
      if (value === null || value === undefined)
        return field.optional ? [] : [refuse(at, field.title, 'needs a number')];
      if (typeof value !== 'number' || Number.isNaN(value)) return [refuse(at, field.title, 'needs a number')];
      if (field.integer && !Number.isInteger(value)) return [refuse(at, field.title, 'needs a whole number')];
      if (field.min !== null && value < field.min) return [refuse(at, field.title, `must be at least ${field.min}`)];
      if (field.max !== null && value > field.max) return [refuse(at, field.title, `must be at most ${field.max}`)];
    }
    if (field.kind === 'choice' && !field.choices.some((choice) => choice.value === value)) {
      return [refuse(at, field.title, `cannot be ${JSON.stringify(value)}`)];
    }
    return [];
  });
}

function unknownLayers(recipe: Recipe, layers: ReadonlySet<string>): readonly RecipeProblem[] {
  const missing = Object.keys(recipe.layers ?? {}).filter((name) => !layers.has(name));
  if (missing.length === 0) return [];
  const named = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ` and ${missing.length - 3} more` : '');
  return [{ step: null, level: 'warning', text: `The recipe names layers that this model does not have: ${named}.` }];
}

function refuse(step: number, title: string, what: string): RecipeProblem {
  return { step, level: 'blocker', text: `${title} ${what}.` };
}
