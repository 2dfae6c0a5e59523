/** Every layer that the recipe leaves alone, and why: grouped by reason, largest first. */
import { useMemo } from 'react';
import type { Notice } from '#base/notice.ts';
import { Remarks } from '#ui/parts/remarks.tsx';
import { selectLayer } from '#ui/state/session/actions.ts';
import { activeModel, activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { formatBytes } from '#ui/state/units.ts';
import { reasonsOf } from '#ui/state/table/left-alone.ts';

export function LedgerPane() {
  const layers = useStudio((studio) => activeWork(studio)?.preview?.layers ?? null);
  const notices = useStudio((studio) => activeWork(studio)?.preview?.notices ?? null);
  const opening = useStudio((studio) => activeModel(studio)?.notices ?? NONE);
  const groups = useMemo(() => reasonsOf(layers ?? []), [layers]);
  return (
    <div className="ledger" role="region" aria-label="Layers left alone">
      {groups.length === 0 ? <p className="dim">No layer with weights is left alone by this recipe.</p> : null}
      <Remarks notices={notices ?? []} />
      {groups.map((group) => (
        <section key={group.code}>
          <h3>
            {group.code.replaceAll('-', ' ')}{' '}
            <span className="dim">
              {group.layers.length} {group.layers.length === 1 ? 'layer' : 'layers'}, {formatBytes(group.bytes)}
            </span>
          </h3>
          <ul>
            {group.layers.slice(0, MOST_LISTED).map((layer) => (
              <li key={layer.layer}>
                <button
                  type="button"
                  className="link"
                  onClick={() => {
                    selectLayer(layer.layer);
                    changeLooks({ view: 'layers', inspecting: true });
                  }}
                >
                  {layer.layer}
                </button>
                <span className="dim">
                  {' '}
                  {layer.op}, {formatBytes(layer.bytesBefore)}
                </span>
                <p>{layer.skipped}</p>
              </li>
            ))}
          </ul>
          {group.layers.length > MOST_LISTED ? (
            <p className="dim">
              and {group.layers.length - MOST_LISTED} more; the table lists them under “Left alone”.
            </p>
          ) : null}
        </section>
      ))}
      {opening.length === 0 ? null : (
        <section>
          <h3>
            Noted when the file was opened <span className="dim">{opening.length}</span>
          </h3>
          <Remarks notices={opening.slice(0, MOST_LISTED)} />
        </section>
      )}
    </div>
  );
}

/** One list for all renders: a new one each time would look like a change. */
const NONE: readonly Notice[] = [];

const MOST_LISTED = 100;
