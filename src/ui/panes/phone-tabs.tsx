/** On a phone the panes take turns; these tabs say whose turn it is. */
import {
  IconAdjustments,
  IconBox,
  IconChartBar,
  IconDatabase,
  IconListDetails,
  IconPackageExport,
} from '@tabler/icons-react';
import { changeLooks, useStudio, type PhoneTab } from '#ui/state/store.ts';

const TABS = [
  { tab: 'models', label: 'Models', icon: IconBox },
  { tab: 'data', label: 'Data', icon: IconDatabase },
  { tab: 'recipe', label: 'Recipe', icon: IconAdjustments },
  { tab: 'layers', label: 'Layers', icon: IconListDetails },
  { tab: 'charts', label: 'Charts', icon: IconChartBar },
  { tab: 'result', label: 'Result', icon: IconPackageExport },
] as const;

export function PhoneTabs() {
  const tab = useStudio((studio) => studio.looks.phoneTab);
  const show = (next: PhoneTab) => {
    changeLooks({
      phoneTab: next,
      ...(next === 'result' || next === 'data' ? { view: next } : {}),
      ...(next === 'layers' ? { view: 'layers', inspecting: false } : {}),
    });
  };
  return (
    <div className="phone-tabs" role="tablist" aria-label="Panes">
      {TABS.map(({ tab: name, label, icon: Glyph }) => (
        <button key={name} type="button" role="tab" aria-selected={tab === name} onClick={() => show(name)}>
          <Glyph size={20} stroke={1.6} aria-hidden />
          {label}
        </button>
      ))}
    </div>
  );
}
