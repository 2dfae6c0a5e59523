/** The form of a pass's options: one control per field, made from the pass's own schema. */
import { NativeSelect, SegmentedControl, Switch, TextInput } from '@mantine/core';
import { useId, useState, type ReactNode } from 'react';
import { isShown, type Choice, type Field, type Options } from '#ui/state/recipe/option-form.ts';
import { GranularitySlider } from './granularity-slider.tsx';

/** More choices than this, or longer ones, become a menu. */
const MOST_SEGMENTS = 5;
const MOST_SEGMENT_LETTERS = 26;

interface FormProps {
  readonly fields: readonly Field[];
  readonly options: Options;
  /** Whether each field's description stands under it. */
  readonly explained?: boolean;
  /** `merge` joins the change to the undo step before it, while a control is dragged. */
  readonly onChange: (change: Options, merge: boolean) => void;
}

export function OptionFields({ fields, options, explained = false, onChange }: FormProps) {
  return (
    <div className="options">
      {fields
        .filter((field) => isShown(field, options))
        .map((field) => (
          <div key={field.key}>
            <OptionField field={field} options={options} onChange={onChange} />
            {explained && field.description !== null ? <p className="dim option-about">{field.description}</p> : null}
          </div>
        ))}
    </div>
  );
}

function OptionField({
  field,
  options,
  onChange,
}: { readonly field: Field } & Omit<FormProps, 'fields' | 'explained'>) {
  const value = options[field.key];
  const set = (next: unknown) => onChange({ [field.key]: next }, false);
  switch (field.kind) {
    case 'granularity':
      return <GranularitySlider field={field} options={options} onChange={onChange} />;
    case 'switch':
      return (
        <Labelled field={field} inline>
          {(id) => <Switch id={id} checked={value === true} onChange={(event) => set(event.currentTarget.checked)} />}
        </Labelled>
      );
    case 'choice':
      return <ChoiceField field={field} choices={field.choices} value={value} onPick={set} />;
    case 'number':
      return (
        <Labelled field={field} inline>
          {(id) => (
            <NumberBox
              id={id}
              value={typeof value === 'number' ? value : null}
              min={field.min}
              max={field.max}
              step={field.integer ? 1 : 'any'}
              unit={field.unit}
              onValue={set}
            />
          )}
        </Labelled>
      );
    case 'text':
      return (
        <Labelled field={field}>
          {(id) => (
            <TextInput
              id={id}
              value={typeof value === 'string' ? value : ''}
              onChange={(event) => set(event.currentTarget.value)}
            />
          )}
        </Labelled>
      );
    case 'numbers':
      return (
        <Labelled field={field} inline>
          {(id) => <NumbersBox id={id} value={value} onValue={set} />}
        </Labelled>
      );
    case 'names':
      return (
        <Labelled field={field}>
          {(id) => <NamesBox id={id} value={Array.isArray(value) ? value.map(String) : []} onValue={set} />}
        </Labelled>
      );
  }
}

interface ChoiceProps {
  readonly field: Field;
  readonly choices: readonly Choice[];
  readonly value: unknown;
  readonly onPick: (value: Choice['value']) => void;
}

function ChoiceField({ field, choices, value, onPick }: ChoiceProps) {
  const data = choices.map((choice) => ({ value: String(choice.value), label: choice.label }));
  const pick = (picked: string) => {
    const choice = choices.find((one) => String(one.value) === picked);
    if (choice !== undefined) onPick(choice.value);
  };
  const letters = choices.reduce((sum, choice) => sum + choice.label.length, 0);
  return choices.length <= MOST_SEGMENTS && letters <= MOST_SEGMENT_LETTERS ? (
    <Labelled field={field} group>
      {() => <SegmentedControl aria-label={field.title} fullWidth data={data} value={String(value)} onChange={pick} />}
    </Labelled>
  ) : (
    <Labelled field={field}>
      {(id) => (
        <NativeSelect id={id} data={data} value={String(value)} onChange={(event) => pick(event.currentTarget.value)} />
      )}
    </Labelled>
  );
}

interface LabelledProps {
  readonly field: Field;
  readonly inline?: boolean;
  /** The control names itself; the label is only for the eye. */
  readonly group?: boolean;
  readonly children: (id: string) => ReactNode;
}

function Labelled({ field, inline = false, group = false, children }: LabelledProps) {
  const id = useId();
  const text = (
    <>
      {field.title}
      {field.unit !== null && field.kind !== 'number' && field.unit.toLowerCase() !== field.title.toLowerCase() ? (
        <span className="dim"> ({field.unit})</span>
      ) : null}
    </>
  );
  return (
    <div className={inline ? 'option inline' : 'option'} title={field.description ?? undefined}>
      {group ? <span className="option-label">{text}</span> : <label htmlFor={id}>{text}</label>}
      {children(id)}
    </div>
  );
}

interface NumberBoxProps {
  readonly id: string;
  readonly value: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly step: number | 'any';
  readonly unit: string | null;
  readonly onValue: (value: number | null) => void;
}

/** Keeps what is being typed, and hands on every number on the way; an empty box is null. */
function NumberBox({ id, value, min, max, step, unit, onValue }: NumberBoxProps) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <span className="number-box">
      <TextInput
        id={id}
        type="number"
        inputMode="decimal"
        {...(min === null ? {} : { min })}
        {...(max === null ? {} : { max })}
        step={step}
        value={typed ?? (value === null ? '' : String(value))}
        onChange={(event) => {
          const text = event.currentTarget.value;
          setTyped(text);
          onValue(text === '' || !Number.isFinite(Number(text)) ? null : Number(text));
        }}
        onBlur={() => setTyped(null)}
      />
      {unit === null || unit === '1' ? null : <span className="dim">{unit}</span>}
    </span>
  );
}

/** One number, or one for each channel with commas between; what is no number yet is kept while it is typed. */
function NumbersBox({
  id,
  value,
  onValue,
}: {
  readonly id: string;
  readonly value: unknown;
  readonly onValue: (value: number | readonly number[] | null) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const shown = Array.isArray(value) ? value.map(String).join(', ') : typeof value === 'number' ? String(value) : '';
  return (
    <TextInput
      id={id}
      className="numbers-box"
      inputMode="decimal"
      placeholder="a number, or one for each channel"
      value={typed ?? shown}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        const numbers = text
          .split(/[,;\s]+/)
          .filter(Boolean)
          .map(Number);
        if (numbers.every(Number.isFinite)) onValue(numbers.length > 1 ? numbers : (numbers[0] ?? null));
      }}
      onBlur={() => setTyped(null)}
    />
  );
}

function NamesBox({
  id,
  value,
  onValue,
}: {
  readonly id: string;
  readonly value: readonly string[];
  readonly onValue: (names: readonly string[]) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <TextInput
      id={id}
      placeholder="names, separated by commas"
      value={typed ?? value.join(', ')}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        onValue(
          event.currentTarget.value
            .split(',')
            .map((name) => name.trim())
            .filter(Boolean),
        );
      }}
      onBlur={() => setTyped(null)}
    />
  );
}
