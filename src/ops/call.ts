/** One use of an operator as its row sees it: the node, the opset in force and what is known of the inputs. */
import type { Attr, Dim, Node, Shape } from '#ir/model.ts';
import type { DType } from '#base/dtype.ts';
import { numbersOf, type Dense } from './dense.ts';
import { unknownShape } from './dims.ts';
import type { Facts, TensorType } from './facts.ts';

const text = new TextDecoder();

export class Call {
  readonly node: Node;
  /** Version of the operator set of the node's domain. */
  readonly opset: number;
  readonly #inputs: readonly (Facts | undefined)[];
  readonly #tensors: ReadonlyMap<string, Dense> | undefined;
  /** Types of the outputs of the node's subgraphs by attribute name, once inferred. */
  readonly branches: ReadonlyMap<string, readonly TensorType[]>;

  constructor(
    node: Node,
    opset: number,
    inputs: readonly (Facts | undefined)[],
    tensors?: ReadonlyMap<string, Dense>,
    branches: ReadonlyMap<string, readonly TensorType[]> = new Map(),
  ) {
    this.node = node;
    this.opset = opset;
    this.#inputs = inputs;
    this.#tensors = tensors;
    this.branches = branches;
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  get outputCount(): number {
    return this.node.outputs.length;
  }

  /** Whether the input is there; optional inputs may be left out in the middle. */
  has(input: number): boolean {
    return (this.node.inputs[input] ?? null) !== null;
  }

  facts(input: number): Facts | undefined {
    return this.#inputs[input];
  }

  dtype(input: number): DType | null {
    return this.#inputs[input]?.dtype ?? null;
  }

  shape(input: number): Shape | null {
    return this.#inputs[input]?.shape ?? null;
  }

  rank(input: number): number | null {
    return this.#inputs[input]?.shape?.length ?? null;
  }

  dim(input: number, axis: number): Dim {
    const shape = this.shape(input);
    return shape?.[axis < 0 ? axis + shape.length : axis] ?? null;
  }

  isConstant(input: number): boolean {
    return this.#inputs[input]?.constant === true;
  }

  dense(input: number): Dense | undefined {
    return this.#inputs[input]?.dense;
  }

  /** Values of a small tensor, all known. */
  numbers(input: number): readonly number[] | undefined {
    const facts = this.#inputs[input];
    if (facts?.dense !== undefined) return numbersOf(facts.dense);
    const elements = facts?.elements;
    return elements?.every((one) => typeof one === 'number') === true ? elements : undefined;
  }

  /** Values of a small integer tensor, some of them perhaps names or unknown. */
  elements(input: number): readonly Dim[] | undefined {
    const facts = this.#inputs[input];
    return facts?.elements ?? (facts?.dense === undefined ? undefined : numbersOf(facts.dense));
  }

  attr(name: string): Attr | undefined {
    return this.node.attrs.get(name);
  }

  int(name: string, otherwise: number): number {
    const attr = this.attr(name);
    return attr?.type === 'int' ? Number(attr.value) : otherwise;
  }

  float(name: string, otherwise: number): number {
    const attr = this.attr(name);
    return attr?.type === 'float' ? attr.value : otherwise;
  }

  string(name: string, otherwise: string): string {
    const attr = this.attr(name);
    return attr?.type === 'string' ? text.decode(attr.value) : otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    const attr = this.attr(name);
    return attr?.type === 'ints' ? attr.value.map(Number) : undefined;
  }

  /** As `ints`, with 64-bit values that a double cannot hold kept exactly (the open end of a Slice is 2^63 - 1). */
  exactInts(name: string): readonly (number | bigint)[] | undefined {
    const attr = this.attr(name);
    return attr?.type === 'ints' ? attr.value : undefined;
  }

  floats(name: string): readonly number[] | undefined {
    const attr = this.attr(name);
    return attr?.type === 'floats' ? attr.value : undefined;
  }

  /** Values of a tensor attribute, where they were read. */
  tensor(name: string): Dense | undefined {
    return this.#tensors?.get(name);
  }

  /**
   * A list of integers that early opsets keep in an attribute and later ones in an input: `undefined` when it is left
   * out, `null` when it is there and not known.
   */
  setting(name: string, input: number): readonly number[] | null | undefined {
    const attr = this.ints(name);
    if (attr !== undefined) return attr;
    if (!this.has(input)) return undefined;
    return this.numbers(input) ?? null;
  }

  /** Type like that of an input. */
  like(input: number, shape: Shape | null = this.shape(input), dtype: DType | null = this.dtype(input)): TensorType {
    return { dtype, shape };
  }

  /** The element type of the first input that has one: for operators whose inputs all share it. */
  sharedDtype(): DType | null {
    for (const input of this.#inputs) if (input?.dtype != null) return input.dtype;
    return null;
  }

  /** An unknown shape of as many axes as the input has. */
  sameRank(input: number): Shape | null {
    const rank = this.rank(input);
    return rank === null ? null : unknownShape(rank);
  }
}
