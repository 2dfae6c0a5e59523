/** One step of the recipe: its pass, its options, its place. */
import { IconChevronDown, IconChevronUp, IconInfoCircle, IconTrash } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { PassInfo, Step } from '#studio/jobs.ts';
import { showData } from '#ui/panes/data/data-line.tsx';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { moveStep, removeStep, setOptions } from '#ui/state/recipe/edit.ts';
import { fieldsOf } from '#ui/state/recipe/option-form.ts';
import type { RecipeProblem } from '#ui/state/recipe/problems.ts';
import { editRecipe } from '#ui/state/session/actions.ts';
import { activeWork, useStudio } from '#ui/state/store.ts';
import { OptionFields } from './option-fields.tsx';

interface Props {
  readonly step: Step;
  readonly at: number;
  readonly last: boolean;
  readonly pass: PassInfo | undefined;
  readonly problems: readonly RecipeProblem[];
}

export function StepCard({ step, at, last, pass, problems }: Props) {
  const fields = useMemo(() => (pass === undefined ? [] : fieldsOf(pass.schema)), [pass]);
  const title = pass?.title ?? step.pass;
  const [explained, setExplained] = useState(false);
  // Lossless steps rarely need a hand: their options stay folded until asked for.
  const [open, setOpen] = useState(pass?.keeps === 'accuracy');
  const folds = fields.length > 0;
  return (
    <li className={folds && open ? 'step' : 'step plain'} aria-label={title}>
      <div className="step-head" title={pass?.summary}>
        <span className="step-number" aria-hidden>
          {at + 1}
        </span>
        <h3>
          {folds ? (
            <button type="button" className="step-title" aria-expanded={open} onClick={() => setOpen(!open)}>
              {title}
            </button>
          ) : (
            title
          )}
        </h3>
        <IconButton
          label={`Explain ${title}`}
          icon={IconInfoCircle}
          size={22}
          pressed={explained}
          onClick={() => setExplained(!explained)}
        />
        <IconButton
          label={`Move ${title} up`}
          icon={IconChevronUp}
          size={22}
          disabled={at === 0}
          onClick={() => editRecipe((recipe) => moveStep(recipe, at, -1))}
        />
        <IconButton
          label={`Move ${title} down`}
          icon={IconChevronDown}
          size={22}
          disabled={last}
          onClick={() => editRecipe((recipe) => moveStep(recipe, at, 1))}
        />
        <IconButton
          label={`Remove ${title}`}
          icon={IconTrash}
          size={22}
          onClick={() => editRecipe((recipe) => removeStep(recipe, at))}
        />
      </div>
      {step.where === undefined ? null : (
        <p className="dim step-where">Only {[...(step.where.ops ?? []), ...(step.where.names ?? [])].join(', ')}</p>
      )}
      {explained ? <p className="dim step-summary">{pass?.summary}</p> : null}
      {folds && open ? (
        <OptionFields
          fields={fields}
          options={{ ...pass?.defaults, ...step.options }}
          explained={explained}
          onChange={(change, merge) => editRecipe((recipe) => setOptions(recipe, at, change), merge)}
        />
      ) : null}
      {pass?.needs.includes('ranges') === true ? <NeedsData /> : null}
      {problems.map((problem) => (
        <p
          key={problem.text}
          className={problem.level === 'blocker' ? 'bad step-problem' : 'warn step-problem'}
          role="alert"
        >
          {problem.text}
        </p>
      ))}
    </li>
  );
}

/** Ranges of activations are measured on samples: without any the step cannot run. */
function NeedsData() {
  const data = useStudio((studio) => activeWork(studio)?.data?.summary ?? null);
  if (data !== null && data.problem === null) {
    return (
      <p className="dim step-problem">
        Calibrates on {data.calibration} samples of {data.name}.
      </p>
    );
  }
  return (
    <p className="warn step-problem" role="status">
      {data === null ? 'Needs data: it measures the ranges of activations.' : 'The open data does not suit the model.'}{' '}
      <button type="button" className="link" onClick={showData}>
        {data === null ? 'Open data' : 'See why'}
      </button>
    </p>
  );
}
