/** How the data is prepared: the settings that matter for its kind, saved in the recipe. */
import type { DataSettings, DataSummary, ModelSummary } from '#studio/jobs.ts';
import { OptionFields } from '#ui/panes/recipe/option-fields.tsx';
import { formOf, optionsOf, type FormPart, type SettingsPart } from '#ui/state/data/settings.ts';
import type { Field } from '#ui/state/recipe/option-form.ts';
import { editData } from '#ui/state/session/actions.ts';

interface Props {
  readonly schema: object;
  readonly summary: DataSummary;
  readonly model: ModelSummary;
  readonly settings: DataSettings;
}

export function DataForm({ schema, summary, model, settings }: Props) {
  return (
    <section className="data-form" aria-label="Preparation">
      <h3>
        Preparation <span className="dim">saved in the recipe</span>
      </h3>
      {formOf(schema, summary, model, settings).map(({ part, title, fields }) => (
        <fieldset key={title}>
          <legend>{title}</legend>
          <OptionFields
            fields={fields}
            options={{ ...defaultsOf(schema, part, fields), ...optionsOf(settings, part) }}
            onChange={(change) => editData(part, change)}
          />
        </fieldset>
      ))}
    </section>
  );
}

/** What a setting is while nobody has set it: the schema says. */
function defaultsOf(schema: object, part: SettingsPart, fields: FormPart['fields']): Record<string, unknown> {
  const all = (schema as Parts).properties ?? {};
  const properties = part === null ? all : (all[part]?.properties ?? {});
  const value = (field: Field) => properties[field.key]?.default;
  return Object.fromEntries(fields.flatMap((field) => (value(field) === undefined ? [] : [[field.key, value(field)]])));
}

interface Parts {
  readonly properties?: Readonly<Record<string, Parts & { readonly default?: unknown }>>;
}
