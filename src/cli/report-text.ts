/** What a recipe did, for people at a terminal. */
import type { LedgerEntry } from '#passes/pass.ts';
import type { LayerResult, Report } from '#recipes/report.ts';
import type { Terminal } from './command.ts';
import { bytesText, decibelText, shareText, tableLines } from './table.ts';

export function printReport(report: Report, withLayers: boolean, terminal: Terminal): void {
  const { before, after } = report;
  const rows = [
    [
      'file',
      bytesText(before.fileBytes.value),
      bytesText(after.fileBytes.value),
      ratio(before.fileBytes.value, after.fileBytes.value),
    ],
    [
      'weights',
      bytesText(before.weightBytes.value),
      bytesText(after.weightBytes.value),
      ratio(before.weightBytes.value, after.weightBytes.value),
    ],
  ];
  const right = 'right' as const;
  const head = [
    { title: '' },
    { title: 'before', align: right },
    { title: 'after', align: right },
    { title: 'share', align: right },
  ];
  for (const line of tableLines(head, rows)) terminal.out(line);
  if (after.weightSqnr !== undefined)
    terminal.out(`weight SQNR ${decibelText(after.weightSqnr.value)} (${after.weightSqnr.method})`);
  for (const step of report.steps) {
    terminal.out(`${step.pass}: ${stepText(step.ledger, step.added, step.removed)}`);
    for (const [reason, count] of reasonsOf(step.ledger)) terminal.out(`  ${count} left alone: ${reason}`);
  }
  if (withLayers) printLayers(report.layers, terminal);
}

function stepText(ledger: readonly LedgerEntry[], added: number, removed: number): string {
  const changed = ledger.filter((entry) => entry.action === 'changed').length;
  const parts = [`${changed} changed`];
  if (added > 0) parts.push(`${added} nodes added`);
  if (removed > 0) parts.push(`${removed} nodes removed`);
  return parts.join(', ');
}

/** Reasons with how often each was given, most frequent first; one entry's own sentence stands for its kind. */
function reasonsOf(ledger: readonly LedgerEntry[]): [reason: string, count: number][] {
  const kinds = new Map<string, { readonly text: string; count: number }>();
  for (const entry of ledger) {
    if (entry.action !== 'left') continue;
    const kind = kinds.get(entry.code);
    if (kind === undefined) kinds.set(entry.code, { text: entry.text, count: 1 });
    else kind.count++;
  }
  return [...kinds]
    .map(([code, { text, count }]): [string, number] => [`${code} (${count > 1 ? 'such as: ' : ''}${text})`, count])
    .toSorted((a, b) => b[1] - a[1]);
}

function printLayers(layers: readonly LayerResult[], terminal: Terminal): void {
  const rows = layers
    .filter((layer) => layer.parameters > 0)
    .map((layer) => [
      layer.layer,
      layer.op,
      bytesText(layer.bytesBefore),
      bytesText(layer.bytesAfter),
      layer.bits === null ? '' : String(layer.bits),
      layer.error === null ? '' : decibelText(layer.error.sqnrDb),
      layer.sparsity === null ? '' : shareText(layer.sparsity),
      layer.skipped ?? layer.granularity ?? '',
    ]);
  const right = 'right' as const;
  const columns = [
    { title: 'layer', maxWidth: 44 },
    { title: 'operator' },
    { title: 'before', align: right },
    { title: 'after', align: right },
    { title: 'bits', align: right },
    { title: 'SQNR', align: right },
    { title: 'zeros', align: right },
    { title: 'how, or why not', maxWidth: 100 },
  ];
  terminal.out('');
  for (const line of tableLines(columns, rows)) terminal.out(line);
}

function ratio(before: number, after: number): string {
  return before === 0 ? '' : shareText(after / before);
}
