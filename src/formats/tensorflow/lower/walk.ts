/** Lowers the nodes of a graph or body one after another, each by its row. */
import { PareError } from '#base/failure.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import type { TfBody, TfInput, TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import type { Shape, ValueId } from '#ir/model.ts';
import { TfCall, type Notes, type Row, type Scope } from './call.ts';
import { isOperand, keyOf, type Held } from './held.ts';
import { Inexpressible } from './inexpressible.ts';
import { nodesByName, orderOf } from './order.ts';
import { outputTypeOf } from './types.ts';

/** Bodies inside bodies: more than any exporter nests. */
const DEEPEST = 32;
/** Nodes that pass a value on, one after another, that are looked through. */
const LONGEST_CHAIN = 64;
const TOO_MANY = 'tensorflow/too-many-nodes';
/** Operators that pass their first input on. */
const PASSING = new Set(['Identity', 'StopGradient', 'PreventGradient', 'Snapshot', 'CheckNumerics', 'EnsureShape']);

/** What stays the same over a whole graph and the bodies that it calls. */
export interface Surroundings {
  readonly rows: ReadonlyMap<string, Row>;
  readonly functions: ReadonlyMap<string, TfBody>;
  readonly notes: Notes;
}

export class Walk implements Scope {
  readonly lowering: Lowering;
  readonly depth: number;
  readonly #around: Surroundings;
  readonly #body: TfBody;
  readonly #held = new Map<string, Held>();
  readonly #given = new Map<string, Held>();
  readonly #byName: ReadonlyMap<string, TfNode>;
  readonly #uses = new Map<string, number>();
  /** The last output that is read, by node. */
  readonly #last = new Map<string, number>();
  /** How many outputs of nodes hold a value: more than one where nodes only pass it on. */
  readonly #holders = new Map<ValueId, number>();

  constructor(body: TfBody, lowering: Lowering, around: Surroundings, depth = 0) {
    if (depth > DEEPEST) {
      throw new PareError({
        code: 'tensorflow/too-deep',
        place: body.name,
        problem: `Functions call each other more than ${DEEPEST} deep.`,
        hint: 'The file is damaged, or a function calls itself.',
      });
    }
    this.#body = body;
    this.lowering = lowering;
    this.#around = around;
    this.depth = depth;
    this.#byName = nodesByName(body);
  }

  get functions(): ReadonlyMap<string, TfBody> {
    return this.#around.functions;
  }

  get notes(): Notes {
    return this.#around.notes;
  }

  /** Lowers what the outputs need, from values of the inputs, and gives the outputs. */
  outputs(inputs: readonly Held[]): readonly Held[] {
    const roots = this.#body.outputs.map(({ ref }) => ref);
    const order = orderOf(this.#body, roots);
    this.#count(order, roots);
    for (const [at, { node }] of this.#body.inputs.entries()) {
      const value = inputs[at];
      if (value !== undefined) this.#given.set(node, value);
    }
    for (const node of order) {
      const value = this.#given.get(node.name);
      const results = value === undefined ? this.#lower(node) : [value];
      for (const [at, held] of results.entries()) {
        this.#held.set(keyOf({ node: node.name, output: at }), held);
        if (isOperand(held)) this.#holders.set(held.id, 1 + (this.#holders.get(held.id) ?? 0));
      }
    }
    return roots.map((ref) => this.settle(ref));
  }

  producer(ref: TfRef): { readonly node: TfNode; readonly output: number } | undefined {
    let { node: name, output } = ref;
    for (let hops = 0; hops < LONGEST_CHAIN; hops++) {
      const node = this.#byName.get(name);
      if (node === undefined) return undefined;
      const [first] = node.inputs;
      if (!PASSING.has(node.op) || first === undefined) return { node, output };
      ({ node: name, output } = first);
    }
    return undefined;
  }

  uses(ref: TfRef): number {
    return this.#uses.get(keyOf(ref)) ?? 0;
  }

  isAlone(ref: TfRef): boolean {
    const held = this.held(ref);
    if (held === undefined || this.uses(ref) !== 1) return false;
    // A product that waited for its bias is held by nothing else.
    return isOperand(held) && (this.#holders.get(held.id) ?? 1) <= 1 && !this.#given.has(ref.node);
  }

  held(ref: TfRef): Held | undefined {
    return this.#held.get(keyOf(ref));
  }

  run(body: TfBody, inputs: readonly Held[], inside: Lowering = this.lowering): readonly Held[] {
    return new Walk(body, inside, this.#around, this.depth + 1).outputs(inputs);
  }

  #count(order: readonly TfNode[], roots: readonly TfRef[]): void {
    for (const ref of [...order.flatMap((node) => node.inputs), ...roots]) {
      this.#uses.set(keyOf(ref), (this.#uses.get(keyOf(ref)) ?? 0) + 1);
      this.#last.set(ref.node, Math.max(ref.output, this.#last.get(ref.node) ?? 0));
    }
  }

  settle(ref: TfRef): Held {
    const held = this.held(ref);
    if (held === undefined) {
      throw new PareError({
        code: 'tensorflow/no-such-output',
        place: ref.node,
        problem: `Output ${ref.output} of the ${this.#byName.get(ref.node)?.op ?? 'missing'} operator is read, but it has none.`,
        hint: 'The file is damaged; export the model again.',
      });
    }
    if (isOperand(held) || held.kind !== 'pending') return held;
    const node = this.#byName.get(ref.node)!;
    const [settled] = this.#guarded(node, () => [held.emit(null, ref.node)]);
    this.#held.set(keyOf(ref), settled!);
    return settled!;
  }

  #lower(node: TfNode): readonly Held[] {
    if (this.notes.left-- <= 0) throw tooMany(node);
    const row = this.#around.rows.get(node.op);
    if (row === undefined) return this.#opaque(node, 'Pare has no conversion for it.');
    // A bias may want the product before it as it waits; everyone else gets values.
    const mayJoin = node.op === 'BiasAdd' || node.op === 'Add' || node.op === 'AddV2';
    const held = node.inputs.map((ref, at) => {
      const waiting = mayJoin && at === 0 && this.uses(ref) === 1 ? this.held(ref) : undefined;
      return waiting ?? this.settle(ref);
    });
    if (node.op !== 'Merge' && held.some((one) => 'kind' in one && one.kind === 'dead')) {
      return Array.from({ length: 8 }, (): Held => ({ kind: 'dead' }));
    }
    return this.#guarded(node, () => row(new TfCall(node, this, held)));
  }

  /** What ONNX cannot say, and what the lowering refuses, stays as an opaque operator. */
  #guarded(node: TfNode, lower: () => readonly Held[]): readonly Held[] {
    try {
      return lower();
    } catch (error) {
      if (error instanceof Inexpressible) return this.#opaque(node, error.reason, error.hint);
      if (error instanceof PareError && error.parts.code !== TOO_MANY)
        return this.#opaque(node, error.parts.problem, error.parts.hint);
      throw error;
    }
  }

  #opaque(node: TfNode, reason: string, hint?: string): readonly Held[] {
    const inputs: Operand[] = [];
    for (const ref of node.inputs) {
      const held = this.settle(ref);
      if (isOperand(held)) inputs.push(held);
      else if (held.kind === 'list' && held.items !== null) inputs.push(held.items);
    }
    const count = this.#outputsOf(node);
    return this.lowering.opaque(node.op, inputs, {
      name: node.name,
      outputs: Array.from({ length: count }, (_, at) => (at === 0 ? node.name : `${node.name}:${at}`)),
      domain: 'tensorflow',
      reason,
      hint: hint ?? 'Build the model without it, or convert the part of the model before it.',
      types: Array.from({ length: count }, (_, at) => ({ dtype: outputTypeOf(node, at), shape: shapeOf(node, at) })),
    });
  }

  /** As many outputs as anyone reads. */
  #outputsOf(node: TfNode): number {
    return Math.min(1 + (this.#last.get(node.name) ?? 0), 64);
  }
}

function tooMany(node: TfNode): PareError {
  return new PareError({
    code: TOO_MANY,
    place: node.name,
    problem: 'The graph takes more operators than any model has.',
    hint: 'The file is damaged, or its functions call each other without end.',
  });
}

/** Shapes that the exporter noted beside the operator. */
function shapeOf(node: TfNode, output: number): Shape | null {
  const noted = node.attrs.get('_output_shapes');
  const shape = noted?.kind === 'list' ? noted.value[output] : undefined;
  return shape?.kind === 'shape' ? shape.value : null;
}

/** Declared sizes with names for those that are not known: `batch` in front, else after the input. */
export function namedShape(input: Pick<TfInput, 'name' | 'shape'>): Shape | null {
  return input.shape?.map((size, axis) => size ?? (axis === 0 ? 'batch' : `${input.name}_${axis}`)) ?? null;
}
