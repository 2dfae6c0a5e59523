/** What the canvas charts share: colours out of the style sheet, axes, and a chart that follows its box. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import uPlot from 'uplot';

export interface Ink {
  readonly text: string;
  readonly panel: string;
  readonly line: string;
  readonly strong: string;
  readonly accent: string;
  readonly before: string;
  readonly warn: string;
  readonly bad: string;
  readonly faint: string;
}

/** Canvas knows no variables: the colours are read once and again when light and dark change. */
export function useInk(): Ink | null {
  const [ink, setInk] = useState<Ink | null>(null);
  useEffect(() => {
    const read = () => setInk(readInk());
    read();
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributeFilter: ['data-mantine-color-scheme'] });
    return () => observer.disconnect();
  }, []);
  return ink;
}

function readInk(): Ink {
  const probe = document.createElement('span');
  // With a transition, however short, the colour read back would still be the one before.
  probe.style.setProperty('transition', 'none', 'important');
  document.body.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const ink = {
    text: colour('--text'),
    panel: colour('--panel'),
    line: colour('--line'),
    strong: colour('--line-strong'),
    accent: colour('--accent'),
    before: colour('--before'),
    warn: colour('--warn'),
    bad: colour('--bad'),
    faint: colour('--faint'),
  };
  probe.remove();
  return ink;
}

const FONT = '11px system-ui, sans-serif';

export function axis(ink: Ink, label: string, parts: Partial<uPlot.Axis>): uPlot.Axis {
  return {
    stroke: ink.faint,
    font: FONT,
    label,
    labelFont: FONT,
    labelSize: 16,
    labelGap: 0,
    gap: 4,
    grid: { stroke: ink.line, width: 1 },
    ticks: { show: false },
    border: { show: false },
    ...parts,
  };
}

/** Draws into a box and draws again when the box or the options change. Options must be stable between changes. */
export function usePlot(
  box: RefObject<HTMLDivElement | null>,
  options: Omit<uPlot.Options, 'width' | 'height'> | null,
  data: uPlot.AlignedData,
): RefObject<uPlot | null> {
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null || options === null) return undefined;
    const made = new uPlot({ ...options, width: element.clientWidth, height: element.clientHeight }, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [box, options, data]);
  return plot;
}
