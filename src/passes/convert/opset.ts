/**
 * Raises the default operator set of a model, so that newer operators (4-bit and blocked weights) may be used in it.
 *
 * Given
 *   model "m" opset onnx 11 ir 6
 *   %y = Squeeze(%x) {axes: ints[1]} @squeeze
 *
 * Result
 *   model "m" opset onnx 21 ir 10
 *   %squeeze_axes: i64[1] = const [1]
 *   %y = Squeeze(%x, %squeeze_axes) @squeeze
 */
import { z } from 'zod';
import { countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Value, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { Call } from '#ops/call.ts';
import { decode, denseOf, encode, type Dense } from '#ops/dense.ts';
import { inferShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import type { LedgerEntry, Pass } from '#passes/pass.ts';
import { ADAPTERS } from './opset-adapters.ts';
import { UNCHANGED } from './opset-unchanged.ts';
import type { Adapter, Crossing, Plan } from './opset-plan.ts';

/** Versions between which every change is known here. */
const OLDEST = 7;
const NEWEST = 25;

/** Lowest IR version that an operator set may be used with, by version (ONNX `docs/Versioning.md`). */
const IR_VERSIONS: readonly number[] = [
  3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13,
];

/** The lowest IR version for an operator set of the default domain. */
export function irVersionFor(opset: number): number {
  return IR_VERSIONS[opset] ?? 13;
}

/**
 * Raises the default domain to `target` unless it is there already; what every node computes stays the same. Nothing is
 * edited when a node has no safe path: the error names it.
 *
 * @returns one entry for each node that had to be rewritten
 * @throws PareError `opset/no-path` or `opset/out-of-range`
 */
export async function raiseOpset(edit: Editor, target: number, store: WeightStore): Promise<readonly LedgerEntry[]> {
  const from = opsetOf(edit.model.opsets, '');
  if (from >= target) return [];
  const { file } = edit.model.source;
  if (from < OLDEST || target > NEWEST) {
    throw new PareError({
      code: 'opset/out-of-range',
      file,
      problem: `Operator set ${String(from)} cannot be raised to ${String(target)}: changes are known from ${String(OLDEST)} to ${String(NEWEST)}.`,
      hint: 'Export the model again with a newer operator set.',
    });
  }
  const raise = new Raise(edit, from, target, store);
  const plans = await raise.plan();
  for (const { plan } of plans) plan.apply();
  const name = edit.model.opsets.has('ai.onnx') ? 'ai.onnx' : '';
  edit.setOpset(name, target);
  if (edit.model.irVersion < 4) closeConstantInputs(edit);
  edit.setIrVersion(Math.max(edit.model.irVersion, irVersionFor(target)));
  return plans.map(({ node, plan }) => ({
    layer: node.name,
    action: 'changed',
    code: 'opset-adapted',
    text: `${node.op} was carried from operator set ${String(from)} to ${String(target)}: ${plan.text}`,
  }));
}

/** Before IR 4 every initializer had to be an input; from 4 on that would mean that callers may override it. */
function closeConstantInputs(edit: Editor): void {
  const { graph } = edit;
  for (const id of graph.inputs) if (edit.value(id).constant !== undefined) edit.closeInput(id);
}

interface PlannedEdit {
  readonly node: Node;
  readonly plan: Exclude<Plan, null | { readonly refuse: string }>;
}

class Raise {
  readonly #edit: Editor;
  readonly #from: number;
  readonly #to: number;
  readonly #store: WeightStore;
  /** Types of all values, inferred once an adapter asks for one that the model does not state. */
  #types: ReadonlyMap<ValueId, Value> | undefined;

  constructor(edit: Editor, from: number, to: number, store: WeightStore) {
    this.#edit = edit;
    this.#from = from;
    this.#to = to;
    this.#store = store;
  }

  async plan(): Promise<readonly PlannedEdit[]> {
    const planned: PlannedEdit[] = [];
    for (const node of this.#edit.nodes()) {
      if (node.domain !== '' && node.domain !== 'ai.onnx') continue;
      const adapter = ADAPTERS.get(node.op);
      if (adapter === undefined) {
        if (UNCHANGED.has(node.op)) continue;
        throw this.#refusal(node, `what changed in the operator ${node.op} is not known`);
      }
      const plan = adapter.plan(await this.#crossing(node, adapter));
      if (plan === null) continue;
      if ('refuse' in plan) throw this.#refusal(node, plan.refuse);
      planned.push({ node, plan });
    }
    return planned;
  }

  #refusal(node: Node, reason: string): PareError {
    return new PareError({
      code: 'opset/no-path',
      file: this.#edit.model.source.file,
      place: `layer ${node.name} (${node.op})`,
      problem: `The model cannot be raised from operator set ${String(this.#from)} to ${String(this.#to)}: ${reason}.`,
      hint: 'Choose settings that need no newer operator set (8 bits per tensor or per channel), or export the model again.',
    });
  }

  async #crossing(node: Node, adapter: Adapter): Promise<Crossing> {
    this.#types ??= allValues((await inferShapes(this.#edit.model, this.#store)).graph);
    const types = this.#types;
    const values = new Map<number, Dense>();
    for (const input of adapter.reads ?? []) {
      const tensor = this.#edit.constantOf(node.inputs[input]);
      const dense =
        tensor === undefined ? undefined : decode(tensor.dtype, tensor.shape, await this.#store.read(tensor));
      if (dense !== undefined) values.set(input, dense);
    }
    const valueOf = (input: number): Value | undefined => {
      const id = node.inputs[input] ?? null;
      return id === null ? undefined : types.get(id);
    };
    const edit = this.#edit;
    const [from, to] = [this.#from, this.#to];
    const store = this.#store;
    return {
      edit,
      node,
      call: new Call(node, from, []),
      from,
      to,
      crosses: (version) => from < version && version <= to,
      dtype: (input) => valueOf(input)?.dtype ?? null,
      shape: (input) => valueOf(input)?.shape ?? null,
      values: (input) => values.get(input),
      isUsed: (output) => {
        const id = node.outputs[output] ?? null;
        return id !== null && (edit.isOutput(id) || edit.users(id).length > 0);
      },
      constant: (name, dtype, shape, elements) => {
        const dense = denseOf(dtype, shape, elements);
        if (dense === undefined || dense.data.length !== countOf(shape))
          throw new Error(`no constant of type ${dtype}`);
        return edit.addConstant(name, store.put(dtype, shape, encode(dense)), undefined, edit.pathOf(node));
      },
    };
  }
}

const options = z.strictObject({
  target: z.number().int().min(13).max(NEWEST).default(21).meta({
    title: 'Operator set',
    description: 'Version of the ONNX operator set that the model should use. 21 allows 4-bit and blocked weights.',
  }),
});

export const convertOpset: Pass<z.infer<typeof options>> = {
  name: 'convert/opset',
  title: 'Raise operator set',
  summary: 'Carries every operator to a newer ONNX operator set without changing what it computes.',
  keeps: 'values',
  options,
  async run(edit, { target }, desk) {
    const from = opsetOf(edit.model.opsets, '');
    if (from >= target) {
      const text = `The model uses operator set ${String(from)} already; it is never lowered.`;
      return { ledger: [{ layer: '', action: 'left', code: 'new-enough', text }], notices: [] };
    }
    const ledger = await raiseOpset(edit, target, desk.weights);
    const text = `Raised from operator set ${String(from)} to ${String(target)}.`;
    return { ledger: [{ layer: '', action: 'changed', code: 'opset-raised', text }, ...ledger], notices: [] };
  },
};
