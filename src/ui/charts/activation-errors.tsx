/** Error of every layer's output: in the finished model or alone, with what it consists of; one click takes a layer out. */
import { Button, SegmentedControl } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { LayerActivationError, LayerErrors, Noise, Recipe } from '#studio/jobs.ts';
import { showData } from '#ui/panes/data/data-line.tsx';
import { selectAll } from '#ui/panes/layer/use-rows.ts';
import { isExcluded } from '#ui/state/recipe/edit.ts';
import { raiseOf } from '#ui/state/recipe/raise.ts';
import { excludeLayer, measureErrors, raise, selectLayer, toggleExcluded } from '#ui/state/session/actions.ts';
import { dataInUse } from '#ui/state/session/data.ts';
import { isCurrent } from '#ui/state/session/previews.ts';
import { activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { bandOf } from '#ui/state/table/error-bands.ts';
import { formatDb } from '#ui/state/units.ts';
import type { BarPart, LayerBar } from './layer-bar.ts';
import { Bars, finite } from './layer-bars.tsx';

type NoiseView = 'cumulative' | 'alone';

const PARTS = [
  { kind: 'weights', key: 'weightRounding', label: 'weight rounding' },
  { kind: 'clipping', key: 'activationClipping', label: 'clipping' },
  { kind: 'rounding', key: 'activationRounding', label: 'activation rounding' },
] as const;

export function ActivationErrors({ sorted }: { readonly sorted: boolean }) {
  const work = useStudio(activeWork);
  const rows = useStudio(selectAll);
  const view = useStudio((studio) => studio.looks.noise);
  const key = useStudio((studio) => dataInUse(studio.activeId)?.key ?? null);
  const busy = useStudio((studio) => studio.task !== null);
  const result = work?.result ?? null;
  const errors = result?.layerErrors ?? null;
  const recipe = work?.history.present ?? null;
  const bars = useMemo(
    () =>
      errors === null || recipe === null
        ? []
        : barsOf(errors.value, view, sorted, recipe, new Map(rows.map((row) => [row.name, row.short]))),
    [errors, view, sorted, recipe, rows],
  );
  if (work === null || recipe === null) return null;
  if (errors === null) {
    return (
      <div className="chart-empty">
        <p className="dim">
          {key === null
            ? 'Errors of activations are measured on data.'
            : 'Runs the original and the result on samples and compares the output of every layer.'}
        </p>
        {key === null ? (
          <Button onClick={showData}>Open data</Button>
        ) : (
          <Button leftSection={<IconActivity size={14} />} disabled={busy} onClick={() => void measureErrors()}>
            Measure activation errors
          </Button>
        )}
      </div>
    );
  }
  const stale = !isCurrent(result?.recipe, recipe) || errors.dataKey !== key;
  const selected = errors.value.layers.find((one) => one.layer === work.selected) ?? null;
  return (
    <>
      <Selected error={selected} recipe={recipe} stale={stale} busy={busy} />
      <div className="chart-body">
        {bars.length === 0 ? (
          <p className="chart-empty dim">This result rounds no activation and no weight.</p>
        ) : (
          <Bars
            bars={bars}
            kind="error"
            selected={work.selected}
            how={METHODS[view]}
            onPick={(layer) => {
              // The second click on a layer takes it out, or back in.
              if (layer === work.selected) toggleExcluded(layer);
              else selectLayer(layer);
            }}
          />
        )}
      </div>
      <figcaption className="dim method chart-legend">
        <SegmentedControl
          size="xs"
          aria-label="Error of activations"
          value={view}
          onChange={(value) => changeLooks({ noise: value === 'alone' ? 'alone' : 'cumulative' })}
          data={[
            { value: 'cumulative', label: 'In the model' },
            { value: 'alone', label: 'Alone' },
          ]}
        />
        {view === 'alone'
          ? PARTS.map((part) => (
              <span key={part.kind} className="key">
                <span className={`part ${part.kind}`} aria-hidden /> {part.label}
              </span>
            ))
          : null}
        <span title={errors.value.method}>
          SQNR of each output on {errors.value.samples} samples of {errors.value.data}; {METHODS[view]}.
        </span>
      </figcaption>
    </>
  );
}

const METHODS: Readonly<Record<NoiseView, string>> = {
  cumulative: 'everything before it is quantized as well',
  alone: 'this layer alone is quantized; lines: each cause by itself, which need not add up',
};

interface SelectedProps {
  readonly error: LayerActivationError | null;
  readonly recipe: Recipe;
  readonly stale: boolean;
  readonly busy: boolean;
}

/** The selected layer in words, and what can be done about it. */
function Selected({ error, recipe, stale, busy }: SelectedProps) {
  const passes = useStudio((studio) => studio.info?.passes);
  const again = stale ? (
    <span className="stale warn">
      Measured before the last change.{' '}
      <button type="button" className="link" disabled={busy} onClick={() => void measureErrors()}>
        Measure again
      </button>
    </span>
  ) : null;
  if (error === null) {
    return (
      <p className="selected-line wrap">
        <span className="dim">Click a bar to select its layer, again to exclude it.</span> {again}
      </p>
    );
  }
  const { layer } = error;
  const excluded = isExcluded(recipe, layer);
  const raised = raiseOf(recipe, passes ?? [], layer) === null;
  return (
    <>
      <div className="selected-line">
        <b title={layer}>{layer}</b>
        <Button
          size="compact-xs"
          flex="none"
          onClick={() => (excluded ? toggleExcluded(layer) : excludeLayer(layer))}
          aria-label={`${excluded ? 'Include' : 'Exclude'} layer ${layer}`}
        >
          {excluded ? 'Include again' : 'Exclude'}
        </Button>
        <Button
          size="compact-xs"
          flex="none"
          disabled={excluded || raised}
          onClick={() => raise(layer)}
          aria-label={`Raise ${layer} to 16 bits`}
          title={raised ? 'No step gives this layer 8-bit activations' : 'Its activations get 16 bits'}
        >
          Raise to 16 bits
        </Button>
      </div>
      <p className="selected-says">
        <span className="dim">{describeError(error)}.</span> {again}
      </p>
    </>
  );
}

function describeError(error: LayerActivationError): string {
  const parts = PARTS.flatMap(({ key, label }) => {
    const noise = error[key];
    return noise === null ? [] : [`${label} ${formatDb(noise.sqnrDb)}`];
  });
  const cumulative = error.cumulative === null ? '' : `in the model ${formatDb(error.cumulative.sqnrDb)}, `;
  return `${cumulative}alone ${formatDb(error.alone.sqnrDb)}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

function barsOf(
  errors: LayerErrors,
  view: NoiseView,
  sorted: boolean,
  recipe: Recipe,
  shorts: ReadonlyMap<string, string>,
): readonly LayerBar[] {
  const bars = errors.layers.flatMap((error): readonly LayerBar[] => {
    const noise: Noise | null = view === 'alone' ? error.alone : error.cumulative;
    if (noise === null) return [];
    const excluded = isExcluded(recipe, error.layer);
    return [
      {
        name: error.layer,
        short: shorts.get(error.layer) ?? error.layer,
        op: error.op,
        value: finite(noise.sqnrDb),
        before: null,
        excluded,
        exact: noise.sqnrDb === Infinity,
        band: bandOf(noise.sqnrDb),
        says: excluded ? 'excluded from now on' : describeError(error),
        parts: view === 'alone' && !excluded ? partsOf(error) : [],
      },
    ];
  });
  return sorted ? bars.toSorted((a, b) => a.value - b.value) : bars;
}

function partsOf(error: LayerActivationError): readonly BarPart[] {
  return PARTS.flatMap(({ kind, key }): readonly BarPart[] => {
    const noise = error[key];
    return noise === null || noise.sqnrDb === Infinity ? [] : [{ kind, value: finite(noise.sqnrDb) }];
  });
}
