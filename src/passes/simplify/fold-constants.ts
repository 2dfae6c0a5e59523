/**
 * Computes what is the same in every run: nodes that read constants alone, and integers that follow from known shapes.
 * The result becomes an initializer under the same name.
 *
 * Given
 *   graph main(%x: f32[2, 3]) -> (%y) {
 *     %a: i64[1] = const [3]
 *     %b: i64[1] = Constant() {value: tensor i64[1] [2]} @two
 *     %s: i64[2] = Concat(%a, %b) {axis: 0} @join
 *     %y = Reshape(%x, %s) @y
 *   }
 *
 * Result
 *   graph main(%x: f32[2, 3]) -> (%y) {
 *     %s: i64[2] = const [3, 2]
 *     %y = Reshape(%x, %s) @y
 *   }
 */
import { z } from 'zod';
import { bytesFor, countOf } from '#base/dtype.ts';
import { checkCancelled } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, NodeId, Tensor, ValueId } from '#ir/model.ts';
import { Call } from '#ops/call.ts';
import { decode, encode, type Dense } from '#ops/dense.ts';
import { checkShapes } from '#ops/infer.ts';
import { operatorOf, opsetOf } from '#ops/table.ts';
import type { Operator } from '#ops/operator.ts';
import type { Facts } from '#ops/facts.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';

const options = z.strictObject({
  growthKiB: z.number().min(0).max(1_048_576).default(1).meta({
    title: 'Allowed growth',
    description:
      'A node is left alone when its result would take this much more space than the constants that go with it.',
    unit: 'KiB',
  }),
});

type FoldOptions = z.infer<typeof options>;

/** Results beyond this are not computed here: it would take seconds and the file would gain little. */
const MAX_RESULT_BYTES = 256 * 2 ** 20;

export const foldConstants: Pass<FoldOptions> = {
  name: 'simplify/fold-constants',
  title: 'Fold constants',
  summary: 'Computes nodes whose inputs are all constant and keeps the results instead.',
  keeps: 'values',
  options,
  run: (edit, chosen, desk) => new Folding(edit, chosen, desk).run(),
};

class Folding {
  readonly #edit: Editor;
  readonly #options: FoldOptions;
  readonly #desk: Desk;
  readonly #ledger: LedgerEntry[] = [];
  #integers: ReadonlyMap<ValueId, Dense> = new Map();
  readonly #folds = new Set<NodeId>();
  readonly #going = new Map<ValueId, boolean>();
  /** Taken once: an editor makes a snapshot of the whole model for each look at it. */
  readonly #opsets: ReadonlyMap<string, number>;

  constructor(edit: Editor, chosen: FoldOptions, desk: Desk) {
    this.#edit = edit;
    this.#options = chosen;
    this.#desk = desk;
    this.#opsets = edit.model.opsets;
  }

  async run(): Promise<PassResult> {
    this.#integers = (await checkShapes(this.#edit.model, this.#desk.weights)).integers;
    const nodes = this.#edit.nodes();
    this.#plan(nodes);
    for (const [at, node] of nodes.entries()) {
      checkCancelled(this.#desk.signal);
      if (at % 256 === 0) this.#desk.onProgress?.({ label: 'Folding constants', done: at, of: nodes.length });
      await this.#node(node);
    }
    return { ledger: this.#ledger, notices: [] };
  }

  /** Finds the nodes that will be folded, size aside, so that it is known which constants lose all their readers. */
  #plan(nodes: readonly Node[]): void {
    const made = new Set<ValueId>();
    for (const node of nodes) {
      const row = operatorOf(node.domain, node.op);
      const known = node.outputs.every((id) => id !== null && this.#integers.has(id));
      const fixed = node.inputs.every((id) => id === null || made.has(id) || this.#plain(id) !== undefined);
      if (!known && !(fixed && row?.evaluate !== undefined && row.random !== true)) continue;
      if (node.outputs.some((id) => id !== null && this.#edit.isOutput(id))) continue;
      if (!this.#desk.includes(node.name, node.op)) continue;
      this.#folds.add(node.id);
      for (const id of node.outputs) if (id !== null) made.add(id);
    }
  }

  /** Whether a constant goes from the file because everything that reads it is folded. */
  #goes(id: ValueId | null): boolean {
    if (id === null || this.#edit.isOutput(id)) return false;
    let goes = this.#going.get(id);
    if (goes === undefined) {
      goes = this.#edit.users(id).every((user) => this.#folds.has(user.id));
      this.#going.set(id, goes);
    }
    return goes;
  }

  async #node(node: Node): Promise<void> {
    const row = operatorOf(node.domain, node.op);
    const held = node.op === 'Constant' && node.domain === '' ? node.attrs.get('value') : undefined;
    if (held?.type === 'tensor') {
      if (this.#mayFold(node)) this.#keep(node, [held.value], 'Constant became an initializer.');
      return;
    }
    const followed = node.outputs.map((id) => (id === null ? undefined : this.#integers.get(id)));
    const fromShapes = followed.length > 0 && followed.every((one) => one !== undefined);
    if (!fromShapes && !this.#isConstant(node, row)) return;
    if (!this.#mayFold(node)) return;
    const results = fromShapes ? followed : await this.#evaluate(node, row);
    if (results === undefined) return;
    const tensors = results.map((dense) =>
      dense === undefined ? undefined : this.#desk.weights.put(dense.dtype, dense.shape, encode(dense)),
    );
    this.#keep(
      node,
      tensors,
      fromShapes ? `${node.op} gives the same integers in every run.` : `${node.op} of constants was computed.`,
    );
  }

  #isConstant(node: Node, row: Operator | undefined): boolean {
    if (row?.evaluate === undefined || row.random === true) return false;
    if (node.inputs.every((id) => id === null) && node.op !== 'Constant') return false;
    return node.inputs.every((id) => id === null || this.#plain(id) !== undefined);
  }

  /** The constant behind a value, unless it is stored in quantized form. */
  #plain(id: ValueId): Tensor | undefined {
    return this.#edit.value(id).quantization === undefined ? this.#edit.constantOf(id) : undefined;
  }

  /** Whether the node is in this step and no output of a graph hangs on it; says why not in the ledger. */
  #mayFold(node: Node): boolean {
    if (!this.#desk.includes(node.name, node.op)) {
      this.#left(node, 'excluded', this.#desk.whyNot(node.name, node.op));
      return false;
    }
    if (node.outputs.some((id) => id !== null && this.#edit.isOutput(id))) {
      this.#left(node, 'output', 'Its result is constant, but it is an output of the model and stays a node.');
      return false;
    }
    return true;
  }

  #left(node: Node, code: string, text: string): void {
    this.#ledger.push({ layer: node.name, action: 'left', code, text });
  }

  async #evaluate(node: Node, row: Operator | undefined): Promise<readonly (Dense | undefined)[] | undefined> {
    const tensors = node.inputs.map((id) => (id === null ? undefined : this.#plain(id)));
    const before = node.inputs.reduce((sum, id, at) => sum + (this.#goes(id) ? sizeOf(tensors[at]) : 0), 0);
    const known = this.#call(node, await this.#facts(tensors, row?.shapeInputs ?? []));
    const types = attempted(() => row?.infer(known));
    const after = types?.reduce((sum, one) => {
      const sized = one?.shape?.every((size) => typeof size === 'number') === true && one.dtype !== null;
      return sum + (sized ? bytesFor(one.dtype, countOf(one.shape as readonly number[])) : 0);
    }, 0);
    if (after !== undefined && after - before > this.#options.growthKiB * 1024) {
      const grown = `${String(after)} bytes against ${String(before)}`;
      this.#left(
        node,
        'grows',
        `Its inputs are constant, but the result would be larger (${grown}); a higher "Allowed growth" would fold it.`,
      );
      return undefined;
    }
    if ((after ?? 0) > MAX_RESULT_BYTES || before > MAX_RESULT_BYTES) {
      this.#left(
        node,
        'too-large',
        `Its inputs are constant, but more than ${String(MAX_RESULT_BYTES)} bytes are not folded.`,
      );
      return undefined;
    }
    const facts = await this.#facts(tensors, [...tensors.keys()]);
    const call = this.#call(node, facts, await this.#attribute(node));
    const results = attempted(() => row?.evaluate?.(call));
    const usable = results?.every((one, at) => one !== undefined || (node.outputs[at] ?? null) === null) === true;
    if (usable && results !== undefined && results.length >= node.outputs.length) return results;
    this.#left(node, 'not-covered', `Its inputs are constant, but this case of ${node.op} is not evaluated.`);
    return undefined;
  }

  #call(node: Node, facts: readonly (Facts | undefined)[], tensors?: ReadonlyMap<string, Dense>): Call {
    return new Call(node, opsetOf(this.#opsets, node.domain), facts, tensors);
  }

  /** Types of the constants, with values read for the inputs that are named. */
  async #facts(
    tensors: readonly (Tensor | undefined)[],
    read: readonly number[],
  ): Promise<readonly (Facts | undefined)[]> {
    return Promise.all(
      tensors.map(async (tensor, input): Promise<Facts | undefined> => {
        if (tensor === undefined) return undefined;
        const dense = read.includes(input)
          ? decode(tensor.dtype, tensor.shape, await this.#desk.weights.read(tensor))
          : undefined;
        return { dtype: tensor.dtype, shape: tensor.shape, constant: true, dense };
      }),
    );
  }

  async #attribute(node: Node): Promise<ReadonlyMap<string, Dense> | undefined> {
    const value = node.attrs.get('value');
    if (value?.type !== 'tensor') return undefined;
    const dense = decode(value.value.dtype, value.value.shape, await this.#desk.weights.read(value.value));
    return dense === undefined ? undefined : new Map([['value', dense]]);
  }

  /** Puts the results in place of the node; constants that nobody reads any more go with it. */
  #keep(node: Node, results: readonly (Tensor | undefined)[], text: string): void {
    const read = node.outputs.map((id) => id !== null && this.#edit.users(id).length > 0);
    // While a value has readers, removing its node leaves it without a maker, which is what an initializer is.
    this.#edit.removeNode(node);
    for (const [at, id] of node.outputs.entries()) {
      const tensor = results[at];
      if (id === null || tensor === undefined || read[at] !== true) continue;
      this.#edit.setConstant(id, tensor, undefined, tensor.dtype);
    }
    for (const id of new Set(node.inputs)) {
      if (id === null || this.#edit.isOutput(id) || this.#edit.users(id).length > 0) continue;
      if (this.#edit.producer(id) === undefined && this.#edit.value(id).constant !== undefined)
        this.#edit.removeValue(id);
    }
    this.#ledger.push({ layer: node.name, action: 'changed', code: 'folded', text });
  }
}

/** Rules take a node to be valid; one that is not (a negative size) is left as it is. */
function attempted<Result>(rule: () => Result): Result | undefined {
  try {
    return rule();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function sizeOf(tensor: Tensor | undefined): number {
  return tensor === undefined ? 0 : bytesFor(tensor.dtype, countOf(tensor.shape));
}
