/**
 * The float model with quantized copies of some of its layers beside it, each compared with the float layer inside the graph:
 * only sums of squared errors leave the runtime, one number a copy.
 *
 * Given:  c = Conv(x, w, b); r = Relu(c)            in the finished model r = Conv(x, w', b'), x and r on grids X and R
 * Result: alone     sum (r - R(Conv(X(x), w', b')))²
 *         weights   sum (r - Relu(Conv(x, w', b')))²
 *         clipping  sum (r - clip R(Relu(Conv(clip X(x), w, b))))²
 *         rounding  sum (clip R(Relu(Conv(clip X(x), w, b))) - R(Relu(Conv(X(x), w, b))))²
 *
 * Quantized constants stand in it as the floats that they mean, and rounding is spelled as Div, Round, Clip and Mul, which
 * QuantizeLinear and DequantizeLinear are defined by: where onnxruntime sees those around a convolution with float weights it
 * quantizes the weights by itself, one scale for the tensor (WeightBiasQuantization, 1.30), and takes copies for integer
 * ones. What integer kernels add to the error shows in the finished model as it runs.
 */
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Editor, NewValue } from '#ir/editor.ts';
import type { Attr, Model, Node, Quantization, Value, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { WeightStore } from '#ir/weights.ts';
import { dequantized, stepsOfGrid } from '#measure/dequantize.ts';
import type { GridSteps } from '#measure/dequantize.ts';
import { opsetOf } from '#ops/table.ts';
import { hasGrids } from './plan.ts';
import type { Grids, LayerInput, PlannedLayer } from './plan.ts';
import type { ProbeStore } from './probe-store.ts';

export type Part = 'alone' | 'weightRounding' | 'activationClipping' | 'activationRounding';

export interface Probe {
  readonly model: Model;
  /** For each layer the value that holds each sum; a part that the layer does not have is absent. */
  readonly sums: ReadonlyMap<PlannedLayer, Partial<Record<Part, ValueId>>>;
}

export async function buildProbe(
  before: Model,
  afterWeights: WeightStore,
  afterOpset: number,
  layers: readonly PlannedLayer[],
  store: ProbeStore,
): Promise<Probe> {
  const builder = new Builder(before, afterWeights, afterOpset, store);
  const sums = new Map<PlannedLayer, Partial<Record<Part, ValueId>>>();
  for (const layer of layers) sums.set(layer, await builder.layer(layer));
  return { model: builder.finish(), sums };
}

/** What a layer's inputs go through on their way to its copy. */
type Through = 'nothing' | 'clip' | 'grid';

class Builder {
  readonly #edit: Editor;
  readonly #afterWeights: WeightStore;
  readonly #store: ProbeStore;
  readonly #sameOpset: boolean;
  #last: Node | undefined;
  readonly #made = new Map<string, ValueId>();
  readonly #scalars = new Map<number, ValueId>();
  readonly #constants = new Map<ValueId, ValueId>();

  constructor(before: Model, afterWeights: WeightStore, afterOpset: number, store: ProbeStore) {
    this.#edit = openEditor(before);
    this.#afterWeights = afterWeights;
    this.#store = store;
    this.#sameOpset = opsetOf(before.opsets, '') === afterOpset;
    this.#last = before.graph.nodes.at(-1);
  }

  finish(): Model {
    return this.#edit.finish();
  }

  async layer(layer: PlannedLayer): Promise<Partial<Record<Part, ValueId>>> {
    const { reference, outputGrids, hasQuantizedConstants, original, folded } = layer;
    const rounds = hasGrids(layer);
    const quantized = await this.#copy(layer, layer.node, await this.#inputs(layer, 'grid'));
    const alone = await this.#through(quantized, outputGrids, 'grid');
    const sums: Partial<Record<Part, ValueId>> = { alone: this.#error(layer, reference.id, alone) };
    if (hasQuantizedConstants) {
      const made = rounds ? await this.#copy(layer, layer.node, await this.#inputs(layer, 'nothing')) : quantized;
      sums.weightRounding = this.#error(layer, reference.id, this.#activated(made, folded));
    }
    if (rounds && original !== null && original.inputs.length === layer.inputs.length) {
      const clipped = await this.#floatCopy(layer, original, 'clip');
      const rounded = await this.#floatCopy(layer, original, 'grid');
      sums.activationClipping = this.#error(layer, reference.id, clipped);
      sums.activationRounding = this.#error(layer, clipped, rounded);
    }
    return sums;
  }

  /** The layer with its float constants, its inputs and its output clipped or rounded. */
  async #floatCopy(layer: PlannedLayer, original: Node, through: Through): Promise<ValueId> {
    const inputs: (ValueId | null)[] = [];
    for (const [at, id] of original.inputs.entries()) {
      const planned = layer.inputs[at];
      inputs.push(id === null || planned?.kind !== 'value' ? id : await this.#through(id, planned.grids, through));
    }
    const made = this.#activated(await this.#copy(layer, original, inputs), layer.folded);
    return this.#through(made, layer.outputGrids, through);
  }

  async #inputs(layer: PlannedLayer, through: Through): Promise<(ValueId | null)[]> {
    const inputs: (ValueId | null)[] = [];
    for (const input of layer.inputs) inputs.push(await this.#input(input, through));
    return inputs;
  }

  async #input(input: LayerInput, through: Through): Promise<ValueId | null> {
    if (input.kind === 'absent') return null;
    if (input.kind === 'constant') return this.#constant(input.value);
    return this.#through(input.id, input.grids, through);
  }

  /** A constant of the finished model, as the floats it stands for. */
  async #constant(value: Value): Promise<ValueId> {
    const known = this.#constants.get(value.id);
    if (known !== undefined) return known;
    const { constant, quantization } = value;
    if (constant === undefined) throw new Error(`${value.name} is not a constant`);
    const tensor =
      quantization === undefined
        ? this.#store.ofAfter(constant)
        : this.#store.put(
            'f32',
            constant.shape,
            new Uint8Array((await dequantized(constant, quantization, this.#afterWeights)).buffer),
          );
    const id = this.#edit.addConstant(`${value.name}_probed`, tensor);
    this.#constants.set(value.id, id);
    return id;
  }

  async #through(value: ValueId, grids: Grids, how: Through): Promise<ValueId> {
    let at = value;
    for (const grid of how === 'nothing' ? [] : grids) at = await this.#onGrid(at, grid, how);
    return at;
  }

  /** Made once for all layers that read the value on this grid. */
  async #onGrid(value: ValueId, grid: Quantization, how: Through): Promise<ValueId> {
    const key = `${how} ${value} ${grid.scale.key} ${grid.zeroPoint?.key ?? ''}`;
    const known = this.#made.get(key);
    if (known !== undefined || grid.levels === undefined) return known ?? value;
    const steps = await stepsOfGrid(grid.levels, grid, this.#afterWeights);
    const { scale, low, high } = steps;
    const made = how === 'grid' ? this.#rounded(value, steps) : this.#clipped(value, scale * low, scale * high);
    this.#made.set(key, made);
    return made;
  }

  /** clip(round(x / scale)) scale: Round goes half to even, as QuantizeLinear does. */
  #rounded(value: ValueId, { scale, low, high }: GridSteps): ValueId {
    const divisor = this.#scalar(scale);
    const steps = this.#add('Round', [this.#add('Div', [value, divisor], 'steps')], 'whole_steps');
    return this.#add('Mul', [this.#clipped(steps, low, high), divisor], 'rounded');
  }

  #clipped(value: ValueId, low: number, high: number): ValueId {
    return this.#add('Clip', [value, this.#scalar(low), this.#scalar(high)], 'clipped');
  }

  #scalar(value: number): ValueId {
    const known = this.#scalars.get(value);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    const id = this.#edit.addConstant('grid', this.#store.put('f32', [], bytes));
    this.#scalars.set(value, id);
    return id;
  }

  #activated(value: ValueId, folded: readonly Node[]): ValueId {
    return folded.reduce((at, node) => {
      const [, ...rest] = node.inputs;
      return this.#add(node.op, [at, ...rest], 'activated', node.attrs);
    }, value);
  }

  /** A copy of the node on other inputs. Gives the output that is measured. */
  async #copy(layer: PlannedLayer, template: Node, inputs: readonly (ValueId | null)[]): Promise<ValueId> {
    // An operator may be spelled differently at another opset; the float model's own spelling fits its opset.
    const original = layer.original;
    const node = this.#sameOpset || original?.inputs.length !== layer.inputs.length ? template : original;
    const outputs = node.outputs.map((id, at): NewValue | null => {
      if (id === null) return null;
      const name = `${layer.node.name}_copy`;
      return { name, dtype: at === layer.at ? 'f32' : null, shape: null };
    });
    const added = this.#append({
      name: `${node.name}_copy`,
      op: node.op,
      domain: node.domain,
      inputs,
      outputs,
      // The factors of a Gemm may have moved into its bias, at any opset.
      attrs: node.op === 'Gemm' ? template.attrs : node.attrs,
    });
    const made = added.outputs[layer.at];
    if (made == null) {
      throw new PareError({
        code: 'measure/layer-output',
        place: layer.node.name,
        problem: 'the float layer has no such output.',
      });
    }
    return made;
  }

  #error(layer: PlannedLayer, x: ValueId, y: ValueId): ValueId {
    const difference = this.#add('Sub', [x, y], `${layer.node.name}_difference`);
    const attrs = new Map<string, Attr>([['keepdims', { type: 'int', value: 0 }]]);
    return this.#add('ReduceSumSquare', [difference], `${layer.node.name}_error`, attrs);
  }

  #add(
    op: string,
    inputs: readonly (ValueId | null)[],
    name: string,
    attrs?: Node['attrs'],
    dtype: DType = 'f32',
  ): ValueId {
    const outputs = [{ name, dtype, shape: null }];
    const [made] = this.#append({ name, op, inputs, outputs, ...(attrs === undefined ? {} : { attrs }) }).outputs;
    if (made == null) throw new Error('a node without an output');
    return made;
  }

  #append(node: Parameters<Editor['addNode']>[0]): Node {
    const place = this.#last === undefined ? ({ startOf: [] } as const) : { after: this.#last };
    return (this.#last = this.#edit.addNode(node, place));
  }
}
