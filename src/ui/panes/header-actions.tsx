/** Undo and redo, and the two things to do with an open model: make the smaller one, and take it home. */
import { Button } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp, IconDownload, IconPlayerPlay } from '@tabler/icons-react';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { download, optimize, redoEdit, undoEdit } from '#ui/state/session/actions.ts';
import { isCurrent } from '#ui/state/session/previews.ts';
import { activeModel, activeWork, useStudio } from '#ui/state/store.ts';

export function HeaderActions() {
  const canUndo = useStudio((studio) => (activeWork(studio)?.history.past.length ?? 0) > 0);
  const canRedo = useStudio((studio) => (activeWork(studio)?.history.future.length ?? 0) > 0);
  const busy = useStudio((studio) => studio.task !== null);
  const notWritable = useStudio((studio) => activeModel(studio)?.notWritable);
  const done = useStudio((studio) => {
    const work = activeWork(studio);
    return work !== null && isCurrent(work.result?.recipe, work.history.present);
  });
  return (
    <>
      <IconButton label="Undo" icon={IconArrowBackUp} onClick={undoEdit} disabled={!canUndo} />
      <IconButton label="Redo" icon={IconArrowForwardUp} onClick={redoEdit} disabled={!canRedo} />
      <Button
        variant={done ? 'default' : 'filled'}
        leftSection={<IconPlayerPlay size={14} />}
        disabled={busy}
        onClick={() => void optimize()}
        title="Make the smaller model (Ctrl+Enter)"
      >
        Optimize
      </Button>
      <Button
        variant={done ? 'filled' : 'default'}
        leftSection={<IconDownload size={14} />}
        disabled={busy || notWritable !== undefined}
        onClick={() => void download()}
        title={notWritable ?? 'Write the file, open it again in onnxruntime, compare, and save it'}
      >
        Download
      </Button>
    </>
  );
}
