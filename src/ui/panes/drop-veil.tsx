/** Makes the whole window accept files, and shows it while something is held over it. */
import { useEffect, useState } from 'react';
import { openDrop } from '#ui/state/session/late-actions.ts';
import { filesOfDrop } from '#ui/state/session/dropped-files.ts';
import { sentenceOf } from '#ui/state/session/engine-calls.ts';
import { tell, useStudio } from '#ui/state/store.ts';

export function DropVeil() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Enter and leave fire for every element on the way; the count says whether the pointer is still inside.
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const onEnter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const onLeave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const onOver = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      if (event.dataTransfer === null || !carriesFiles(event)) return;
      depth = 0;
      setOver(false);
      // A place of its own, such as the one for input arrays, may have taken it.
      if (event.defaultPrevented) return;
      event.preventDefault();
      filesOfDrop(event.dataTransfer).then(openDrop, (error: unknown) => tell('error', sentenceOf(error)));
    };
    window.addEventListener('dragenter', onEnter);
    window.addEventListener('dragleave', onLeave);
    window.addEventListener('dragover', onOver);
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragenter', onEnter);
      window.removeEventListener('dragleave', onLeave);
      window.removeEventListener('dragover', onOver);
      window.removeEventListener('drop', onDrop);
    };
  }, []);
  const open = useStudio((studio) => studio.activeId !== null);
  if (!over) return null;
  return (
    <div className="drop-veil">
      {open ? 'Drop data for this model, or another model' : 'Drop to open: files, a folder or a zip'}
    </div>
  );
}
