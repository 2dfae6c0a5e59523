/** Carries a plan out: folds, grids, constants and biases. Layers keep their names; the values they read are what changes. */
import type { Editor } from '#ir/editor.ts';
import type { Attr, Node, Quantization, Tensor, ValueId } from '#ir/model.ts';
import { dropUnread, replaceConstant } from '#passes/constants.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import type { Desk } from '#passes/pass.ts';
import { spreadBias } from './bias.ts';
import { roundingShift } from './correct-bias.ts';
import { readFloats, storeLevels, type ConstantGrid, type ConstantPlan } from './constants.ts';
import { levelArray, toBiasLevels, type LevelType, type ScaleZero } from './numbers.ts';
import type { BiasPlan, StaticPlan } from './plan.ts';

/** Sentences about what did not work out, by layer. */
export type Remarks = ReadonlyMap<Node, string>;

export async function applyStatic(edit: Editor, plan: StaticPlan, desk: Desk, everywhere: boolean): Promise<Remarks> {
  const work = new Work(edit, desk, everywhere);
  for (const { plan: constant, grid } of plan.constants) await work.constant(constant, grid);
  const remarks = new Map<Node, string>();
  const seen = new Set<ValueId>();
  for (const bias of plan.biases) {
    const weight = plan.constants.find((constant) => constant.plan.value === bias.weight);
    const remark = await work.bias(bias, seen.has(bias.bias), weight);
    seen.add(bias.bias);
    if (remark !== undefined) remarks.set(bias.node, remark);
  }
  for (const node of plan.scaledGemms) {
    if (everywhere || plan.biases.some((bias) => bias.node === node)) work.forgetBeta(node);
  }
  const standIns = new Map<ValueId, ValueId>();
  for (const { node, from, to } of plan.folds) {
    const upstream = standIns.get(from) ?? from;
    work.fold(node, upstream, to);
    standIns.set(to, upstream);
  }
  const here = (id: ValueId): ValueId => standIns.get(id) ?? id;
  for (const grid of plan.activations.values())
    work.round(here(grid.value), grid, plan.activations.get(rootOf(plan, grid.value)) ?? grid);
  for (const conversion of plan.conversions) work.convert(here(conversion.value), conversion, conversion.readers);
  return remarks;
}

function rootOf(plan: StaticPlan, id: ValueId): ValueId {
  const like = plan.activations.get(id)?.like;
  return like === undefined || !plan.activations.has(like) ? id : rootOf(plan, like);
}

class Work {
  readonly #edit: Editor;
  readonly #desk: Desk;
  /** Every reader of a constant gets the rounded one, not only the layers that asked for it. */
  readonly #everywhere: boolean;
  readonly #tickets = new Map<object, Quantization>();

  constructor(edit: Editor, desk: Desk, everywhere: boolean) {
    this.#edit = edit;
    this.#desk = desk;
    this.#everywhere = everywhere;
  }

  async constant(plan: ConstantPlan, grid: ConstantGrid): Promise<void> {
    const { grouping } = plan;
    const quantization: Quantization = {
      scale: this.#desk.weights.put('f32', grouping.scaleShape, copyBytes(grid.scale)),
      zeroPoint: this.#zeroPoints(plan.type, grouping.scaleShape, grid.zeroPoint),
      ...(grouping.axis === undefined ? {} : { axis: grouping.axis }),
      convention: conventionOf(plan),
      form: 'dequantize',
    };
    const levels = await storeLevels(plan, grid, this.#desk);
    this.#put(plan.value, plan.readers, levels, quantization);
  }

  /** In place where all readers want it so; else those who do get one of their own. */
  #put(id: ValueId, readers: readonly Node[], levels: Tensor, quantization: Quantization): void {
    const edit = this.#edit;
    const wanting = new Set(readers.map((node) => node.id));
    const others = edit.users(id).filter((user) => !wanting.has(user.id));
    if (this.#everywhere || (others.length === 0 && !edit.isOutput(id))) {
      replaceConstant(edit, id, levels, quantization, 'f32');
      return;
    }
    const own = edit.addConstant(edit.value(id).name, levels, quantization);
    for (const reader of edit.users(id)) {
      if (wanting.has(reader.id))
        edit.setInputs(
          reader,
          reader.inputs.map((input) => (input === id ? own : input)),
        );
    }
  }

  /** `again`: another layer has this bias on its grid already. */
  async bias(
    plan: BiasPlan,
    again: boolean,
    weight: { readonly plan: ConstantPlan; readonly grid: ConstantGrid } | undefined,
  ): Promise<string | undefined> {
    const edit = this.#edit;
    const { node, bias, beta, channels } = plan;
    const floats = spreadBias(await readFloats(edit, bias, this.#desk), channels, this.#everywhere ? 1 : beta);
    const shift =
      plan.inputMeans === undefined || weight === undefined
        ? undefined
        : await roundingShift(node, weight.plan, weight.grid, plan.inputMeans, this.#desk);
    const corrected = shift === undefined ? floats : floats.map((value, channel) => value - (shift[channel] ?? 0));
    const { levels, clipped } = toBiasLevels(corrected, plan.scale);
    const perChannel = plan.scale.length > 1 || channels === 1;
    const shape = plan.scale.length > 1 ? [plan.scale.length] : [];
    const quantization: Quantization = {
      scale: this.#desk.weights.put('f32', shape, copyBytes(plan.scale)),
      ...(perChannel && shape.length > 0 ? { axis: 0 } : {}),
      form: 'dequantize',
    };
    const tensor = this.#desk.weights.put('i32', [channels], copyBytes(levels));
    const others = edit.users(bias).filter((user) => user.id !== node.id);
    if (!again && others.length === 0 && !edit.isOutput(bias)) {
      replaceConstant(edit, bias, tensor, quantization, 'f32');
    } else {
      const own = edit.addConstant(edit.value(bias).name, tensor, quantization);
      const current = this.#current(node);
      edit.setInputs(
        current,
        current.inputs.map((input, at) => (at === 2 ? own : input)),
      );
      dropUnread(edit, bias);
    }
    if (clipped === 0) return undefined;
    return `${String(clipped)} of its ${String(channels)} biases did not fit into int32 and were clipped: let the weight's scale be widened.`;
  }

  forgetBeta(node: Node): void {
    const current = this.#current(node);
    const attrs = new Map<string, Attr>(current.attrs);
    attrs.delete('beta');
    this.#edit.setAttrs(current, attrs);
  }

  fold(node: Node, from: ValueId, to: ValueId): void {
    const edit = this.#edit;
    const { name, dtype, shape } = edit.value(to);
    edit.replaceUses(to, from, true);
    const current = edit.users(from).find((user) => user.id === node.id) ?? node;
    const settings = current.inputs.slice(1);
    edit.removeNode(current);
    for (const id of settings) if (id !== null) dropUnread(edit, id);
    edit.setValue(from, { name, dtype: dtype ?? edit.value(from).dtype, shape: shape ?? edit.value(from).shape });
  }

  /** Values on one grid share its tickets, so that a file holds its constants once. */
  round(id: ValueId, grid: ScaleZero & { readonly type: LevelType }, root: object): void {
    const known = this.#tickets.get(root) ?? this.#grid(grid);
    this.#tickets.set(root, known);
    this.#edit.setQuantization(id, known);
  }

  convert(id: ValueId, grid: ScaleZero & { readonly type: LevelType }, readers: readonly Node[]): void {
    const edit = this.#edit;
    const { name, dtype, shape } = edit.value(id);
    const maker = edit.producer(id);
    const copy = edit.addNode(
      { name: `${name}_convert`, op: 'Identity', inputs: [id], outputs: [{ name: `${name}_convert`, dtype, shape }] },
      maker === undefined ? { startOf: [] } : { after: maker },
    );
    const own = copy.outputs[0]!;
    edit.setQuantization(own, this.#grid(grid));
    const wanting = new Set(readers.map((node) => node.id));
    for (const reader of edit.users(id)) {
      if (wanting.has(reader.id))
        edit.setInputs(
          reader,
          reader.inputs.map((input) => (input === id ? own : input)),
        );
    }
  }

  #grid({ type, scale, zeroPoint }: ScaleZero & { readonly type: LevelType }): Quantization {
    return {
      scale: this.#desk.weights.put('f32', [], copyBytes(Float32Array.of(scale))),
      zeroPoint: this.#zeroPoints(type, [], [zeroPoint]),
      levels: type,
    };
  }

  #zeroPoints(type: LevelType, shape: readonly number[], values: ArrayLike<number>): Tensor {
    const levels = levelArray(type, values.length);
    levels.set(values);
    return this.#desk.weights.put(type, shape, copyBytes(levels));
  }

  /** The node as it stands after earlier edits. */
  #current(node: Node): Node {
    const output = node.outputs.find((id) => id !== null);
    return (output === undefined ? undefined : this.#edit.producer(output!)) ?? node;
  }
}

/** Names as in `conventions.ts`. */
export function conventionOf({
  type,
  symmetric,
  reduced,
}: Pick<ConstantPlan, 'type' | 'symmetric' | 'reduced'>): string {
  const name = type.replace('i', 'int').replace('u', 'uint');
  if (!symmetric) return `${name}-asymmetric`;
  if (reduced) return `${name}-symmetric-reduced-${type.endsWith('8') ? '64' : '16384'}`;
  return type.startsWith('i')
    ? `${name}-symmetric-narrow-${type === 'i8' ? '127' : '32767'}`
    : `${name}-symmetric-full-255`;
}
