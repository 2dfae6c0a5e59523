/** What happened to each layer, in sentences. */
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import type { ErrorSums } from '#kernels/kernels.ts';
import type { LedgerEntry, WeightOutcome } from '#passes/pass.ts';
import { conventionOf } from './apply.ts';
import { storedBytes, type ConstantPlan } from './constants.ts';
import type { StaticOptions } from './options.ts';
import type { StaticPlan } from './plan.ts';

export interface MeasuredConstant {
  readonly plan: ConstantPlan;
  readonly error: ErrorSums;
  readonly bytesBefore: number;
}

/** One line for a layer that was left, one for each weight of a changed one, or one for what it does without weights. */
export function linesFor(
  edit: Editor,
  node: Node,
  plan: StaticPlan,
  measured: readonly MeasuredConstant[],
  options: StaticOptions,
): readonly LedgerEntry[] {
  const left = plan.left.get(node);
  if (left !== undefined) return [{ layer: node.name, action: 'left', ...left }];
  const weights = measured.filter(({ plan: constant }) => constant.readers[0] === node);
  if (weights.length > 0) return weights.map((weight) => weightLine(node, weight, options));
  const shared = measured.find(({ plan: constant }) => constant.readers.includes(node));
  if (shared !== undefined) {
    const owner = shared.plan.readers[0]?.name ?? '';
    return [
      line(
        node,
        'shared',
        `Computed in integers. Shares "${shared.plan.name}" with ${owner}, where the figures stand.`,
        shared.plan.name,
      ),
    ];
  }
  if (plan.folds.some((fold) => fold.node === node)) {
    const maker = edit.producer(node.inputs[0]!);
    const before = maker === undefined ? 'the layer before it' : `${maker.op} "${maker.name}"`;
    return [line(node, 'folded', `Removed: the range of ${before} already cuts off what ${node.op} would.`)];
  }
  const makes = (id: ValueId): boolean => plan.activations.has(id) || plan.folds.some(({ from }) => from === id);
  const rounded = plan.activations.size === 0 || node.outputs.some((id) => id !== null && makes(id));
  if (!rounded && node.op !== 'Gemm' && node.op !== 'MatMul') {
    return [
      {
        layer: node.name,
        action: 'left',
        code: 'input-not-quantized',
        text: 'Nothing before it is quantized, so it stays float.',
      },
    ];
  }
  const keeps = node.outputs.some((id) => id !== null && plan.activations.get(id)?.like !== undefined);
  return [
    keeps
      ? line(node, 'moved', 'Integers go through it: its output keeps the grid of its input.')
      : line(node, 'rounded', `What it reads and makes is rounded to ${options.activations}.`),
  ];
}

function line(node: Node, code: string, text: string, weight?: string): LedgerEntry {
  return { layer: node.name, action: 'changed', code, text, ...(weight === undefined ? {} : { weight }) };
}

function weightLine(node: Node, { plan, error, bytesBefore }: MeasuredConstant, options: StaticOptions): LedgerEntry {
  const { grouping } = plan;
  const outcome: WeightOutcome = {
    value: plan.value,
    bits: plan.type.endsWith('16') ? 16 : 8,
    bytesBefore,
    bytesAfter: storedBytes(plan),
    error,
    granularity: grouping.granularity,
    convention: conventionOf(plan),
    ...(grouping.axis === undefined ? {} : { axis: grouping.axis }),
  };
  const what = plan.kind === 'weight' ? 'weights' : 'a stored operand';
  const text = `Computed from ${what} of ${outcome.convention} per ${grouping.granularity} and activations of ${options.activations}.`;
  return { ...line(node, 'quantized', text, plan.name), outcome };
}
