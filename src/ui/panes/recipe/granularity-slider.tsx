/** Granularity as one slider from the whole tensor over channels to ever smaller blocks. */
import { Slider } from '@mantine/core';
import { useRef } from 'react';
import { optionsAt, stopIndex } from '#ui/state/recipe/granularity.ts';
import type { Field, Options } from '#ui/state/recipe/option-form.ts';

interface Props {
  readonly field: Extract<Field, { kind: 'granularity' }>;
  readonly options: Options;
  readonly onChange: (change: Options, merge: boolean) => void;
}

export function GranularitySlider({ field, options, onChange }: Props) {
  const { stops, blockKey } = field;
  const moving = useRef(false);
  const at = stopIndex(stops, options['granularity'], blockKey === null ? null : options[blockKey]);
  const stop = stops[at];
  if (stop === undefined) return null;
  return (
    <div className="option granularity" title={field.description ?? undefined}>
      <span className="option-label">
        {field.title}
        <output className="reading">{stop.label}</output>
      </span>
      <Slider
        thumbLabel={field.title}
        thumbValueText={stop.label}
        label={null}
        min={0}
        max={stops.length - 1}
        step={1}
        value={at}
        marks={stops.map((one, value) => ({ value, label: one.short }))}
        onChange={(next) => {
          const chosen = stops[next];
          if (chosen === undefined || next === at) return;
          onChange(optionsAt(chosen, blockKey), moving.current);
          moving.current = true;
        }}
        onChangeEnd={() => {
          moving.current = false;
        }}
      />
    </div>
  );
}
