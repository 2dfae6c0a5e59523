/** Which column of labels belongs to a model, and whether its classes are counted from 1. */
import type { LabelColumn } from '#data/labels/label-column.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import { classesOf } from '#data/model-slots.ts';
import type { DataSettings } from '#data/settings.ts';

export interface GuessedLabels {
  readonly labels: NonNullable<DataSettings['labels']> | null;
  readonly guesses: readonly string[];
}

/** ImageNet's thousand classes with one for the background in front. */
const WITH_BACKGROUND = 1001;

export function guessLabels(
  columns: readonly LabelColumn[],
  model: ModelSlots,
  given: DataSettings['labels'],
): GuessedLabels {
  const classes = classesOf(model);
  const guesses: string[] = [];
  const column = columns.find(({ name }) => name === given?.column) ?? bestColumn(columns, model, classes);
  if (column === undefined) return { labels: given ?? null, guesses };
  if (given?.column === undefined && columns.length > 1) {
    const others = columns.filter((other) => other !== column).map(({ name }) => name);
    guesses.push(`Labels are taken from ${column.name}; ${others.join(', ')} could hold them as well.`);
  }
  const offset = offsetFor(column, classes);
  if (given?.offset === undefined && offset === 1) {
    guesses.push(
      `1 is added to every label, since the model has 1001 classes, where class 0 is the background, and the labels end at ${column.largest}.`,
    );
  }
  return { labels: { ...(columns.length > 1 ? { column: column.name } : {}), offset, ...given }, guesses };
}

/** Indices that the model has, and a name that the model's shares: `darknet_index_accepted` for a Darknet. */
function bestColumn(
  columns: readonly LabelColumn[],
  model: ModelSlots,
  classes: number | null,
): LabelColumn | undefined {
  const words = model.name.toLowerCase().split(/[^a-z]+/);
  const rank = (column: LabelColumn): number => {
    const fits =
      classes === null || (column.sorted === null ? column.largest < classes : column.sorted.length === classes);
    const named = column.name
      .toLowerCase()
      .split(/[^a-z]+/)
      .some((word) => word.length > 4 && words.includes(word));
    return (fits ? 2 : 0) + (named ? 1 : 0);
  };
  return columns.toSorted((a, b) => rank(b) - rank(a))[0];
}

function offsetFor(column: LabelColumn, classes: number | null): number {
  if (classes !== WITH_BACKGROUND) return 0;
  if (column.sorted !== null) return column.sorted.length === WITH_BACKGROUND - 1 ? 1 : 0;
  return column.largest < WITH_BACKGROUND - 1 ? 1 : 0;
}
