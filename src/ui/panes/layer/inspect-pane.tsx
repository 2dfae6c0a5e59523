/** One layer: what the recipe does to it, options of its own, its weights. */
import { Switch } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { LayerResult, PassInfo, Recipe } from '#studio/jobs.ts';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { isExcluded, layerOptions, setLayerOptions } from '#ui/state/recipe/edit.ts';
import { fieldsOf } from '#ui/state/recipe/option-form.ts';
import { editRecipe, toggleExcluded } from '#ui/state/session/actions.ts';
import { activeModel, activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { formatBytes, formatCount, formatDb, formatShape, formatShare, formatSmall } from '#ui/state/units.ts';
import { OptionFields } from '#ui/panes/recipe/option-fields.tsx';

export function InspectPane() {
  const info = useStudio((studio) => studio.info);
  const model = useStudio(activeModel);
  const work = useStudio(activeWork);
  const layer = model?.layers.find((one) => one.name === work?.selected);
  if (info === null || work === null || layer === undefined) return null;
  const recipe = work.history.present;
  const result = work.preview?.layers.find((one) => one.layer === layer.name);
  const excluded = isExcluded(recipe, layer.name);
  return (
    <aside
      className="inspect"
      aria-label={`Layer ${layer.name}`}
      onKeyDown={(event) => {
        if (event.key === 'Escape') changeLooks({ inspecting: false });
      }}
    >
      <div className="pane-head">
        <h2 title={layer.name}>{layer.name}</h2>
        <span className="grow" />
        <IconButton label="Close the layer" icon={IconX} size={24} onClick={() => changeLooks({ inspecting: false })} />
      </div>
      <div className="inspect-body">
        <p className="dim">
          {layer.domain === '' ? layer.op : `${layer.domain}.${layer.op}`}
          {layer.scope.length === 0 ? '' : `, inside ${layer.scope.join(' / ')}`}
          {layer.macs === null ? ', MACs unknown' : layer.macs === 0 ? '' : `, ${formatCount(layer.macs)} MACs`}
        </p>
        {result === undefined ? null : <Outcome result={result} />}
        <Switch
          label="Exclude from every lossy step"
          checked={excluded}
          onChange={() => toggleExcluded(layer.name)}
          disabled={layer.weights.length === 0}
        />
        {excluded || layer.weights.length === 0
          ? null
          : recipe.steps
              .filter((step, at) => recipe.steps.findIndex((other) => other.pass === step.pass) === at)
              .map((step) => {
                const pass = info.passes.find((one) => one.name === step.pass);
                return pass?.keeps === 'accuracy' ? (
                  <OwnOptions
                    key={step.pass}
                    layer={layer.name}
                    pass={pass}
                    recipe={recipe}
                    shared={{ ...pass.defaults, ...step.options }}
                  />
                ) : null;
              })}
        <h3>Weights</h3>
        <ul className="weights">
          {layer.weights.map((weight) => (
            <li key={weight.input}>
              <span className="mono" title={weight.name}>
                {weight.name}
              </span>
              <span className="dim">
                {weight.dtype} {formatShape(weight.shape)}, {formatBytes(weight.sizeBytes)}
                {weight.sharedWith.length === 0 ? '' : `, shared with ${weight.sharedWith.join(', ')}`}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </aside>
  );
}

function Outcome({ result }: { readonly result: LayerResult }) {
  const { error } = result;
  return (
    <>
      {result.skipped === undefined ? null : <p className="warn">{result.skipped}</p>}
      <dl className="facts">
        <dt>Bytes</dt>
        <dd>
          {formatBytes(result.bytesBefore)} → {formatBytes(result.bytesAfter)}
        </dd>
        {error === null ? null : (
          <>
            <dt>SQNR</dt>
            <dd>{formatDb(error.sqnrDb)}</dd>
            <dt>Mean squared error</dt>
            <dd>{formatSmall(error.mse)}</dd>
            <dt>Largest error</dt>
            <dd>{formatSmall(error.maxAbs)}</dd>
            <dt>Cosine</dt>
            <dd>{error.cosine.toFixed(6)}</dd>
          </>
        )}
        {result.granularity === undefined ? null : (
          <>
            <dt>Granularity</dt>
            <dd>{result.granularity}</dd>
          </>
        )}
        {result.convention === undefined ? null : (
          <>
            <dt>Convention</dt>
            <dd className="mono">{result.convention}</dd>
          </>
        )}
        {result.sparsity === null ? null : (
          <>
            <dt>Zeros</dt>
            <dd>{formatShare(result.sparsity)}</dd>
          </>
        )}
      </dl>
      {error === null ? null : (
        <p className="dim method">Measured: weights against float, whole tensor, double accumulation.</p>
      )}
    </>
  );
}

interface OwnProps {
  readonly layer: string;
  readonly pass: PassInfo;
  readonly recipe: Recipe;
  /** Options of the step for layers without their own. */
  readonly shared: Readonly<Record<string, unknown>>;
}

function OwnOptions({ layer, pass, recipe, shared }: OwnProps) {
  const own = layerOptions(recipe, layer, pass.name);
  const fields = useMemo(() => fieldsOf(pass.schema), [pass]);
  const toggle = () => editRecipe((now) => setLayerOptions(now, layer, pass.name, own === null ? { ...shared } : null));
  return (
    <section className="own-options" aria-label={`${pass.title}: options of this layer`}>
      <Switch label={`${pass.title}: options of its own`} checked={own !== null} onChange={toggle} />
      {own === null ? null : (
        <OptionFields
          fields={fields}
          options={{ ...shared, ...own }}
          onChange={(change, merge) => editRecipe((now) => setLayerOptions(now, layer, pass.name, change), merge)}
        />
      )}
    </section>
  );
}
