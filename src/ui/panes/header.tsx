/** The top line: which model, undo and redo, and the three things to do with it. */
import { Button, useMantineColorScheme } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconDeviceDesktop,
  IconDownload,
  IconMoon,
  IconPlayerPlay,
  IconSun,
} from '@tabler/icons-react';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { Mark } from '#ui/parts/mark.tsx';
import { download, optimize, redoEdit, undoEdit } from '#ui/state/session/actions.ts';
import { isCurrent } from '#ui/state/session/previews.ts';
import { activeModel, activeWork, useStudio } from '#ui/state/store.ts';

export function Header() {
  const model = useStudio(activeModel);
  return (
    <header className="header">
      <h1 className="brand">
        <Mark />
        <span className="brand-name">Pare</span>
      </h1>
      {model === null ? null : (
        <p className="model-name">
          <b>{model.name}</b>
          {'  '}
          {model.formatLabel}
        </p>
      )}
      <span className="grow" />
      {model === null ? null : <Actions />}
      <ThemeButton />
    </header>
  );
}

function Actions() {
  const canUndo = useStudio((studio) => (activeWork(studio)?.history.past.length ?? 0) > 0);
  const canRedo = useStudio((studio) => (activeWork(studio)?.history.future.length ?? 0) > 0);
  const busy = useStudio((studio) => studio.task !== null);
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
        disabled={busy}
        onClick={() => void download()}
        title="Write the file, open it again in onnxruntime, compare, and save it"
      >
        Download
      </Button>
    </>
  );
}

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const NAMES = { auto: 'as the system', light: 'light', dark: 'dark' } as const;
const ICONS = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;

function ThemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <IconButton
      label={`Colours: ${NAMES[colorScheme]}. Switch to ${NAMES[NEXT[colorScheme]]}`}
      icon={ICONS[colorScheme]}
      onClick={() => setColorScheme(NEXT[colorScheme])}
    />
  );
}
