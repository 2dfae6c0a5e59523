/** Registers the service worker that keeps the page for offline use, and says when it has. */
import { useStudio } from '#ui/state/store.ts';

export function keepOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  // What the first visit needs comes first; the worker then fills its cache while nobody waits.
  window.addEventListener('load', () => void register());
  if (document.readyState === 'complete') void register();
}

let asked = false;

async function register(): Promise<void> {
  if (asked) return;
  asked = true;
  try {
    await navigator.serviceWorker.register('./sw.js');
    await navigator.serviceWorker.ready;
    useStudio.setState({ offlineReady: true });
  } catch {
    // A browser that forbids service workers, as some private windows do: the page works, online.
    useStudio.setState({ offlineReady: false });
  }
}
