/** The frame of the studio: which pane lies where, and the keys that work everywhere. */
import { lazy, Suspense, useEffect } from 'react';
import { DropVeil } from './panes/drop-veil.tsx';
import { Header } from './panes/header.tsx';
import { Messages } from './panes/messages.tsx';
import { StatusBar } from './panes/status-bar.tsx';
import { TaskPanel } from './panes/task-panel.tsx';
import { Welcome } from './panes/welcome.tsx';
import { useShortcuts } from './parts/use-shortcuts.ts';
import { useStudio } from './state/store.ts';

const loadWorkspace = () => import('./panes/workspace.tsx');
const Workspace = lazy(() => loadWorkspace().then((module) => ({ default: module.Workspace })));

export function App() {
  useShortcuts();
  const tab = useStudio((studio) => studio.looks.phoneTab);
  const open = useStudio((studio) => studio.models.length > 0);
  const opening = useStudio((studio) => studio.task !== null);
  useEffect(() => {
    // While the first model is being opened there is time to load what will show it.
    if (opening) void loadWorkspace();
  }, [opening]);
  return (
    <div className="studio" data-tab={tab}>
      <Header />
      {open ? (
        <Suspense fallback={<main aria-busy />}>
          <Workspace />
        </Suspense>
      ) : (
        <Welcome />
      )}
      <StatusBar />
      <TaskPanel />
      <Messages />
      <DropVeil />
    </div>
  );
}
