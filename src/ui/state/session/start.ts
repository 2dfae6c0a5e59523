/** Starts the page: asks the engine what it can do, brings back kept models and work, and keeps them from then on. */
import type { Client } from '#studio/client.ts';
import { FIRST_LOOKS, tell, useStudio, type Sample } from '#ui/state/store.ts';
import { call, connect, sentenceOf } from './engine-calls.ts';
import { fingerprint, keptOf, readKept, writeKept, type Kept } from './keep.ts';
import { showModels } from './late-actions.ts';

const KEEP_AFTER_MS = 400;

export async function startSession(client: Client): Promise<void> {
  connect(client);
  void loadSamples();
  const kept = await readKept();
  if (kept !== null) useStudio.setState({ looks: { ...FIRST_LOOKS, ...kept.looks } });
  // With nothing to bring back the page is ready before the engine is: what is dropped now is opened in its turn.
  if (kept?.active === undefined || kept.active === null) useStudio.setState({ ready: true });
  try {
    useStudio.setState({ info: await call('info', {}) });
    await bringBack(kept);
  } catch (error) {
    tell(
      'error',
      `The engine did not start: ${sentenceOf(error)} Reload the page; Chrome, Edge, Firefox and Safari of the last two years work.`,
    );
  }
  useStudio.setState({ ready: true });
  keepFromNowOn(kept);
}

async function bringBack(kept: Kept | null): Promise<void> {
  const models = await call('restore', {});
  const { looks } = useStudio.getState();
  const last = models.toSorted(
    (a, b) => Number(fingerprint(a) === kept?.active) - Number(fingerprint(b) === kept?.active),
  );
  await showModels(last.map((model) => ({ model, kept: kept?.works[fingerprint(model)] })));
  // Results live in the engine's memory alone, so a pane that shows one is not brought back.
  useStudio.setState({
    looks: { ...looks, view: looks.view === 'result' || looks.view === 'compare' ? 'layers' : looks.view },
  });
}

function keepFromNowOn(before: Kept | null): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    void writeKept(keptOf(useStudio.getState(), before));
  };
  useStudio.subscribe((now, then) => {
    if (now.works === then.works && now.looks === then.looks && now.activeId === then.activeId) return;
    timer ??= setTimeout(write, KEEP_AFTER_MS);
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' && timer !== undefined) write();
  });
}

/** The list of samples lies beside the page; without it the page only lacks the buttons. */
async function loadSamples(): Promise<void> {
  try {
    const response = await fetch('./samples/index.json');
    const list: unknown = response.ok ? await response.json() : [];
    if (Array.isArray(list)) useStudio.setState({ samples: list.filter(isSample) });
  } catch {
    useStudio.setState({ samples: [] });
  }
}

function isSample(value: unknown): value is Sample {
  const sample = value as Partial<Sample> | null;
  return typeof sample?.file === 'string' && typeof sample.title === 'string' && typeof sample.bytes === 'number';
}
