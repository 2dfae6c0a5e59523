/**
 * N:M structured sparsity: of every M consecutive weights that a sum runs over, only the N of largest magnitude stay
 * (Mishra et al. 2021, "Accelerating sparse deep neural networks", section 3). Groups run along the input channels at a fixed
 * place of the kernel, which is the layout that sparse matrix units take.
 */
import { z } from 'zod';
import { checkCancelled, PareError } from '#base/failure.ts';
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import { onWideWeights } from '#passes/half-weights.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';
import { groupBlocks, groupChannels, toRows, toTensor, type Grouping } from '#passes/quantize/granularity.ts';
import { findTargets, left, sharedLines, type Target } from '#passes/targets.ts';
import { minimumElements, writePruned, type Pruned } from './write-pruned.ts';

export const nmOptions = z.strictObject({
  pattern: z.enum(['2:4', '1:2', '1:4', '3:4', '2:8', '4:8']).default('2:4').meta({
    title: 'Pattern',
    description: 'How many weights stay of each group: 2:4 keeps the two largest of every four.',
  }),
  minimumElements,
});

export type NMOptions = z.infer<typeof nmOptions>;

export const pruneNM: Pass<NMOptions> = {
  name: 'prune/n-m',
  title: 'Prune N of M',
  summary: 'Keeps the N largest of every M weights along the input channels and sets the others to zero.',
  keeps: 'accuracy',
  options: nmOptions,
  after: ['simplify/fold-constants', 'fuse/batch-norm'],
  run: onWideWeights(run),
};

interface Plan {
  readonly target: Target;
  readonly grouping: Grouping;
  readonly n: number;
  readonly m: number;
  readonly along: string;
  /** Where groups could not run along the channels. */
  readonly flattened: boolean;
}

async function run(edit: Editor, options: NMOptions, desk: Desk): Promise<PassResult> {
  const found = findTargets(edit, desk);
  const ledger: LedgerEntry[] = [...found.ledger];
  const plans: Plan[] = [];
  for (const target of found.targets) {
    const plan = planGroups(target, desk.optionsFor(target.node.name, options));
    if ('grouping' in plan) plans.push(plan);
    else ledger.push(left(target, plan.code, plan.text), ...sharedLines(target, 'left'));
  }
  for (const [index, plan] of plans.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Pruning ${plan.target.node.name}`, done: index, of: plans.length });
    try {
      const pruned = await prune(plan, desk);
      const how = `${String(plan.n)} of every ${String(plan.m)} weights stay ${plan.along}.`;
      const code = plan.flattened ? 'pruned-flattened' : 'pruned';
      ledger.push(...(await writePruned(edit, desk, plan.target, pruned, code, how)));
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
      ledger.push(left(plan.target, 'not-finite', error.message), ...sharedLines(plan.target, 'left'));
    }
  }
  return { ledger, notices: [] };
}

function planGroups(target: Target, options: NMOptions): Plan | { readonly code: string; readonly text: string } {
  const { shape } = target.tensor;
  const { axis, sumAxis, table } = target.role;
  const count = countOf(shape);
  const [n = 2, m = 4] = options.pattern.split(':').map(Number);
  if (count < options.minimumElements) {
    return {
      code: 'too-small',
      text: `Its weight has ${String(count)} elements, fewer than the ${String(options.minimumElements)} asked for; a lower "Smallest weight" would include it.`,
    };
  }
  if (table || sumAxis === null) {
    return { code: 'no-sum', text: 'Its rows are looked up, not summed over, so N of M has no meaning for it.' };
  }
  const length = shape[sumAxis]!;
  if (length % m === 0) {
    const along = `along axis ${String(sumAxis)} (${String(length)} weights a sum)`;
    return { target, grouping: groupBlocks(shape, sumAxis, length), n, m, along, flattened: false };
  }
  const flat = axis === 0 ? count / shape[0]! : length;
  if (axis === 0 && sumAxis === 1 && shape.length > 2 && flat % m === 0) {
    const along = `along channels and kernel together (${String(flat)} weights), since ${String(length)} input channels do not divide by ${String(m)}`;
    return { target, grouping: groupChannels(shape, 0), n, m, along, flattened: true };
  }
  const whole = flat === length ? '' : `, nor do the ${String(flat)} weights of a whole kernel`;
  return {
    code: 'group-does-not-divide',
    text: `Sums run over ${String(length)} weights along axis ${String(sumAxis)}, which do not divide by ${String(m)}${whole}; another pattern may fit.`,
  };
}

async function prune(plan: Plan, desk: Desk): Promise<Pruned> {
  const rows = await toRows(await desk.floats(plan.target.tensor), plan.grouping, desk.kernels);
  const { data, error } = await desk.kernels.pruneNM(rows, plan.n, plan.m);
  return { data: toTensor(data, plan.grouping), error };
}
