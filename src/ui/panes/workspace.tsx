/** The workspace around an open model; its code loads once there is one. */
import { useNarrow } from '#ui/parts/use-narrow.ts';
import { useStudio, type CentreView, type PhoneTab } from '#ui/state/store.ts';
import { CentrePane } from './centre-pane.tsx';
import { ChartsPane } from './charts-pane.tsx';
import { DropQuestion } from './drop-question.tsx';
import { ModelsPane } from './models-pane.tsx';
import { PhoneTabs } from './phone-tabs.tsx';
import { RecipePane } from './recipe/recipe-pane.tsx';
import { SummaryStrip } from './summary-strip.tsx';

/** Tabs of a phone that show the centre. */
const CENTRE_TABS: ReadonlySet<PhoneTab> = new Set(['data', 'layers', 'result']);

/** Views that take the room of the charts: they have pictures of their own. */
const ALONE: ReadonlySet<CentreView> = new Set(['data', 'compare']);

export function Workspace() {
  const view = useStudio((studio) => studio.looks.view);
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
        <div className="middle" data-view={view}>
          <SummaryStrip />
          {!narrow || CENTRE_TABS.has(tab) ? <CentrePane /> : null}
          {(narrow ? tab === 'charts' : !ALONE.has(view)) ? <ChartsPane /> : null}
        </div>
      </main>
      <PhoneTabs />
      <DropQuestion />
    </>
  );
}
