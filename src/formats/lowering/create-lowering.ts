/** The lowering itself: operands with views over a draft graph. See lowering.ts for what each method promises. */
import type { DType } from '#base/dtype.ts';
import { countOf } from '#base/dtype.ts';
import type { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import { derivedTensor } from '#ir/derived-tensor.ts';
import type { Dim, Graph, Model, Quantization, Shape, Tensor, ValueId } from '#ir/model.ts';
import { verifyModel } from '#ir/verify.ts';
import type { WeightStore } from '#ir/weights.ts';
import { denseOf, numbersOf } from '#ops/dense.ts';
import { attrsOf } from './attrs.ts';
import { permutedTensor, regridded } from './constants.ts';
import { Draft, type Taken } from './draft.ts';
import { lowerNode } from './layout.ts';
import type { Lowering, LoweringOptions, NodeOptions, OpaqueOptions, Operand, RecurrentResult } from './lowering.ts';
import { dense, normalizeBatch } from './operators/matrix.ts';
import { recurrent } from './operators/recurrent.ts';
import { opaqueNotice, refusal } from './refusal.ts';
import { reshape } from './operators/reshape.ts';
import { convolve, convolveTransposed, pool } from './operators/spatial.ts';
import { resize } from './operators/resize.ts';
import type { Workbench } from './workbench.ts';
import { fromPlaces, isOrder, orderBetween, reordered, sameView, type View } from './views.ts';

export function createLowering(options: LoweringOptions): Lowering {
  return new Builder(options);
}

const DEFAULT_OPSET = 17;

class Builder implements Workbench {
  readonly store: WeightStore;
  readonly opset: number;
  readonly #options: LoweringOptions;
  readonly #draft: Draft;
  readonly #notices: Notice[];
  readonly #taken: Taken;
  readonly #domains: Set<string>;
  /** Values that were brought into another order or shape already. */
  readonly #ordered = new Map<string, ValueId>();
  readonly #small = new Map<string, Operand>();
  readonly #flattened = new Map<ValueId, Operand>();

  constructor(options: LoweringOptions, outer?: Builder) {
    this.#options = options;
    this.store = options.store;
    this.opset = options.opset ?? DEFAULT_OPSET;
    this.#draft = new Draft(this.store, this.opset, outer === undefined ? undefined : outer.#draft);
    this.#notices = outer === undefined ? [] : outer.#notices;
    this.#taken = outer === undefined ? { values: new Set(), nodes: new Set() } : outer.#taken;
    this.#domains = outer === undefined ? new Set() : outer.#domains;
  }

  input(name: string, dtype: DType, shape: Shape): Operand {
    return { id: this.#draft.addInput(name, dtype, shape) };
  }

  constant(
    name: string,
    tensor: Tensor,
    more: { readonly bytes?: Uint8Array; readonly quantization?: Quantization } = {},
  ): Operand {
    return {
      id: this.#draft.addConstant(name, tensor, this.#draft.decoded(tensor, more.bytes), more.quantization),
    };
  }

  small(values: readonly number[] | number, dtype: DType = 'i64', name?: string): Operand {
    const list = typeof values === 'number' ? [values] : values;
    const shape = typeof values === 'number' ? [] : [values.length];
    const key = `${dtype} ${shape.length} ${list.map((one) => (Object.is(one, -0) ? '-0' : one)).join(',')}`;
    const known = name === undefined ? this.#small.get(key) : undefined;
    if (known !== undefined) return known;
    const made = denseOf(dtype, shape, list);
    if (made === undefined) throw new Error(`no constants of ${dtype} are made up`);
    const operand = { id: this.#draft.addDense(name ?? `const_${list.slice(0, 6).join('_')}`, made) };
    if (name === undefined) this.#small.set(key, operand);
    return operand;
  }

  derived(
    name: string,
    dtype: DType,
    shape: readonly number[],
    from: readonly Operand[],
    make: (bytes: readonly Uint8Array[]) => Uint8Array,
  ): Operand {
    const tensors = from.map((operand) => {
      const found = this.constantOf(operand);
      if (found !== undefined) return found.tensor;
      throw this.#refuse(name, 'is made from a tensor that is computed, where weights should be constant');
    });
    return { id: this.#draft.addConstant(name, derivedTensor(this.store, dtype, shape, tensors, make)) };
  }

  output(name: string, operand: Operand): void {
    let id = this.materialize(operand);
    const { inputs, outputs } = this.#draft;
    // An output may not be a constant; without its values at hand an identity of it is not folded into one.
    const constant = this.#draft.constant(id);
    if (constant !== undefined) {
      id = this.#draft.addConstant(`${name}_value`, constant.tensor, undefined, constant.quantization);
    }
    if (constant !== undefined || inputs.includes(id) || outputs.includes(id) || !this.#draft.isOwn(id)) {
      [id] = this.emit('Identity', [id], { name, outputs: [name] }) as [ValueId];
    }
    this.#draft.rename(id, name);
    outputs.push(id);
  }

  round(operand: Operand, quantization: Quantization): Operand {
    const { id } = operand;
    if (this.isConstant(id)) return operand;
    const given = this.quantizationOf(id);
    const same =
      given?.levels === quantization.levels &&
      given?.scale.key === quantization.scale.key &&
      given?.zeroPoint?.key === quantization.zeroPoint?.key;
    if (given !== undefined && same) return operand;
    if (given === undefined && this.#draft.isOwn(id)) {
      this.#draft.setQuantization(id, quantization);
      return operand;
    }
    const name = `${this.#draft.nameOf(id)}_requantized`;
    const [copy] = this.emit('Identity', [id], { name }) as [ValueId];
    this.#draft.setQuantization(copy, quantization);
    return { ...operand, id: copy };
  }

  dtype(operand: Operand): DType | null {
    return this.#draft.facts(operand.id).dtype;
  }

  shape(operand: Operand): Shape | null {
    const shape = this.physicalShape(operand.id);
    return shape === null ? null : fromPlaces(operand.view, shape);
  }

  physicalShape(id: ValueId): Shape | null {
    return this.#draft.facts(id).shape;
  }

  rank(operand: Operand): number {
    const rank = this.physicalShape(operand.id)?.length;
    if (rank !== undefined) return rank;
    throw this.#refuse(this.#draft.nameOf(operand.id), 'has a number of axes that is not known before it is run');
  }

  quantizationOf(id: ValueId): Quantization | undefined {
    return this.#draft.quantization(id);
  }

  isConstant(id: ValueId): boolean {
    return this.#draft.constant(id) !== undefined;
  }

  constantOf(operand: Operand): { readonly tensor: Tensor; readonly quantization?: Quantization } | undefined {
    return this.#draft.constant(this.#lying(operand));
  }

  numbers(operand: Operand): readonly number[] | undefined {
    const elements = this.elements(operand);
    return elements?.every((one) => typeof one === 'number') === true ? elements : undefined;
  }

  elements(operand: Operand): readonly Dim[] | undefined {
    const { elements, dense: known } = this.#draft.facts(this.#lying(operand));
    return elements ?? (known === undefined ? undefined : numbersOf(known));
  }

  /** As the source lays it; only constants and tensors with values are worth bringing there. */
  #lying(operand: Operand): ValueId {
    return operand.view === undefined || !this.isConstant(operand.id) ? operand.id : this.materialize(operand);
  }

  node(op: string, inputs: readonly (Operand | null)[], options: NodeOptions): readonly Operand[] {
    return lowerNode(this, op, inputs, options);
  }

  apply(op: string, inputs: readonly (Operand | null)[], options: NodeOptions): Operand {
    const [result] = this.node(op, inputs, options);
    if (result === undefined) throw new Error(`${op} gives nothing`);
    return result;
  }

  emit(op: string, inputs: readonly (ValueId | null)[], options: NodeOptions): readonly ValueId[] {
    const domain = options.domain ?? '';
    if (domain !== '') this.#domains.add(domain);
    return this.#draft.emit(inputs, {
      op,
      domain,
      name: options.name,
      outputs: options.outputs ?? [options.name],
      attrs: attrsOf(options.attrs),
      ...(options.types === undefined ? {} : { types: options.types }),
    });
  }

  transpose(operand: Operand, order: readonly number[]): Operand {
    const rank = this.physicalShape(operand.id)?.length;
    if (!isOrder(order) || (rank ?? order.length) !== order.length) {
      throw this.#refuse(
        this.#draft.nameOf(operand.id),
        `has ${rank ?? 'an unknown number of'} axes and cannot be transposed by [${order.join(', ')}]`,
      );
    }
    const turned = reordered(operand.view, order);
    return { id: operand.id, ...(turned === undefined ? {} : { view: turned }) };
  }

  materialize(operand: Operand, to?: View): ValueId {
    const { id } = operand;
    if (sameView(operand.view, to)) return id;
    const rank = operand.view?.length ?? to?.length ?? 0;
    const order = orderBetween(operand.view, to, rank);
    if (order.every((axis, at) => axis === at)) return id;
    const key = `${id} ${order.join()}`;
    const known = this.#ordered.get(key);
    if (known !== undefined) return known;
    const made = this.#permutedConstant(id, order) ?? this.#transposed(id, order);
    this.#ordered.set(key, made);
    return made;
  }

  #transposed(id: ValueId, order: readonly number[]): ValueId {
    const name = `${this.#draft.nameOf(id)}_transposed`;
    const [made] = this.emit('Transpose', [id], { name, attrs: { perm: order } }) as [ValueId];
    this.copyGrid(id, made);
    return made;
  }

  #permutedConstant(id: ValueId, order: readonly number[]): ValueId | undefined {
    const found = this.#draft.constant(id);
    if (found === undefined || found.tensor.dtype === 'string') return undefined;
    const { tensor, quantization } = found;
    if (quantization?.block !== undefined) return undefined;
    const { dense: known } = this.#draft.facts(id);
    const name = this.#draft.nameOf(id);
    const moved = permutedTensor(this.store, tensor, order);
    const axis = quantization?.axis === undefined ? undefined : order.indexOf(quantization.axis);
    const grid = quantization === undefined ? undefined : { ...quantization, ...(axis === undefined ? {} : { axis }) };
    if (known === undefined) return this.#draft.addConstant(name, moved, undefined, grid);
    // Folded at once, so that what follows from it can be folded too.
    const [made] = this.emit('Transpose', [id], { name, attrs: { perm: order } }) as [ValueId];
    return made;
  }

  noteFlattened(id: ValueId, of: Operand): void {
    this.#flattened.set(id, of);
  }

  flattenedFrom(id: ValueId): Operand | undefined {
    return this.#flattened.get(id);
  }

  copyGrid(from: ValueId, to: ValueId): void {
    const quantization = this.quantizationOf(from);
    if (quantization !== undefined && !this.isConstant(from)) this.#draft.setQuantization(to, quantization);
  }

  relabeled(id: ValueId, shape: readonly number[]): ValueId | undefined {
    const found = this.#draft.constant(id);
    if (found === undefined || countOf(found.tensor.shape) !== countOf(shape)) return undefined;
    // One constant for all that ask, so that a kernel that several layers share is written once.
    const key = `${id} as ${shape.join()}`;
    const made = this.#ordered.get(key);
    if (made !== undefined) return made;
    const { tensor, quantization } = found;
    if (quantization?.block !== undefined) return undefined;
    const grid = quantization === undefined ? undefined : regridded(quantization, tensor.shape, shape);
    if (quantization !== undefined && grid === undefined) return undefined;
    const { dense: known } = this.#draft.facts(id);
    const renewed = known === undefined ? undefined : { ...known, shape };
    const under = this.#draft.addConstant(this.#draft.nameOf(id), { ...tensor, shape: [...shape] }, renewed, grid);
    this.#ordered.set(key, under);
    return under;
  }

  reshape(...given: Parameters<Lowering['reshape']>): Operand {
    return reshape(this, ...given);
  }

  reduce(
    op: string,
    operand: Operand,
    axes: readonly number[],
    options: { readonly name: string; readonly output?: string; readonly keepDims: boolean },
  ): Operand {
    // Since opset 18 (ReduceSum: 13) the axes are an input.
    const asInput = this.opset >= 18 || op === 'ReduceSum';
    return this.apply(op, asInput ? [operand, this.small(axes)] : [operand], {
      name: options.name,
      outputs: [options.output ?? options.name],
      attrs: { ...(asInput ? {} : { axes }), keepdims: options.keepDims ? 1 : 0 },
    });
  }

  convolve(...given: Parameters<Lowering['convolve']>): Operand {
    return convolve(this, ...given);
  }

  convolveTransposed(...given: Parameters<Lowering['convolveTransposed']>): Operand {
    return convolveTransposed(this, ...given);
  }

  pool(...given: Parameters<Lowering['pool']>): Operand {
    return pool(this, ...given);
  }

  resize(...given: Parameters<Lowering['resize']>): Operand {
    return resize(this, ...given);
  }

  normalizeBatch(...given: Parameters<Lowering['normalizeBatch']>): Operand {
    return normalizeBatch(this, ...given);
  }

  dense(...given: Parameters<Lowering['dense']>): Operand {
    return dense(this, ...given);
  }

  recurrent(...given: Parameters<Lowering['recurrent']>): RecurrentResult {
    return recurrent(this, ...given);
  }

  opaque(operator: string, inputs: readonly (Operand | null)[], options: OpaqueOptions): readonly Operand[] {
    this.notice(opaqueNotice(operator, options));
    const ids = this.emit(
      operator,
      inputs.map((one) => (one === null ? null : this.materialize(one))),
      {
        name: options.name,
        outputs: options.outputs,
        domain: options.domain,
        attrs: {
          reason: options.reason,
          hint: options.hint,
          ...(options.options === undefined ? {} : { options: { type: 'string', value: options.options } }),
        },
        ...(options.types === undefined ? {} : { types: options.types }),
      },
    );
    return ids.map((id) => ({ id }));
  }

  subgraph(
    name: string,
    inputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape | null }[],
    build: (inside: Lowering, inputs: readonly Operand[]) => readonly Operand[],
  ): Graph {
    const inside = new Builder(this.#options, this);
    const entries = inputs.map((one) => ({ id: inside.#draft.addInput(one.name, one.dtype, one.shape) }));
    for (const [at, operand] of build(inside, entries).entries()) inside.output(`output_${at}`, operand);
    return inside.#draft.graph(name, this.#taken, `${name}/`);
  }

  notice(notice: Notice): void {
    this.#notices.push(notice);
  }

  finish(): { readonly model: Model; readonly notices: readonly Notice[] } {
    const { name, source, producer, metadata } = this.#options;
    const opsets = new Map<string, number>([['', this.opset]]);
    for (const domain of this.#domains) opsets.set(domain, 1);
    const model: Model = {
      name,
      // Names of subgraphs are given out already; asking twice gives the same names.
      graph: this.#draft.graph(name, { values: new Set(this.#taken.values), nodes: new Set(this.#taken.nodes) }),
      opsets,
      irVersion: this.opset >= 21 ? 10 : this.opset >= 19 ? 9 : 8,
      producer: producer ?? { name: '', version: '' },
      metadata: metadata ?? new Map(),
      functions: [],
      source,
    };
    const [blocker] = verifyModel(model).filter((notice) => notice.level === 'blocker');
    if (blocker !== undefined) {
      throw this.#refuse(blocker.at ?? name, `does not make a graph that can run: ${blocker.text}`);
    }
    return { model, notices: this.#notices };
  }

  #refuse(place: string, what: string): PareError {
    return refusal(place, what, 'Export the model again, or report it with the model.').inFile(
      this.#options.source.file,
    );
  }
}
