/** Latency before and after, interleaved in one process: medians, quartiles, and the ratio that they allow to claim. */
import { Button } from '@mantine/core';
import { IconStopwatch } from '@tabler/icons-react';
import type { Latency, LatencyPair } from '#studio/jobs.ts';
import { describeRatio, formatMs, formatQuartiles } from '#ui/state/evaluation/words.ts';
import { measureLatency } from '#ui/state/session/actions.ts';
import type { MadeResult } from '#ui/state/store.ts';

export function LatencyPart({ result, busy }: { readonly result: MadeResult; readonly busy: boolean }) {
  const latency = result.latency ?? result.evaluation?.value.latency ?? null;
  return (
    <section aria-label="Latency before and after">
      <h3>Latency</h3>
      {latency === null ? (
        <p className="dim">Unknown. Original and result are run in turns in this browser; a phone may differ.</p>
      ) : (
        <Measured latency={latency} />
      )}
      <div className="compare-tools">
        <Button leftSection={<IconStopwatch size={14} />} disabled={busy} onClick={() => void measureLatency()}>
          {latency === null ? 'Measure latency' : 'Measure latency again'}
        </Button>
      </div>
    </section>
  );
}

function Measured({ latency }: { readonly latency: LatencyPair }) {
  const { before, after, ratio, method } = latency;
  const most = Math.max(before.highMs, after?.highMs ?? 0) * 1.05;
  return (
    <>
      <div className="scroll-x">
        <table className="plain-table" aria-label="Latency">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">Model</span>
              </th>
              <th scope="col">Median</th>
              <th scope="col" title="Half of the runs lie between">
                Quartiles
              </th>
              <th scope="col">Fastest</th>
              <th scope="col">Runs</th>
              <th scope="col" className="spread">
                <span className="visually-hidden">Spread</span>
              </th>
            </tr>
          </thead>
          <tbody>
            <Line name="Before" latency={before} most={most} />
            {after === null ? null : <Line name="After" latency={after} most={most} strong />}
          </tbody>
        </table>
      </div>
      {ratio === null ? null : <p>{describeRatio(ratio)}</p>}
      <p className="dim method">Measured: {method}. On a phone the ratio may differ.</p>
    </>
  );
}

interface LineProps {
  readonly name: string;
  readonly latency: Latency;
  readonly most: number;
  readonly strong?: boolean;
}

function Line({ name, latency, most, strong = false }: LineProps) {
  const at = (ms: number) => `${(100 * ms) / most}%`;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{strong ? <b>{formatMs(latency.medianMs)}</b> : formatMs(latency.medianMs)}</td>
      <td>{formatQuartiles(latency)}</td>
      <td>{formatMs(latency.minMs)}</td>
      <td>{latency.runs}</td>
      <td className="spread" aria-hidden>
        <span className="spread-track">
          <span
            className={strong ? 'spread-box now' : 'spread-box'}
            style={{ left: at(latency.lowMs), width: `max(3px, ${(100 * (latency.highMs - latency.lowMs)) / most}%)` }}
          />
          <span className="spread-mid" style={{ left: at(latency.medianMs) }} />
        </span>
      </td>
    </tr>
  );
}
