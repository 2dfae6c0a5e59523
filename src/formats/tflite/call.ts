/** One operator while it is lowered: its inputs as operands, its settings as numbers, and names for what it becomes. */
import { castCodeOf } from '#ops/dtype-code.ts';
import type { DType } from '#base/dtype.ts';
import type { Shape } from '#ir/model.ts';
import type { AttrInput, Lowering, Operand } from '#formats/lowering/lowering.ts';
import type { Fields, Options } from './record/fields.ts';
import type { TfliteOperator, TfliteTensor } from './record/file.ts';
import type { ElementType } from './record/schema.ts';
import { Unsupported } from './unsupported.ts';
import type { ConstantSource } from './constants.ts';

/** What an operator asks of the graph that it stands in. */
export interface Surroundings {
  readonly lowering: Lowering;
  tensor(index: number): TfliteTensor;
  /** The real values of a tensor. */
  operand(index: number): Operand;
  /** The integers as they are stored, of a tensor with a grid. */
  levels(index: number): Operand;
  /** The weight of a layer, turned; it stays a constant even where it is widened from half precision. */
  weight(index: number, order?: readonly number[]): Operand;
  /** The constant that a tensor is, or is widened or laid out from; undefined where it is computed. */
  constant(index: number): ConstantSource | undefined;
  /** The bias of a layer: its integers stand for multiples of the product of both scales. */
  bias(index: number, x: number, weights: number): Operand;
  /** Shape of a tensor as the file declares it; null for sizes that callers choose. */
  declared(index: number): Shape;
  /** Runs another graph of the file on operands, in place. */
  inline(graph: number, inputs: readonly Operand[], lowering?: Lowering): readonly Operand[];
  /** The tensors that another graph takes or gives. */
  ends(graph: number): { readonly inputs: readonly TfliteTensor[]; readonly outputs: readonly TfliteTensor[] };
}

export class OperatorCall {
  readonly lowering: Lowering;
  /** Name of the node that does the work: that of the tensor it makes. */
  readonly name: string;
  readonly operator: TfliteOperator;
  readonly around: Surroundings;
  /** Wished names of the outputs. */
  readonly outputs: readonly string[];

  constructor(operator: TfliteOperator, around: Surroundings, name: string, outputs: readonly string[]) {
    this.operator = operator;
    this.around = around;
    this.lowering = around.lowering;
    this.name = name;
    this.outputs = outputs;
  }

  get output(): string {
    return this.outputs[0] ?? this.name;
  }

  has(at: number): boolean {
    return (this.operator.inputs[at] ?? -1) >= 0;
  }

  input(at: number): Operand {
    return this.around.operand(this.#index(at));
  }

  optional(at: number): Operand | null {
    return this.has(at) ? this.input(at) : null;
  }

  inputs(from = 0): readonly Operand[] {
    return this.operator.inputs.slice(from).map((_, at) => this.input(from + at));
  }

  levels(at: number): Operand {
    return this.around.levels(this.#index(at));
  }

  weight(at: number, order?: readonly number[]): Operand {
    return this.around.weight(this.#index(at), order);
  }

  /** The constant at an input, with its record. */
  constant(at: number): ConstantSource {
    const found = this.around.constant(this.#index(at));
    if (found !== undefined) return found;
    throw new Unsupported(`Its input ${at} is computed when it is run, where a constant belongs.`);
  }

  /** Bias of the layer that multiplies input `x` with `weights`. */
  bias(at: number, x: number, weights: number): Operand | null {
    return this.has(at) ? this.around.bias(this.#index(at), this.#index(x), this.#index(weights)) : null;
  }

  tensor(at: number): TfliteTensor {
    return this.around.tensor(this.#index(at));
  }

  resultTensor(at = 0): TfliteTensor {
    const index = this.operator.outputs[at];
    if (index === undefined || index < 0) throw new Unsupported(`Its output ${at} is missing.`, DAMAGED);
    return this.around.tensor(index);
  }

  #index(at: number): number {
    const index = this.operator.inputs[at];
    if (index === undefined || index < 0) throw new Unsupported(`Its input ${at} is missing.`, DAMAGED);
    return index;
  }

  rank(at: number): number {
    return this.lowering.rank(this.input(at));
  }

  shape(at: number): Shape {
    const shape = this.lowering.shape(this.input(at));
    if (shape !== null) return shape;
    throw new Unsupported(`The shape of its input ${at} is only known when it is run.`);
  }

  /** A shape of which every size is known. */
  sizes(at: number): readonly number[] {
    return this.shape(at).map((size) => {
      if (typeof size === 'number') return size;
      throw new Unsupported(`The shape of its input ${at} is only known when it is run.`);
    });
  }

  /** Values of a small constant input; undefined where they are computed. */
  known(at: number): readonly number[] | undefined {
    return this.has(at) ? this.lowering.numbers(this.input(at)) : undefined;
  }

  /** Values of a setting that must be constant. */
  numbers(at: number, what: string): readonly number[] {
    const numbers = this.known(at);
    if (numbers !== undefined) return numbers;
    throw new Unsupported(
      `Its ${what} is computed when it is run.`,
      'Convert the model with that value as a constant.',
    );
  }

  /** An axis as a place from the front. */
  axis(axis: number, rank: number): number {
    const from = axis < 0 ? axis + rank : axis;
    if (from >= 0 && from < rank) return from;
    throw new Unsupported(`It works along axis ${axis} of a tensor with ${rank} axes.`, DAMAGED);
  }

  /** The node that makes the result. */
  result(op: string, inputs: readonly (Operand | null)[], attrs?: Readonly<Record<string, AttrInput>>): Operand {
    return this.lowering.apply(op, inputs, {
      name: this.name,
      outputs: [this.output],
      ...(attrs === undefined ? {} : { attrs }),
    });
  }

  /** A node on the way to the result. */
  step(
    suffix: string,
    op: string,
    inputs: readonly (Operand | null)[],
    attrs?: Readonly<Record<string, AttrInput>>,
  ): Operand {
    return this.lowering.apply(op, inputs, {
      name: `${this.name}/${suffix}`,
      ...(attrs === undefined ? {} : { attrs }),
    });
  }

  /** Elements of another type; nothing where they have it. */
  cast(operand: Operand, to: DType, suffix: string): Operand {
    if (this.lowering.dtype(operand) === to) return operand;
    return this.step(suffix, 'Cast', [operand], { to: castCodeOf(to) ?? unknownType(to) });
  }

  /** One number of the type that an operand has. */
  like(operand: Operand, value: number): Operand {
    return this.lowering.small(value, this.lowering.dtype(operand) ?? 'f32');
  }
}

const DAMAGED = 'The file is damaged: get it again.';

function unknownType(dtype: DType): never {
  throw new Unsupported(`Its elements are ${dtype}, to which ONNX does not cast here.`);
}

export function onnxTypeOf(type: ElementType): number {
  const number = type === 'resource' || type === 'variant' ? undefined : castCodeOf(type);
  if (number === undefined) throw new Unsupported(`Its elements are ${type}, to which ONNX does not cast here.`);
  return number;
}

/** A row of the operator table: builtin, its options, what it becomes. */
export interface OperatorRow {
  readonly name: string;
  readonly fields: Fields;
  /** Whether it takes complex numbers, which lie as pairs on a last axis of size 2. */
  readonly complex: boolean;
  readonly lower: (call: OperatorCall) => readonly Operand[];
}

type Lower<F extends Fields> = (call: OperatorCall, options: Options<F>) => Operand | readonly Operand[];

export function row<F extends Fields>(name: string, fields: F, lower: Lower<F>, complex = false): OperatorRow {
  return {
    name,
    fields,
    complex,
    lower(call) {
      // Options were read by these same fields.
      const made = lower(call, call.operator.options as Options<F>);
      return 'id' in made ? [made] : made;
    },
  };
}
