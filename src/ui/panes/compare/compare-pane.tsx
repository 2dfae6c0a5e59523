/** Two variants side by side: size, accuracy, agreement, latency, and every layer's error, with the differences. */
import '#ui/panes/result/evaluation.css';
import { Button, NativeSelect, SegmentedControl } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import type { ModelSummary, PassInfo, Preview, Recipe } from '#studio/jobs.ts';
import { layerLines, sameData, sideLines, sideOf, type Side } from '#ui/state/evaluation/side-by-side.ts';
import { formatSigned } from '#ui/state/evaluation/words.ts';
import { forResult, recipeKey } from '#ui/state/recipe/edit.ts';
import { evaluate, restoreRecipe } from '#ui/state/session/actions.ts';
import { call } from '#ui/state/session/engine-calls.ts';
import { describeRecipe, type Variant } from '#ui/state/session/variants.ts';
import { activeModel, activeWork, changeWork, useStudio, type Work } from '#ui/state/store.ts';
import { formatBytes, formatDb } from '#ui/state/units.ts';

const ORIGINAL = 'original';
const NO_PASSES: readonly PassInfo[] = [];

export function ComparePane() {
  const model = useStudio(activeModel);
  const work = useStudio(activeWork);
  const passes = useStudio((studio) => studio.info?.passes ?? NO_PASSES);
  if (model === null || work === null) return null;
  const { variants } = work;
  const [first, second] = chosen(work, passes);
  const a = sideFrom(first, model, work);
  const b = sideFrom(second, model, work);
  const choose = (at: 0 | 1, key: string) =>
    changeWork(model.id, () => ({ pair: at === 0 ? [key, second] : [first, key] }));
  return (
    <div className="compare" role="region" aria-label="Compare variants">
      <div className="compare-pick">
        <Pick label="Variant A" value={first} variants={variants} onPick={(key) => choose(0, key)} side={a} />
        <Pick label="Variant B" value={second} variants={variants} onPick={(key) => choose(1, key)} side={b} />
      </div>
      {a === null || b === null ? (
        <p className="dim">Every recipe you try becomes a variant. Try another recipe, then compare the two here.</p>
      ) : (
        <div className="compare-parts">
          <Figures a={a} b={b} />
          <Layers model={model} a={a} b={b} />
        </div>
      )}
    </div>
  );
}

/** What is compared until the person chooses: the original, and the recipe on show or the newest variant. */
function chosen({ pair, variants, history }: Work, passes: readonly PassInfo[]): readonly [string, string | null] {
  const exists = (key: string | null) => key === ORIGINAL || variants.some((variant) => variant.key === key);
  const [a, b] = pair;
  const current = recipeKey(forResult(history.present, passes));
  const shown = variants.find((variant) => variant.key === current) ?? variants.at(-1);
  return [exists(a) && a !== null ? a : ORIGINAL, exists(b) ? b : (shown?.key ?? null)];
}

function sideFrom(key: string | null, model: ModelSummary, work: Work): Side | null {
  if (key === ORIGINAL) return original(model, work);
  const variant = work.variants.find((one) => one.key === key);
  return variant === undefined ? null : sideOf(variant, `Variant ${variant.number}`);
}

/** The model as it was opened; its accuracy comes from whichever evaluation ran last. */
function original(model: ModelSummary, { baseline, variants }: Work): Side {
  const beside = variants.toReversed().find((variant) => variant.evaluation?.latency != null)?.evaluation;
  const latency = beside?.latency ?? null;
  return {
    key: ORIGINAL,
    title: 'Original',
    recipe: null,
    fileBytes: model.fileBytes,
    counted: true,
    weightSqnrDb: Infinity,
    evaluation:
      baseline === null
        ? null
        : {
            dataKey: baseline.dataKey,
            data: beside?.data ?? '',
            samples: baseline.value.samples,
            top1: baseline.value.classification?.top1 ?? null,
            top1Before: null,
            top5: baseline.value.classification?.top5 ?? null,
            paired: null,
            agreement: null,
            sqnrDb: Infinity,
            cosine: 1,
            klNats: 0,
            latency: latency === null ? null : { before: latency.before, after: latency.before, ratio: 1 },
          },
    layerNoise: null,
  };
}

interface PickProps {
  readonly label: string;
  readonly value: string | null;
  readonly variants: readonly Variant[];
  readonly side: Side | null;
  readonly onPick: (key: string) => void;
}

function Pick({ label, value, variants, side, onPick }: PickProps) {
  const busy = useStudio((studio) => studio.task !== null);
  const hasData = useStudio((studio) => activeWork(studio)?.data != null);
  const recipe = side?.recipe ?? null;
  return (
    <div>
      <label>
        {label}
        <NativeSelect
          aria-label={label}
          value={value ?? ''}
          data={[
            { value: ORIGINAL, label: 'Original' },
            ...variants.map((variant) => ({
              value: variant.key,
              label: `${variant.number}: ${describeRecipe(variant.recipe)}, ${formatBytes(variant.fileBytes)}`,
            })),
          ]}
          onChange={(event) => onPick(event.currentTarget.value)}
        />
      </label>
      {side === null || recipe === null ? null : (
        <p>
          <button type="button" className="link" onClick={() => restoreRecipe(recipe)}>
            Bring this recipe back
          </button>
          {side.evaluation !== null || !hasData ? null : (
            <Button
              size="compact-xs"
              ml={10}
              disabled={busy}
              onClick={() => {
                restoreRecipe(recipe);
                void evaluate();
              }}
            >
              Evaluate {side.title}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}

function Figures({ a, b }: { readonly a: Side; readonly b: Side }) {
  const measured = [a.evaluation, b.evaluation].filter((one) => one !== null && one.data !== '');
  return (
    <section aria-label="Figures">
      <h3>Figures</h3>
      <div className="scroll-x">
        <table className="plain-table" aria-label="Variants side by side">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">Figure</span>
              </th>
              <th scope="col">A: {a.title}</th>
              <th scope="col">B: {b.title}</th>
              <th scope="col">B against A</th>
            </tr>
          </thead>
          <tbody>
            {sideLines(a, b).map((line) => (
              <tr key={line.label}>
                <th scope="row" title={line.title}>
                  {line.label}
                </th>
                {[line.a, line.b].map((figure, at) => (
                  <td key={at === 0 ? 'a' : 'b'}>
                    {figure.text === 'unknown' ? <span className="dim">unknown</span> : <b>{figure.text}</b>}
                    {figure.under === null ? null : <span className="under dim">{figure.under}</span>}
                  </td>
                ))}
                <td>
                  {line.difference.text}
                  {line.difference.under === null ? null : <span className="under dim">{line.difference.under}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sameData(a, b) ? null : (
        <p className="warn">
          The two were measured on different data or settings, so they are not held against each other.
        </p>
      )}
      <p className="dim method">
        {measured.length === 0
          ? 'Accuracy, agreement and latency are unknown until a variant is evaluated on data.'
          : `Measured on ${[...new Set(measured.map((one) => one?.data))].join('; ')}. Intervals: Wilson, 95 %; two that overlap leave open which is better.`}
      </p>
    </section>
  );
}

type Kind = 'weights' | 'cumulative' | 'alone';

const METHODS: Readonly<Record<Kind, string>> = {
  weights: 'SQNR of each layer’s weights against float, measured by a preview of both recipes.',
  cumulative: 'SQNR of each layer’s output in the finished model, everything before it quantized as well.',
  alone: 'SQNR of each layer’s output, this layer alone quantized.',
};

const MOST_ROWS = 200;

function Layers({ model, a, b }: { readonly model: ModelSummary; readonly a: Side; readonly b: Side }) {
  const [kind, setKind] = useState<Kind>('weights');
  const left = useLayerErrors(model.id, a, kind);
  const right = useLayerErrors(model.id, b, kind);
  const lines = useMemo(() => (left === null || right === null ? [] : layerLines(left, right)), [left, right]);
  return (
    <section aria-label="Error of each layer">
      <div className="chart-head">
        <h3>Layers</h3>
        <span className="grow" />
        <SegmentedControl
          aria-label="Error compared"
          value={kind}
          onChange={(value) => setKind(value as Kind)}
          data={[
            { value: 'weights', label: 'Weights' },
            { value: 'cumulative', label: 'Activations' },
            { value: 'alone', label: 'Alone' },
          ]}
        />
      </div>
      {lines.length === 0 ? (
        <p className="dim">
          {kind === 'weights'
            ? 'Neither changes a weight.'
            : 'Unknown: the errors of activations are measured on a result, in the chart of activation errors.'}
        </p>
      ) : (
        <div className="scroll-x">
          <table className="plain-table" aria-label="Layers side by side">
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col">A</th>
                <th scope="col">B</th>
                <th scope="col">B against A</th>
              </tr>
            </thead>
            <tbody>
              {lines.slice(0, MOST_ROWS).map((line) => (
                <tr key={line.layer}>
                  <th scope="row" title={line.layer} className="layer-name">
                    {line.layer}
                  </th>
                  <td>{formatDb(line.a)}</td>
                  <td>{formatDb(line.b)}</td>
                  <td className={line.difference !== null && line.difference < -3 ? 'bad' : undefined}>
                    {line.difference === null ? '–' : `${formatSigned(line.difference)} dB`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {lines.length > MOST_ROWS ? <p className="dim">and {lines.length - MOST_ROWS} more</p> : null}
      <p className="dim method">
        {METHODS[kind]} Largest difference first; – where a layer stays as it is or is unknown.
      </p>
    </section>
  );
}

type Errors = Readonly<Record<string, number | null>>;

const NONE: Errors = {};

/** By layer, in dB; null while it is being measured. */
function useLayerErrors(modelId: string, side: Side, kind: Kind): Errors | null {
  const preview = usePreview(modelId, kind === 'weights' ? side.recipe : null);
  return useMemo(() => {
    if (kind !== 'weights') {
      return side.layerNoise === null
        ? NONE
        : Object.fromEntries(Object.entries(side.layerNoise.layers).map(([layer, noise]) => [layer, noise[kind]]));
    }
    if (side.recipe === null) return NONE;
    return preview === null
      ? null
      : Object.fromEntries(
          preview.layers.flatMap(({ layer, error }) => (error === null ? [] : [[layer, error.sqnrDb]])),
        );
  }, [kind, side.layerNoise, side.recipe, preview]);
}

function usePreview(modelId: string, recipe: Recipe | null): Preview | null {
  const [answer, setAnswer] = useState<{ readonly recipe: Recipe; readonly preview: Preview } | null>(null);
  useEffect(() => {
    if (recipe === null) return undefined;
    const abort = new AbortController();
    call('preview', { modelId, recipe }, { signal: abort.signal }).then(
      (preview) => {
        if (!abort.signal.aborted) setAnswer({ recipe, preview });
      },
      () => undefined,
    );
    return () => abort.abort();
  }, [modelId, recipe]);
  return answer !== null && answer.recipe === recipe ? answer.preview : null;
}
