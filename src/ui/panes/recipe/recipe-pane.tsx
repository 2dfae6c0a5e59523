/** The recipe: presets, steps in order, what is wrong with it, and its file. */
import { NativeSelect } from '@mantine/core';
import { IconClipboardCopy, IconFileExport, IconFileImport } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { DroppedFile, EngineInfo, Recipe } from '#studio/jobs.ts';
import { DataLine } from '#ui/panes/data/data-line.tsx';
import { FilePicker } from '#ui/parts/file-buttons.tsx';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { addStep, countExcluded, countOverridden, recipeKey, setData, setExcluded } from '#ui/state/recipe/edit.ts';
import { problemsOf } from '#ui/state/recipe/problems.ts';
import { readRecipe, recipeFileName, writeRecipe } from '#ui/state/recipe/recipe-file.ts';
import { editRecipe, loadPreset } from '#ui/state/session/actions.ts';
import { offerText } from '#ui/state/session/download.ts';
import { activeModel, activeWork, tell, useStudio } from '#ui/state/store.ts';
import { StepCard } from './step-card.tsx';

export function RecipePane() {
  const info = useStudio((studio) => studio.info);
  const model = useStudio(activeModel);
  const recipe = useStudio((studio) => activeWork(studio)?.history.present ?? null);
  const layers = useMemo(() => new Set(model?.layers.map((layer) => layer.name)), [model]);
  if (info === null || recipe === null) return null;
  const problems = problemsOf(recipe, info.passes, layers);
  return (
    <section className="recipe" aria-label="Recipe">
      <div className="pane-head">
        <h2>Recipe</h2>
        <span className="grow" />
        <FilePicker label="Recipe file" accept=".json,application/json" many={false} onFiles={importRecipe}>
          {(open) => <IconButton label="Import a recipe file" icon={IconFileImport} onClick={open} />}
        </FilePicker>
        <IconButton
          label="Export the recipe as a file"
          icon={IconFileExport}
          onClick={() => offerText(recipeFileName(recipe), writeRecipe(recipe))}
        />
        <IconButton label="Copy the recipe as JSON" icon={IconClipboardCopy} onClick={() => copyRecipe(recipe)} />
      </div>
      <PresetMenu info={info} recipe={recipe} />
      <DataLine />
      <ol className="steps">
        {recipe.steps.map((step, at) => (
          <StepCard
            // A step has no name of its own; its pass and place are what it is.
            key={`${at} ${step.pass}`}
            step={step}
            at={at}
            last={at === recipe.steps.length - 1}
            pass={info.passes.find((pass) => pass.name === step.pass)}
            problems={problems.filter((problem) => problem.step === at)}
          />
        ))}
      </ol>
      {recipe.steps.length === 0 ? (
        <p className="dim recipe-empty">No steps: the download is the model as it is. Load a preset or add a step.</p>
      ) : null}
      <div className="recipe-add">
        <NativeSelect
          aria-label="Add a step"
          value=""
          data={[
            { value: '', label: 'Add a step…' },
            ...info.passes.map((pass) => ({ value: pass.name, label: pass.title })),
          ]}
          onChange={(event) => {
            const pass = info.passes.find((one) => one.name === event.currentTarget.value);
            if (pass !== undefined)
              editRecipe((now) => addStep(now, { pass: pass.name, options: { ...pass.defaults } }));
          }}
        />
      </div>
      <LayerSettingsLine recipe={recipe} />
      {problems
        .filter((problem) => problem.step === null)
        .map((problem) => (
          <p
            key={problem.text}
            className={problem.level === 'blocker' ? 'bad recipe-note' : 'warn recipe-note'}
            role="alert"
          >
            {problem.text}
          </p>
        ))}
    </section>
  );
}

function PresetMenu({ info, recipe }: { readonly info: EngineInfo; readonly recipe: Recipe }) {
  const bare = bareKey(recipe);
  const current = info.presets.find((preset) => bareKey(preset.recipe) === bare);
  return (
    <div className="recipe-preset">
      <NativeSelect
        aria-label="Preset"
        value={current?.id ?? ''}
        title={current?.summary}
        data={[
          ...(current === undefined ? [{ value: '', label: `Custom, from ${recipe.name}` }] : []),
          ...info.presets.map((preset) => ({ value: preset.id, label: preset.title })),
        ]}
        onChange={(event) => {
          const preset = info.presets.find((one) => one.id === event.currentTarget.value);
          if (preset !== undefined) loadPreset(preset);
        }}
      />
    </div>
  );
}

/** The steps alone: settings of layers and data are the person's own, whatever the preset. */
function bareKey(recipe: Recipe): string {
  return recipeKey(setData({ ...recipe, layers: {} }, undefined));
}

/** How many layers have settings of their own, and the way back. */
function LayerSettingsLine({ recipe }: { readonly recipe: Recipe }) {
  const excluded = countExcluded(recipe);
  const overridden = countOverridden(recipe);
  if (excluded + overridden === 0) return null;
  return (
    <p className="recipe-note dim">
      {excluded === 0 ? null : (
        <>
          {excluded} {excluded === 1 ? 'layer' : 'layers'} excluded.{' '}
          <button
            type="button"
            className="link"
            onClick={() => editRecipe((now) => setExcluded(now, Object.keys(now.layers ?? {}), false))}
          >
            Include all
          </button>{' '}
        </>
      )}
      {overridden === 0
        ? null
        : overridden === 1
          ? '1 layer with options of its own.'
          : `${overridden} layers with options of their own.`}
    </p>
  );
}

function importRecipe(files: readonly DroppedFile[]): void {
  const [file] = files;
  if (file === undefined) return;
  file.file.text().then(
    (text) => {
      const read = readRecipe(text);
      if ('problem' in read) tell('error', `${file.path}: ${read.problem}`);
      else editRecipe((now) => setData(read.recipe, read.recipe.data ?? now.data));
    },
    () => tell('error', `${file.path}: the file could not be read.`),
  );
}

function copyRecipe(recipe: Recipe): void {
  navigator.clipboard.writeText(writeRecipe(recipe)).then(
    () =>
      tell('info', 'The recipe is on the clipboard. On the command line: pare optimize MODEL --recipe FILE -o OUT.'),
    () => tell('warning', 'The browser did not allow copying. Export the recipe as a file instead.'),
  );
}
