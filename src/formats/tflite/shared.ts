/** What the graphs of one file share while they are lowered: constants, grids, the operator table, and how much was done so far. */
import { PareError } from '#base/failure.ts';
import type { Quantization, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import type { OperatorRow } from './call.ts';
import type { Constants } from './constants.ts';
import type { Grids } from './grids.ts';
import type { TfliteFile, TfliteOperator, TfliteSubgraph, TfliteTensor } from './record/file.ts';

export class Shared {
  readonly file: TfliteFile;
  readonly store: WeightStore;
  readonly constants: Constants;
  readonly grids: Grids;
  /** Values that lie on a grid without having been rounded: integers that came in. */
  readonly exact = new Map<ValueId, string>();
  /** The row of an operator's builtin or custom name. */
  readonly rowOf: (operator: TfliteOperator) => OperatorRow | undefined;
  readonly #path: string;
  readonly #homes = new Map<TfliteTensor, TfliteSubgraph>();
  readonly #most: number;
  #lowered = 0;

  constructor(
    path: string,
    file: TfliteFile,
    store: WeightStore,
    constants: Constants,
    grids: Grids,
    rowOf: Shared['rowOf'],
  ) {
    this.#path = path;
    this.rowOf = rowOf;
    this.file = file;
    this.store = store;
    this.constants = constants;
    this.grids = grids;
    let operators = 0;
    for (const graph of file.subgraphs) {
      operators += graph.operators.length;
      for (const tensor of graph.tensors) this.#homes.set(tensor, graph);
    }
    // Graphs that are called twice are lowered twice; graphs that call graphs twice, without bound.
    this.#most = 20_000 + 4 * operators;
  }

  /** Refuses files whose graphs multiply by calling each other. */
  count(operator: string): void {
    if (++this.#lowered <= this.#most) return;
    throw new PareError({
      code: 'tflite/too-large',
      file: this.#path,
      place: operator,
      problem: 'Its graphs call each other so often that the model has no bounds.',
      hint: 'The file is damaged: get it again.',
    });
  }

  graph(index: number): TfliteSubgraph {
    const graph = this.file.subgraphs[index];
    if (graph !== undefined) return graph;
    throw new PareError({
      code: 'tflite/graph-index',
      file: this.#path,
      problem: `An operator calls graph ${index}, and the file has ${this.file.subgraphs.length}.`,
      hint: 'The file is damaged: get it again.',
    });
  }

  homeOf(tensor: TfliteTensor): TfliteSubgraph | undefined {
    return this.#homes.get(tensor);
  }

  /** Operators have no names: that of what they make tells most. */
  nameOf(operator: TfliteOperator, output: string | undefined): string {
    return output === undefined || output === '' ? `${operator.name}_${this.#lowered}` : output;
  }

  /** Scale and zero point as inputs of QuantizeLinear and DequantizeLinear. */
  parameters(lowering: Lowering, { scale, zeroPoint }: Quantization, name: string): readonly Operand[] {
    const inputs = [lowering.constant(`${name}_scale`, scale)];
    if (zeroPoint !== undefined) inputs.push(lowering.constant(`${name}_zero_point`, zeroPoint));
    return inputs;
  }
}
