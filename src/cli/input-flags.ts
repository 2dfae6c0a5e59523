/** The flags that choose inputs to run a model on, shared by the commands that run one. */
import { basename } from 'node:path';
import type { Model } from '#ir/model.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import type { Session } from '#runtimes/runtime.ts';
import { UsageError } from './command.ts';
import type { Arguments, FlagSpec } from './command.ts';
import { openOrExplain } from './model-files.ts';

export interface InputChoice {
  /** An .npz or .npy file; without it, seeded random values. */
  readonly file?: string | undefined;
  readonly runs: number;
  readonly seed: number;
  readonly dims: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, number>;
}

export const INPUT_FLAGS: Readonly<Record<string, FlagSpec>> = {
  seed: { type: 'string', value: 'N', help: 'seed of the random inputs (default 1)' },
  dim: {
    type: 'string',
    multiple: true,
    value: 'NAME=N',
    help: 'size of an open dimension (default: the smallest that runs); NAME is its name or INPUT:AXIS',
  },
  set: { type: 'string', multiple: true, value: 'INPUT=X', help: 'fills an input with one value, such as sr=16000' },
};

export function inputChoice(args: Arguments, file: string | undefined, runs: number): InputChoice {
  if (
    file !== undefined &&
    (args.text('seed') !== undefined || args.texts('dim').length + args.texts('set').length > 0)
  ) {
    throw new UsageError('--seed, --dim and --set are about random inputs and do not go with --inputs.');
  }
  return {
    file,
    runs,
    seed: args.count('seed', 1),
    dims: assignments(args, 'dim', (value) => Number.isSafeInteger(value) && value >= 1),
    values: assignments(args, 'set', Number.isFinite),
  };
}

/** The runs for `session`, which is the original's. */
export async function feedsFor(
  session: Session,
  model: Model,
  choice: InputChoice,
  signal: AbortSignal,
): Promise<GivenFeeds> {
  const { file, dims, values } = choice;
  if (file !== undefined) {
    const { feedsFromArrays } = await import('#measure/given-inputs.ts');
    const { readInputArrays } = await import('#measure/input-files.ts');
    return feedsFromArrays(session.inputs, await readInputArrays(openOrExplain(file, basename(file))), basename(file));
  }
  const { idLimits } = await import('#measure/id-limits.ts');
  const { workableFeeds } = await import('#measure/workable-feeds.ts');
  refuseUnknown(
    'set',
    values,
    session.inputs.map((slot) => slot.name),
    'input',
  );
  const open = session.inputs.flatMap((slot) =>
    slot.shape.flatMap((size, axis) =>
      typeof size === 'number' ? [] : [...(size === null ? [] : [size]), `${slot.name}:${axis}`],
    ),
  );
  refuseUnknown('dim', dims, open, 'open dimension');
  return workableFeeds(session, { ...choice, limits: idLimits(model), signal });
}

function assignments(
  args: Arguments,
  flag: string,
  isAllowed: (value: number) => boolean,
): ReadonlyMap<string, number> {
  return new Map(
    args.texts(flag).map((text): [string, number] => {
      const at = text.lastIndexOf('=');
      const value = Number(text.slice(at + 1));
      if (at < 1 || text.slice(at + 1).trim() === '' || !isAllowed(value)) {
        throw new UsageError(`--${flag} takes NAME=NUMBER, not '${text}'.`);
      }
      return [text.slice(0, at), value];
    }),
  );
}

function refuseUnknown(flag: string, given: ReadonlyMap<string, number>, known: readonly string[], what: string): void {
  for (const name of given.keys()) {
    if (known.includes(name)) continue;
    const has = known.length === 0 ? 'it has none' : `it has ${[...new Set(known)].join(', ')}`;
    throw new UsageError(`--${flag}: the model has no ${what} '${name}' (${has}).`);
  }
}
