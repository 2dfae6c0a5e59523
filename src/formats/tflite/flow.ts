/**
 * One graph of the file while its operators are lowered in order: which operand stands for which tensor, and which grid it is rounded to.
 * Tensors of integers with a scale stand for real numbers everywhere inside; only inputs and outputs of the model are integers.
 *
 * Given:  y = CONV_2D(x, w), all int8 with scales; x an input and y an output of the model
 * Result: r = DequantizeLinear(x); c = Conv(r, w), w: i8 with its scales; y = QuantizeLinear(c)
 */
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Quantization, Shape } from '#ir/model.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import { OperatorCall, type Surroundings } from './call.ts';
import type { ConstantSource } from './constants.ts';
import { gridKey } from './grids.ts';
import type { TfliteOperator, TfliteSubgraph, TfliteTensor } from './record/file.ts';
import type { Shared } from './shared.ts';
import { Unsupported } from './unsupported.ts';
import { biasOf, constantOf, weightOf } from './weights.ts';

/** Graphs that call graphs that call graphs: deeper than any converter nests. */
const MOST_DEPTH = 32;

export class Flow implements Surroundings {
  readonly lowering: Lowering;
  readonly #shared: Shared;
  readonly #graph: TfliteSubgraph;
  readonly #depth: number;
  readonly #operands = new Map<number, Operand>();
  /** Operators that only widen a constant or lay it out, by what they make. */
  #makers: ReadonlyMap<number, TfliteOperator> | undefined;
  /** Tensors that leave the model as integers and are read by nobody else. */
  readonly #leaving: ReadonlySet<number>;
  readonly #outgoing: ReadonlySet<number>;

  constructor(shared: Shared, graph: TfliteSubgraph, lowering: Lowering, depth = 0, leaving: readonly number[] = []) {
    this.#shared = shared;
    this.#graph = graph;
    this.lowering = lowering;
    this.#depth = depth;
    this.#outgoing = new Set(leaving);
    const read = new Set(graph.operators.flatMap(({ inputs }) => inputs));
    // Signed bytes leave by way of unsigned ones, which the layer before them can give in integers.
    this.#leaving = new Set(leaving.filter((index) => !read.has(index) && graph.tensors[index]?.type !== 'i8'));
  }

  bind(index: number, operand: Operand): void {
    const grid = this.#leaving.has(index) ? undefined : this.#shared.grids.ofActivation(this.tensor(index));
    this.#operands.set(index, grid === undefined ? operand : this.#round(operand, grid));
  }

  /** Binds values that lie on the tensor's grid already. */
  bindExact(index: number, operand: Operand): void {
    const grid = this.#shared.grids.ofActivation(this.tensor(index));
    if (grid !== undefined) this.#shared.exact.set(operand.id, gridKey(grid));
    this.#operands.set(index, operand);
  }

  #round(operand: Operand, grid: Quantization): Operand {
    if (this.#shared.exact.get(operand.id) === gridKey(grid)) return operand;
    return this.lowering.round(operand, grid);
  }

  run(): void {
    for (const operator of this.#graph.operators) this.#lower(operator);
  }

  #lower(operator: TfliteOperator): void {
    this.#shared.count(operator.name);
    const { inputs, outputs } = operator;
    const names = outputs.map((index) => this.#nameOf(index));
    const name = this.#shared.nameOf(operator, names[0]);
    const call = new OperatorCall(operator, this, name, names);
    try {
      const row = this.#shared.rowOf(operator);
      if (row === undefined) throw noCounterpart(operator);
      if (!row.complex && [...inputs, ...outputs].some((index) => index >= 0 && isComplex(this.tensor(index)))) {
        throw new Unsupported('It computes with complex numbers.');
      }
      const made = row.lower(call);
      for (const [at, index] of outputs.entries()) {
        const operand = made[at];
        if (operand !== undefined && index >= 0) this.bind(index, operand);
      }
      const missing = outputs.findIndex((index, at) => index >= 0 && made[at] === undefined);
      if (missing !== -1) throw new Unsupported(`Its output ${missing} is not given in ONNX.`);
    } catch (error) {
      if (error instanceof Unsupported) this.#keepOpaque(call, error.message, error.hint);
      else if (error instanceof PareError && error.parts.code === 'lowering/refused') {
        this.#keepOpaque(call, error.parts.problem, error.parts.hint ?? '');
      } else throw error;
    }
  }

  /** Integers with a grid are real numbers around it as everywhere. */
  #keepOpaque({ operator, name, outputs }: OperatorCall, reason: string, hint: string): void {
    const made = this.lowering.opaque(
      operator.name,
      operator.inputs.map((index) => (index < 0 ? null : this.#operandOrNull(index))),
      {
        name,
        outputs: outputs.map((output, at) => (output === '' ? `${name}_${at}` : output)),
        domain: 'tflite',
        reason,
        hint,
        types: operator.outputs.map((index) => (index < 0 ? { dtype: null, shape: null } : this.#typeOf(index))),
        ...(operator.customOptions.byteLength === 0 ? {} : { options: operator.customOptions.slice() }),
      },
    );
    for (const [at, index] of operator.outputs.entries()) {
      const operand = made[at];
      if (operand !== undefined && index >= 0) this.bind(index, operand);
    }
  }

  /** What an opaque operator reads; kinds of tensors that are no numbers are left out. */
  #operandOrNull(index: number): Operand | null {
    try {
      return this.operand(index);
    } catch (error) {
      if (error instanceof Unsupported) return null;
      throw error;
    }
  }

  #typeOf(index: number): { readonly dtype: DType | null; readonly shape: Shape } {
    const tensor = this.tensor(index);
    const { type } = tensor;
    const shape = this.declared(index);
    if (this.#shared.grids.has(tensor)) return { dtype: 'f32', shape };
    return { dtype: type === 'resource' || type === 'variant' ? null : type, shape };
  }

  #nameOf(index: number): string {
    if (index < 0) return '';
    const { name } = this.tensor(index);
    // The integers that leave have the tensor's name.
    return this.#outgoing.has(index) && this.#shared.grids.has(this.tensor(index)) ? `${name}_real` : name;
  }

  tensor(index: number): TfliteTensor {
    return this.#graph.tensors[index]!;
  }

  operand(index: number): Operand {
    const known = this.#operands.get(index);
    if (known !== undefined) return known;
    const tensor = this.tensor(index);
    const made = constantOf(this.#shared, this.lowering, tensor);
    this.#operands.set(index, made);
    return made;
  }

  levels(index: number): Operand {
    const grid = this.#shared.grids.asStored(this.tensor(index));
    const operand = this.operand(index);
    if (grid === undefined) return operand;
    const { name } = this.tensor(index);
    return this.lowering.apply('QuantizeLinear', [operand, ...this.#shared.parameters(this.lowering, grid, name)], {
      name: `${name}_quantize`,
      outputs: [`${name}_levels`],
    });
  }

  weight(index: number, order?: readonly number[]): Operand {
    return weightOf(this.lowering, this.operand(index), this.constant(index), this.tensor(index).name, order);
  }

  constant(index: number): ConstantSource | undefined {
    this.#makers ??= makersOf(this.#graph);
    let record = this.tensor(index);
    // A few steps at most: laid out densely, then widened.
    for (let step = 0; step < 3; step++) {
      const { buffer, type } = record;
      if (buffer !== undefined && type !== 'resource' && type !== 'variant' && type !== 'string') {
        return { record, ticket: this.#shared.constants.link(record) };
      }
      const maker = this.#makers.get(record.index);
      if (maker === undefined) return undefined;
      const from = this.tensor(maker.inputs[0] ?? 0);
      if (maker.name === 'DEQUANTIZE' && from.type !== 'f16') return undefined;
      record = from;
    }
    return undefined;
  }

  bias(index: number, x: number, weights: number): Operand {
    const tensors = { bias: this.tensor(index), x: this.tensor(x), weights: this.tensor(weights) };
    return biasOf(this.#shared, this.lowering, tensors) ?? this.operand(index);
  }

  declared(index: number): Shape {
    const { shape, shapeSignature } = this.tensor(index);
    return shapeSignature === undefined ? shape : shapeSignature.map((size) => (size < 0 ? null : size));
  }

  ends(graph: number): { readonly inputs: readonly TfliteTensor[]; readonly outputs: readonly TfliteTensor[] } {
    const { tensors, inputs, outputs } = this.#shared.graph(graph);
    return { inputs: inputs.map((index) => tensors[index]!), outputs: outputs.map((index) => tensors[index]!) };
  }

  inline(graph: number, inputs: readonly Operand[], lowering: Lowering = this.lowering): readonly Operand[] {
    if (this.#depth >= MOST_DEPTH) throw new Unsupported('Graphs call each other without end.');
    const inner = this.#shared.graph(graph);
    if (inner.inputs.length !== inputs.length) {
      throw new Unsupported(`It gives ${inputs.length} tensors to a graph that takes ${inner.inputs.length}.`);
    }
    const flow = new Flow(this.#shared, inner, lowering, this.#depth + 1);
    for (const [at, index] of inner.inputs.entries()) flow.bindExact(index, inputs[at]!);
    flow.run();
    return inner.outputs.map((index) => flow.operand(index));
  }
}

function noCounterpart({ custom }: TfliteOperator): Unsupported {
  if (!custom) return new Unsupported('It has no counterpart in ONNX.');
  return new Unsupported('It is a custom operator, whose meaning only its own program knows.');
}

function makersOf(graph: TfliteSubgraph): ReadonlyMap<number, TfliteOperator> {
  const makers = new Map<number, TfliteOperator>();
  for (const operator of graph.operators) {
    if (operator.name === 'DEQUANTIZE' || operator.name === 'DENSIFY') makers.set(operator.outputs[0] ?? -1, operator);
  }
  return makers;
}

function isComplex({ type }: TfliteTensor): boolean {
  return type === 'c64' || type === 'c128';
}
