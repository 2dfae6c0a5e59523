/** One use of a TensorFlow operator as its row sees it: attributes with defaults, inputs as operands, and ways to emit. */
import { castCodeOf } from '#ops/dtype-code.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { AttrInput, Lowering, NodeOptions, Operand } from '#formats/lowering/lowering.ts';
import type { TfAttr, TfBody, TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import type { Dim, Shape } from '#ir/model.ts';
import { isOperand, type Held, type TfList } from './held.ts';
import { Inexpressible } from './inexpressible.ts';

/** The graph or body that is being lowered, around one of its nodes. */
export interface Scope {
  readonly lowering: Lowering;
  readonly functions: ReadonlyMap<string, TfBody>;
  /** How many bodies lie around. */
  readonly depth: number;
  /** The node behind a reference, identities skipped. */
  producer(ref: TfRef): { readonly node: TfNode; readonly output: number } | undefined;
  /** How many inputs and outputs read it. */
  uses(ref: TfRef): number;
  held(ref: TfRef): Held | undefined;
  /** Whether the value was computed here and nothing else reads it, under any name. */
  isAlone(ref: TfRef): boolean;
  /** The value of an output: a product that waited for its bias is emitted without one. */
  settle(ref: TfRef): Held;
  /** Lowers a body with these values for its inputs, and gives the values of its outputs. */
  run(body: TfBody, inputs: readonly Held[], inside?: Lowering): readonly Held[];
  /** Memory that rows share over the whole model. */
  readonly notes: Notes;
}

/** What rows remember of operands they made. */
export interface Notes {
  /** Nodes that may still be lowered, over all bodies: a hostile file may call bodies many times over. */
  left: number;
  /** Results of a reversal: what was reversed along which axes. */
  readonly reversed: WeakMap<Operand, { readonly of: Operand; readonly axes: readonly number[] }>;
  /** Sequences of recurrent layers: their last item, which the layer gives by itself. */
  readonly last: WeakMap<Operand, Operand>;
}

/** Row of the operator table: gives a value for each output. */
export type Row = (call: TfCall) => readonly Held[];

export class TfCall {
  readonly node: TfNode;
  readonly scope: Scope;
  readonly lowering: Lowering;
  readonly #held: (Held | undefined)[];

  constructor(node: TfNode, scope: Scope, held: readonly (Held | undefined)[]) {
    this.node = node;
    this.scope = scope;
    this.lowering = scope.lowering;
    this.#held = [...held];
  }

  get name(): string {
    return this.node.name;
  }

  get count(): number {
    return this.node.inputs.length;
  }

  // --- inputs -------------------------------------------------------------------------------------------------------------

  held(at: number): Held {
    const held = this.#held[at];
    if (held === undefined) throw this.broken(`has no input ${at}`);
    return held;
  }

  input(at: number): Operand {
    const held = this.held(at);
    if (isOperand(held)) return held;
    if (held.kind === 'pending') {
      this.#held[at] = this.scope.settle(this.node.inputs[at]!);
      return this.input(at);
    }
    if (held.kind === 'list') throw new Inexpressible(`Input ${at} is a list of tensors.`);
    if (held.kind === 'complex') throw new Inexpressible(`Input ${at} holds complex numbers.`);
    throw new Inexpressible(`Input ${at} comes from a branch that is never taken.`);
  }

  list(at: number): TfList {
    const held = this.held(at);
    if ('kind' in held && held.kind === 'list') return held;
    throw new Inexpressible(`Input ${at} is not a list of tensors that is known here.`);
  }

  inputs(from = 0, to = this.count): readonly Operand[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, at) => this.input(from + at));
  }

  dtype(at: number): DType | null {
    return this.lowering.dtype(this.input(at));
  }

  shape(at: number): Shape | null {
    return this.lowering.shape(this.input(at));
  }

  rank(at: number): number {
    const rank = this.shape(at)?.length;
    if (rank === undefined) throw new Inexpressible(`The rank of input ${at} is not known.`);
    return rank;
  }

  /** Whole numbers of a setting that must be known when the model is converted. */
  numbers(at: number): readonly number[] {
    return this.#present(at, this.known(at));
  }

  number(at: number): number {
    return this.#first(at, this.numbers(at));
  }

  /** As `numbers`, of settings that need not be whole. */
  reals(at: number): readonly number[] {
    return this.#present(at, this.lowering.numbers(this.input(at)));
  }

  real(at: number): number {
    return this.#first(at, this.reals(at));
  }

  /** Whole numbers of a setting, where they are known. */
  known(at: number): readonly number[] | undefined {
    const numbers = this.lowering.numbers(this.input(at));
    if (numbers?.every(Number.isSafeInteger) === false)
      throw this.broken(`has an input ${at} that holds no whole numbers`);
    return numbers;
  }

  /** As `known`, of which some may be names of sizes, or not known. */
  elements(at: number): readonly Dim[] | undefined {
    const elements = this.lowering.elements(this.input(at));
    const sound = elements?.every((one) => typeof one !== 'number' || Number.isSafeInteger(one)) !== false;
    if (!sound) throw this.broken(`has an input ${at} that holds no whole numbers`);
    return elements;
  }

  #present(at: number, numbers: readonly number[] | undefined): readonly number[] {
    if (numbers !== undefined) return numbers;
    throw new Inexpressible(`Input ${at} is computed, where it must be known beforehand.`);
  }

  #first(at: number, [number]: readonly number[]): number {
    if (number === undefined) throw this.broken(`has an empty input ${at}`);
    return number;
  }

  /** Integers as 64-bit ones, which is what ONNX wants of shapes and positions. */
  long(at: number): Operand {
    return asLong(this.lowering, this.input(at), this.name);
  }

  // --- attributes ---------------------------------------------------------------------------------------------------------

  attr(name: string): TfAttr | undefined {
    return this.node.attrs.get(name);
  }

  int(name: string, otherwise: number): number {
    const attr = this.attr(name);
    return attr?.kind === 'int' ? attr.value : otherwise;
  }

  float(name: string, otherwise: number): number {
    const attr = this.attr(name);
    return attr?.kind === 'float' || attr?.kind === 'int' ? attr.value : otherwise;
  }

  flag(name: string, otherwise = false): boolean {
    const attr = this.attr(name);
    return attr?.kind === 'bool' ? attr.value : otherwise;
  }

  text(name: string, otherwise: string): string {
    const attr = this.attr(name);
    return attr?.kind === 'string' ? attr.value : otherwise;
  }

  type(name: string, otherwise: DType | null = null): DType | null {
    const attr = this.attr(name);
    return attr?.kind === 'type' ? attr.value : otherwise;
  }

  ints(name: string): readonly number[] {
    const attr = this.attr(name);
    return attr?.kind === 'list' ? attr.value.flatMap((one) => (one.kind === 'int' ? [one.value] : [])) : [];
  }

  texts(name: string): readonly string[] {
    const attr = this.attr(name);
    return attr?.kind === 'list' ? attr.value.flatMap((one) => (one.kind === 'string' ? [one.value] : [])) : [];
  }

  body(name: string): TfBody {
    const attr = this.attr(name);
    const body = attr?.kind === 'function' ? this.scope.functions.get(attr.value) : undefined;
    if (body === undefined) throw this.broken(`names no function for "${name}"`);
    return body;
  }

  // --- results ------------------------------------------------------------------------------------------------------------

  /** The name that the tensor has in the source. */
  outputName(at: number): string {
    return at === 0 ? this.name : `${this.name}:${at}`;
  }

  /** The operator that ends in this node's (only) output. */
  emit(op: string, inputs: readonly (Operand | null)[], attrs: Readonly<Record<string, AttrInput>> = {}): Operand {
    return this.lowering.apply(op, inputs, { name: this.name, attrs });
  }

  /** An operator on the way there. */
  step(
    suffix: string,
    op: string,
    inputs: readonly (Operand | null)[],
    attrs: Readonly<Record<string, AttrInput>> = {},
    types?: NodeOptions['types'],
  ): Operand {
    return this.lowering.apply(op, inputs, {
      name: `${this.name}/${suffix}`,
      attrs,
      ...(types === undefined ? {} : { types }),
    });
  }

  /** A made-up number of the type of an operand. */
  like(operand: Operand, value: number): Operand {
    return this.lowering.small(value, this.lowering.dtype(operand) ?? 'f32');
  }

  cast(operand: Operand, dtype: DType, suffix?: string): Operand {
    return cast(this.lowering, operand, dtype, suffix === undefined ? this.name : `${this.name}/${suffix}`);
  }

  /** Sizes of an operand as far as they are known; null for the rest. */
  sizes(at: number): readonly Dim[] {
    const shape = this.shape(at);
    if (shape === null) throw new Inexpressible(`The rank of input ${at} is not known.`);
    return shape;
  }

  /** Turns a negative axis into its place. */
  axis(axis: number, rank: number): number {
    const place = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(place) || place < 0 || place >= rank) throw this.broken(`names axis ${axis} of ${rank}`);
    return place;
  }

  /** For graphs that no TensorFlow would have written. */
  broken(what: string): PareError {
    return new PareError({
      code: 'tensorflow/bad-node',
      place: this.name,
      problem: `The ${this.node.op} operator ${what}.`,
      hint: 'The file is damaged; export the model again.',
    });
  }
}

/** A Cast, left out where the type is right already; small constants are made anew. */
export function cast(lowering: Lowering, operand: Operand, dtype: DType, name: string): Operand {
  if (lowering.dtype(operand) === dtype) return operand;
  const to = castCodeOf(dtype);
  if (to === undefined) throw new Inexpressible(`It is cast to ${dtype}, which ONNX does not cast to.`);
  return lowering.apply('Cast', [operand], { name, attrs: { to } });
}

export function asLong(lowering: Lowering, operand: Operand, name: string): Operand {
  return cast(lowering, operand, 'i64', `${name}/long`);
}
