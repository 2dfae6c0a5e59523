/** Keys that work anywhere on the page: undo, redo, and making a result. */
import { useEffect } from 'react';
import { optimize, redoEdit, undoEdit } from '#ui/state/session/late-actions.ts';

export function useShortcuts(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || writesText(event.target)) return;
      const key = event.key.toLowerCase();
      if (key === 'z' && !event.shiftKey) void undoEdit();
      else if (key === 'y' || key === 'z') void redoEdit();
      else if (key === 'enter') void optimize();
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

/** Fields have an undo of their own. */
function writesText(target: EventTarget | null): boolean {
  return (
    (target instanceof HTMLInputElement && ['text', 'search', 'number'].includes(target.type)) ||
    target instanceof HTMLTextAreaElement
  );
}
