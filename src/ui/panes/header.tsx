/** The top line: which model, what to do with it, and light or dark. */
import { useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { Mark } from '#ui/parts/mark.tsx';
import { activeModel, useStudio } from '#ui/state/store.ts';

const HeaderActions = lazy(() => import('./header-actions.tsx').then((module) => ({ default: module.HeaderActions })));

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
      {model === null ? null : (
        <Suspense fallback={null}>
          <HeaderActions />
        </Suspense>
      )}
      <ThemeButton />
    </header>
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
