/** Confusion matrix on a canvas: labels down, predictions across; the pointer and the arrow keys tell each cell. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react';
import type { Classification } from '#studio/jobs.ts';
import { useSize } from '#ui/parts/use-size.ts';
import { formatShare } from '#ui/state/units.ts';
import { clipMiddle } from '#ui/state/table/short-names.ts';
import { useInk, type Ink } from './canvas.ts';
import { involvedClasses } from './confusion.ts';

interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Names and counts are written where a cell leaves room for them. */
const NAMED_CELL_PX = 13;
const COUNTED_CELL_PX = 19;
const NAME_PX = 84;

export function ConfusionMatrix({ classification }: { readonly classification: Classification }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const ink = useInk();
  const [over, setOver] = useState<Cell | null>(null);
  const matrix = useMemo(() => involvedClasses(classification), [classification]);
  const { names, counts } = matrix;
  const count = names.length;
  const margin = size.width / Math.max(1, count + 5) >= NAMED_CELL_PX ? Math.min(NAME_PX, size.width * 0.22) : 12;
  const cell = Math.max(0, Math.min(36, (size.width - margin - 1) / Math.max(1, count)));
  useEffect(() => {
    if (canvas.current !== null && ink !== null && cell > 0) {
      draw(canvas.current, matrix.names, matrix.counts, { margin, cell, over, ink });
    }
  }, [matrix, margin, cell, over, ink]);
  const cellAt = (event: MouseEvent<HTMLCanvasElement>): Cell | null => {
    const frame = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - frame.left - margin) / cell);
    const row = Math.floor((event.clientY - frame.top - margin) / cell);
    return row >= 0 && column >= 0 && row < count && column < count ? { row, column } : null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const from = over ?? { row: 0, column: 0 };
    const clamp = (at: number) => Math.max(0, Math.min(count - 1, at));
    setOver(over === null ? from : { row: clamp(from.row + move.row), column: clamp(from.column + move.column) });
  };
  return (
    <>
      <div
        ref={box}
        className="confusion"
        tabIndex={0}
        role="application"
        aria-label="Confusion matrix, arrow keys move"
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Confusion matrix of ${count} classes`}
          onMouseMove={(event) => setOver(cellAt(event))}
          onMouseLeave={() => setOver(null)}
        />
      </div>
      <p className="confusion-says" role="status">
        {over === null ? (
          <span className="dim">
            {count < classification.classes ? `${count} of ${classification.classes} classes occur. ` : ''}
            Point at a cell to read it.
          </span>
        ) : (
          <Said names={names} counts={counts} at={over} />
        )}
      </p>
    </>
  );
}

const MOVES: Readonly<Record<string, Cell>> = {
  ArrowUp: { row: -1, column: 0 },
  ArrowDown: { row: 1, column: 0 },
  ArrowLeft: { row: 0, column: -1 },
  ArrowRight: { row: 0, column: 1 },
};

function Said({
  names,
  counts,
  at,
}: {
  readonly names: readonly string[];
  readonly counts: readonly (readonly number[])[];
  readonly at: Cell;
}) {
  const hits = counts[at.row]?.[at.column] ?? 0;
  const of = counts[at.row]?.reduce((sum, value) => sum + value, 0) ?? 0;
  return (
    <>
      Labelled <b>{names[at.row]}</b>, predicted <b>{names[at.column]}</b>: {hits} of {of}
      {of === 0 ? '' : ` (${formatShare(hits / of)})`}
    </>
  );
}

interface Drawing {
  readonly margin: number;
  readonly cell: number;
  readonly over: Cell | null;
  readonly ink: Ink;
}

function draw(
  canvas: HTMLCanvasElement,
  names: readonly string[],
  counts: readonly (readonly number[])[],
  { margin, cell, over, ink }: Drawing,
): void {
  const ratio = devicePixelRatio || 1;
  const side = margin + cell * names.length + 1;
  canvas.style.width = `${side}px`;
  canvas.style.height = `${side}px`;
  canvas.width = Math.round(side * ratio);
  canvas.height = Math.round(side * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const gap = cell > 6 ? 1 : 0;
  for (const [row, line] of counts.entries()) {
    const of = line.reduce((sum, value) => sum + value, 0);
    for (const [column, count] of line.entries()) {
      const x = margin + column * cell;
      const y = margin + row * cell;
      context.globalAlpha = 1;
      context.fillStyle = ink.line;
      if (count === 0 || of === 0) {
        context.globalAlpha = 0.35;
        context.fillRect(x, y, cell - gap, cell - gap);
        continue;
      }
      // Right answers in the accent's colour, wrong ones in that of errors; the root lets single mistakes be seen.
      context.fillStyle = row === column ? ink.accent : ink.bad;
      context.globalAlpha = 0.15 + 0.85 * Math.sqrt(count / of);
      context.fillRect(x, y, cell - gap, cell - gap);
      if (cell >= COUNTED_CELL_PX) {
        context.globalAlpha = 1;
        context.fillStyle = count / of > 0.35 ? ink.panel : ink.text;
        context.textAlign = 'center';
        context.fillText(String(count), x + cell / 2 - gap / 2, y + cell / 2 + 0.5, cell - 2);
      }
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = ink.faint;
  if (cell >= NAMED_CELL_PX) drawNames(context, names, margin, cell);
  if (over !== null) {
    context.strokeStyle = ink.text;
    context.lineWidth = 2;
    context.strokeRect(margin + over.column * cell, margin + over.row * cell, cell - gap, cell - gap);
  }
}

function drawNames(context: CanvasRenderingContext2D, names: readonly string[], margin: number, cell: number): void {
  for (const [at, name] of names.entries()) {
    const middle = margin + (at + 0.5) * cell;
    context.textAlign = 'right';
    context.fillText(clipMiddle(name, 13), margin - 5, middle, margin - 6);
    context.save();
    context.translate(middle, margin - 5);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'left';
    context.fillText(clipMiddle(name, 13), 0, 0, margin - 6);
    context.restore();
  }
}
