/** The bottom line: what computes, whether the page works offline, and the promise that nothing is uploaded. */
import { IconCircleCheck, IconCpu, IconLock } from '@tabler/icons-react';
import { useStudio } from '#ui/state/store.ts';

const DETAILS_ID = 'policy-details';

export function StatusBar() {
  const backend = useStudio((studio) => studio.info?.backend ?? null);
  const offline = useStudio((studio) => studio.offlineReady);
  const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '';
  return (
    <footer className="status">
      {backend === null ? (
        <span>Starting the engine</span>
      ) : (
        <span className="backend" title={backend.description}>
          <IconCpu size={14} style={{ verticalAlign: '-2px' }} aria-hidden /> {backend.name} · {backend.threads}{' '}
          {backend.threads === 1 ? 'thread' : 'threads'} <span className="dim">· {backend.description}</span>
        </span>
      )}
      <span className="grow" />
      {offline ? (
        <span title="The page and its engine are kept in this browser.">
          <IconCircleCheck size={14} style={{ verticalAlign: '-2px' }} aria-hidden /> Works offline
        </span>
      ) : null}
      <button type="button" popoverTarget={DETAILS_ID}>
        <IconLock size={14} aria-hidden /> Nothing is uploaded
      </button>
      <div id={DETAILS_ID} popover="auto" className="policy">
        <p>
          <b>Your model never leaves this tab.</b> The page has no server to send it to, and the browser itself enforces
          that: it was loaded with this content security policy, under which any request to another place is refused.
        </p>
        <ul className="mono">
          {policy.split(';').map((rule) => (
            <li key={rule}>{rule.trim()}</li>
          ))}
        </ul>
        {backend === null ? null : (
          <p className="dim">
            Computing with {backend.name}, {backend.threads} {backend.threads === 1 ? 'thread' : 'threads'}:{' '}
            {backend.description}
          </p>
        )}
      </div>
    </footer>
  );
}
