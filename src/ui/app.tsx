/** The frame of the studio: which pane lies where, and the keys that work everywhere. */
import { ChartsPane } from './panes/charts-pane.tsx';
import { CentrePane } from './panes/centre-pane.tsx';
import { DropVeil } from './panes/drop-veil.tsx';
import { Header } from './panes/header.tsx';
import { Messages } from './panes/messages.tsx';
import { ModelsPane } from './panes/models-pane.tsx';
import { PhoneTabs } from './panes/phone-tabs.tsx';
import { RecipePane } from './panes/recipe/recipe-pane.tsx';
import { StatusBar } from './panes/status-bar.tsx';
import { SummaryStrip } from './panes/summary-strip.tsx';
import { TaskPanel } from './panes/task-panel.tsx';
import { Welcome } from './panes/welcome.tsx';
import { useNarrow } from './parts/use-narrow.ts';
import { useShortcuts } from './parts/use-shortcuts.ts';
import { useStudio } from './state/store.ts';

export function App() {
  useShortcuts();
  const tab = useStudio((studio) => studio.looks.phoneTab);
  const open = useStudio((studio) => studio.models.length > 0);
  // On a phone the panes take turns, and charts cannot be drawn into a box that is not shown.
  const narrow = useNarrow();
  const charts = !narrow || tab === 'charts';
  const centre = !narrow || tab === 'layers' || tab === 'result';
  return (
    <div className="studio" data-tab={tab}>
      <Header />
      {open ? (
        <main className="work">
          <div className="left">
            <ModelsPane />
            <RecipePane />
          </div>
          <div className="middle">
            <SummaryStrip />
            {centre ? <CentrePane /> : null}
            {charts ? <ChartsPane /> : null}
          </div>
        </main>
      ) : (
        <Welcome />
      )}
      {open ? <PhoneTabs /> : null}
      <StatusBar />
      <TaskPanel />
      <Messages />
      <DropVeil />
    </div>
  );
}
