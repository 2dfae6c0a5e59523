/** The workspace around an open model; its code loads once there is one. */
import { useNarrow } from '#ui/parts/use-narrow.ts';
import { useStudio } from '#ui/state/store.ts';
import { CentrePane } from './centre-pane.tsx';
import { ChartsPane } from './charts-pane.tsx';
import { ModelsPane } from './models-pane.tsx';
import { PhoneTabs } from './phone-tabs.tsx';
import { RecipePane } from './recipe/recipe-pane.tsx';
import { SummaryStrip } from './summary-strip.tsx';

export function Workspace() {
  const tab = useStudio((studio) => studio.looks.phoneTab);
  // On a phone the panes take turns, and charts cannot be drawn into a box that is not shown.
  const narrow = useNarrow();
  return (
    <>
      <main className="work">
        <div className="left">
          <ModelsPane />
          <RecipePane />
        </div>
        <div className="middle">
          <SummaryStrip />
          {!narrow || tab === 'layers' || tab === 'result' ? <CentrePane /> : null}
          {!narrow || tab === 'charts' ? <ChartsPane /> : null}
        </div>
      </main>
      <PhoneTabs />
    </>
  );
}
