/** The range of every rounded activation: what was seen, and what the chosen range keeps of it. */
import { useMemo } from 'react';
import type { ActivationView } from '#studio/jobs.ts';
import { selectAll } from '#ui/panes/layer/use-rows.ts';
import { selectLayer } from '#ui/state/session/actions.ts';
import { activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { formatSmall } from '#ui/state/units.ts';
import { CUTS_AT_ZERO, cutsAtZero, formatClipped } from './activation-words.ts';
import { NoRanges } from './no-ranges.tsx';
import { useActivations } from './use-activations.ts';

const MOST_ROWS = 400;

export function RangesChart({ sorted }: { readonly sorted: boolean }) {
  const activations = useActivations();
  const selected = useStudio((studio) => activeWork(studio)?.selected ?? null);
  const layers = useStudio(selectAll);
  const shorts = useMemo(() => new Map(layers.map((row) => [row.name, row.short])), [layers]);
  const { views } = activations;
  const rows = useMemo(() => {
    const all = views?.views ?? [];
    return sorted ? all.toSorted((a, b) => b.clipped - a.clipped) : all;
  }, [views, sorted]);
  if (views === null) return <NoRanges activations={activations} />;
  return (
    <>
      <div className="ranges">
        <table className="plain-table" aria-label="Ranges of activations">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col" className="range-column" title="What was seen; between the marks, what is kept">
                Range
              </th>
              <th scope="col" className="seen-column" title="Smallest and largest value that calibration saw">
                Seen
              </th>
              <th scope="col" title="Values outside are clipped">
                Kept
              </th>
              <th scope="col" title="Share of the values seen that lie outside what is kept">
                Clipped
              </th>
              <th scope="col" className="grid-column">
                Grid
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST_ROWS).map((view) => (
              <tr
                key={view.value}
                data-selected={view.layer === selected}
                onClick={() => {
                  selectLayer(view.layer);
                  changeLooks({ sideChart: 'activation' });
                }}
              >
                <th scope="row" title={`${view.layer}: ${view.value}, ${view.op}. ${gridText(view)}`}>
                  <button type="button" className="plain" aria-pressed={view.layer === selected}>
                    {shorts.get(view.layer) ?? view.layer}
                  </button>
                </th>
                <td className="range-column">
                  <RangeBar view={view} />
                </td>
                <td className="seen-column">{`${formatSmall(view.min)} to ${formatSmall(view.max)}`}</td>
                <td>{`${formatSmall(view.low)} to ${formatSmall(view.high)}`}</td>
                <td>
                  {formatClipped(view.clipped)}
                  {cutsAtZero(view) ? <span className="dim"> with Relu</span> : null}
                </td>
                <td className="grid-column dim">{gridText(view)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length > MOST_ROWS ? <p className="dim">and {rows.length - MOST_ROWS} more</p> : null}
      </div>
      <figcaption className="dim method">
        Measured: {views.method}. Each bar has its own width; the thin line is zero.{' '}
        {views.views.some(cutsAtZero) ? CUTS_AT_ZERO : 'Click a row for its histogram.'}
      </figcaption>
    </>
  );
}

function gridText({ scale, zeroPoint, levels }: ActivationView): string {
  return scale === null ? 'float' : `${levels ?? ''}, scale ${formatSmall(scale)}, zero ${zeroPoint ?? '?'}`;
}

/** The whole width is what was seen or kept, whichever is wider; zero is always within. */
function RangeBar({ view }: { readonly view: ActivationView }) {
  const { min, max, low, high } = view;
  const from = Math.min(0, min, low);
  const to = Math.max(0, max, high);
  const at = (value: number) => (to > from ? (100 * (value - from)) / (to - from) : 0);
  const percent = (value: number) => `${value}%`;
  return (
    <span className="range-bar" aria-hidden>
      <span className="seen" style={{ left: percent(at(min)), width: percent(at(max) - at(min)) }} />
      {cutsAtZero(view) ? (
        <span className="seen below" style={{ left: percent(at(min)), width: percent(at(0) - at(min)) }} />
      ) : null}
      <span className="kept" style={{ left: percent(at(low)), width: percent(at(high) - at(low)) }} />
      <span className="zero" style={{ left: percent(at(0)) }} />
    </span>
  );
}
