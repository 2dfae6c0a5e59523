/**
 * Unstructured magnitude pruning: the weights of smallest magnitude become zero, a share of each layer or a share of all
 * layers together (Han et al. 2015, "Learning both weights and connections for efficient neural networks").
 */
import { z } from 'zod';
import { checkCancelled, PareError } from '#base/failure.ts';
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import { onWideWeights } from '#passes/half-weights.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';
import { findTargets, left, sharedLines, type Target } from '#passes/targets.ts';
import { minimumElements, writePruned } from './write-pruned.ts';

export const magnitudeOptions = z.strictObject({
  sparsity: z.number().min(0).max(0.95).default(0.5).meta({
    title: 'Sparsity',
    description: 'Share of the weights that become zero.',
    unit: '1',
  }),
  budget: z.enum(['layer', 'global']).default('layer').meta({
    title: 'Budget',
    description:
      'layer: each layer loses the same share. global: one threshold for all layers, so layers with many small weights lose more.',
  }),
  minimumElements,
});

export type MagnitudeOptions = z.infer<typeof magnitudeOptions>;

export const pruneMagnitude: Pass<MagnitudeOptions> = {
  name: 'prune/magnitude',
  title: 'Prune by magnitude',
  summary: 'Sets the weights of smallest magnitude to zero, by layer or over the whole model.',
  keeps: 'accuracy',
  options: magnitudeOptions,
  after: ['simplify/fold-constants', 'fuse/batch-norm'],
  run: onWideWeights(run),
};

interface Job {
  readonly target: Target;
  readonly options: MagnitudeOptions;
  readonly data: Float32Array;
}

/** Every weight below `threshold` goes, and of those equal to it the first `ties`. */
interface Cut {
  readonly threshold: number;
  readonly ties: number;
}

async function run(edit: Editor, options: MagnitudeOptions, desk: Desk): Promise<PassResult> {
  const found = findTargets(edit, desk);
  const ledger: LedgerEntry[] = [...found.ledger];
  const jobs: Job[] = [];
  for (const target of found.targets) {
    const job = await prepare(target, desk.optionsFor(target.node.name, options), desk);
    if ('data' in job) jobs.push(job);
    else ledger.push(...job);
  }
  const together = jobs.filter((job) => job.options.budget === 'global');
  const cuts = await globalCuts(together, options.sparsity, desk);
  for (const [index, job] of jobs.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Pruning ${job.target.node.name}`, done: index, of: jobs.length });
    const cut = cuts.get(job) ?? (await cutFor(job.data, job.options.sparsity, desk));
    const pruned = await desk.kernels.pruneBelow(job.data, cut.threshold, cut.ties);
    const how = job.options.budget === 'global' ? 'One threshold over all layers.' : 'The smallest of the layer.';
    ledger.push(...(await writePruned(edit, desk, job.target, pruned, 'pruned', how)));
  }
  return { ledger, notices: [] };
}

async function prepare(target: Target, options: MagnitudeOptions, desk: Desk): Promise<Job | readonly LedgerEntry[]> {
  const refuse = (code: string, text: string): readonly LedgerEntry[] => [
    left(target, code, text),
    ...sharedLines(target, 'left'),
  ];
  const count = countOf(target.tensor.shape);
  if (count < options.minimumElements) {
    return refuse(
      'too-small',
      `Its weight has ${String(count)} elements, fewer than the ${String(options.minimumElements)} asked for; a lower "Smallest weight" would include it.`,
    );
  }
  try {
    return { target, options, data: await desk.floats(target.tensor) };
  } catch (error) {
    if (error instanceof PareError) return refuse('not-finite', error.message);
    throw error;
  }
}

/** The cut that leaves `sparsity` of these weights zero. */
async function cutFor(data: Float32Array, sparsity: number, desk: Desk): Promise<Cut> {
  const zeros = Math.round(data.length * sparsity);
  if (zeros === 0) return { threshold: 0, ties: 0 };
  const threshold = await desk.kernels.selectMagnitude(data, Math.min(zeros, data.length - 1));
  return { threshold, ties: zeros - countBelow(data, threshold) };
}

/** One threshold over all weights; ties at it are taken layer by layer in order. */
async function globalCuts(jobs: readonly Job[], sparsity: number, desk: Desk): Promise<ReadonlyMap<Job, Cut>> {
  const cuts = new Map<Job, Cut>();
  const count = jobs.reduce((sum, job) => sum + job.data.length, 0);
  if (count === 0) return cuts;
  const all = desk.backend.allocate(count);
  let at = 0;
  for (const job of jobs) {
    all.set(job.data, at);
    at += job.data.length;
  }
  const { threshold, ties } = await cutFor(all, sparsity, desk);
  desk.backend.release(all);
  let rest = ties;
  for (const job of jobs) {
    const own = Math.min(rest, countEqual(job.data, threshold));
    cuts.set(job, { threshold, ties: own });
    rest -= own;
  }
  return cuts;
}

function countBelow(data: Float32Array, threshold: number): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (Math.abs(data[i]!) < threshold) count++;
  return count;
}

function countEqual(data: Float32Array, magnitude: number): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (Math.abs(data[i]!) === magnitude) count++;
  return count;
}
