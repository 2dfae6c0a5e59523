/**
 * Decides everything as plain data: which layers become integers, which values are rounded to which grid, which constants and
 * biases follow, what disappears. Only reading happens here.
 */
import { checkCancelled } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import { Call } from '#ops/call.ts';
import { adjustForBias, biasScale } from './bias.ts';
import { chooseLayers, leavesAsFloat, type Chosen, type Reason, type Surroundings } from './choose.ts';
import { chooseGrid, groupingFor, type ConstantGrid, type ConstantPlan } from './constants.ts';
import { Marks, type BiasMark, type Fold, type Mark } from './marks.ts';
import { scaleOf, spreadOver, type LevelType, type ScaleZero } from './numbers.ts';
import type { StaticOptions } from './options.ts';
import { productInputs } from './correct-bias.ts';
import { isCutOff, Ranges } from './ranges.ts';
import { ruleFor } from './rules.ts';

/** The grid of one activation. */
export interface ActivationPlan extends ScaleZero {
  readonly value: ValueId;
  readonly type: LevelType;
  /** The value whose scale it shares, where nothing is computed between them. */
  readonly like?: ValueId;
}

/** Layers that read an activation on other levels than it was made with. */
export interface ConversionPlan extends ScaleZero {
  readonly value: ValueId;
  readonly type: LevelType;
  readonly readers: readonly Node[];
}

export interface BiasPlan extends BiasMark {
  /** Mean of each channel of the input: what the rounding of the weights adds on average is taken off the bias. */
  readonly inputMeans?: Float64Array;
  /** One value, or one for each channel. */
  readonly scale: Float32Array;
  readonly channels: number;
}

export interface StaticPlan extends Chosen {
  readonly folds: readonly Fold[];
  readonly activations: ReadonlyMap<ValueId, ActivationPlan>;
  readonly conversions: readonly ConversionPlan[];
  readonly constants: readonly { readonly plan: ConstantPlan; readonly grid: ConstantGrid }[];
  readonly biases: readonly BiasPlan[];
  readonly scaledGemms: readonly Node[];
  readonly notices: readonly Notice[];
}

const TYPES = { uint8: 'u8', int8: 'i8', uint16: 'u16', int16: 'i16' } as const;
/** Layers without a wish of their own: they pass on what they get. */
const INDIFFERENT = new Set(['Relu', 'Clip', 'Identity']);

export async function planStatic(
  base: Omit<Surroundings, 'blocked'>,
  padsZero: (node: Node) => boolean,
): Promise<StaticPlan> {
  const { edit, desk, options } = base;
  const blocked = new Map<Node, Reason>();
  const ranges = new Ranges(desk, options);
  for (;;) {
    checkCancelled(desk.signal);
    const chosen = chooseLayers({ ...base, blocked });
    const widths = new Set([...chosen.nodes].map((node) => bitsOf(wishOf(base, node))));
    const means = options.correctBias && !options.match ? productInputs(edit, chosen.nodes) : undefined;
    await ranges.fetch(activationsOf(base, chosen), [...widths], options.symmetric, means);
    ranges.adjust(edit, chosen.nodes);
    const marks = markLayers(base, chosen, ranges, padsZero);
    const before = blocked.size;
    block(marks, ranges, blocked);
    if (blocked.size === before) return finishPlan(base, chosen, marks, ranges);
  }
}

function activationsOf({ edit, typeOf, options }: Omit<Surroundings, 'blocked'>, chosen: Chosen): readonly ValueId[] {
  const found = new Set<ValueId>();
  // Half of the values of many networks: what Relu and Clip cut off need not be looked at.
  const cutOff = new Set(
    [...chosen.nodes].flatMap((node) => (!options.match && isCutOff(edit, node, false) ? [node.inputs[0]!] : [])),
  );
  for (const node of chosen.nodes) {
    for (const id of [...node.inputs, ...node.outputs]) {
      if (id === null || cutOff.has(id) || typeOf(id) !== 'f32') continue;
      const constant = options.match ? edit.value(id).constant : edit.constantOf(id);
      if (constant === undefined) found.add(id);
    }
  }
  return [...found];
}

function markLayers(
  { edit, desk, options, opset, typeOf }: Omit<Surroundings, 'blocked'>,
  chosen: Chosen,
  ranges: Ranges,
  padsZero: (node: Node) => boolean,
): Marks {
  const integer = options.operators === 'integer' && !options.match;
  const marks = new Marks(edit, {
    match: options.match,
    opset,
    isFloat: (id) => typeOf(id) === 'f32',
    perChannel: (node) => desk.optionsFor(node.name, options).perChannel,
    symmetric: options.symmetric,
    keepRelu: options.keepRelu,
    force: integer || options.forceQuantize,
    hasRange: (id) => ranges.has(id),
    keepsFloat: (node) => integer && leavesAsFloat(edit, chosen.nodes, node),
  });
  for (const node of edit.graph.nodes) if (chosen.nodes.has(node)) ruleFor(node.op)(marks, node, padsZero);
  return marks;
}

/** Layers that cannot be had after all: they are left, and the choice is made again. */
function block(marks: Marks, ranges: Ranges, blocked: Map<Node, Reason>): void {
  for (const [node, name] of marks.conflicts) {
    blocked.set(node, {
      code: 'shared-otherwise',
      text: `"${name}" is read by another layer that needs it rounded in another way.`,
    });
  }
  for (const [id, mark] of marks.values) {
    if (mark.like !== undefined || marks.isConstant(id) || ranges.has(id)) continue;
    const { name } = marks.edit.value(id);
    for (const node of mark.by) {
      blocked.set(node, {
        code: 'no-range',
        text: `No sample reached "${name}", so its range is not known. More varied samples would change that.`,
      });
    }
  }
}

async function finishPlan(
  around: Omit<Surroundings, 'blocked'>,
  chosen: Chosen,
  marks: Marks,
  ranges: Ranges,
): Promise<StaticPlan> {
  const { edit, desk, options } = around;
  const notices: Notice[] = [];
  const measured = desk.evidence !== null;
  const constants: { plan: ConstantPlan; grid: ConstantGrid }[] = [];
  for (const [id, mark] of marks.values) {
    if (!marks.isConstant(id)) continue;
    const plan = constantPlan(around, id, mark);
    constants.push({ plan, grid: await chooseGrid(plan, desk) });
  }
  const base = { ...chosen, folds: marks.folds, scaledGemms: marks.scaledGemms, constants, notices };
  if (!measured) return { ...base, activations: new Map(), conversions: [], biases: [] };
  const activations = new Map<ValueId, ActivationPlan>();
  for (const [id, mark] of marks.values) {
    if (!marks.isConstant(id) && mark.like === undefined)
      activations.set(id, activationPlan(around, marks, ranges, id, mark, notices));
  }
  // What moves along takes the grid of where it came from, however long the way.
  for (let open = true; open;) {
    open = false;
    for (const [id, { like }] of marks.values) {
      if (like === undefined || activations.has(id)) continue;
      const source = activations.get(like) ?? gridOfConstant(constants, like);
      if (source === undefined) continue;
      activations.set(id, { ...source, value: id, like });
      open = true;
    }
  }
  const conversions = conversionsOf(around, marks, ranges, activations);
  const inputScale = (mark: BiasMark): number | undefined =>
    (
      conversions.find(({ value, readers }) => value === mark.input && readers.includes(mark.node)) ??
      activations.get(mark.input)
    )?.scale;
  const biases: BiasPlan[] = [];
  // onnxruntime's quantizer looks at the range of the input itself here, even where the input keeps another value's grid.
  const scaleToFit = (mark: BiasMark): number | undefined => {
    const own = options.match && activations.get(mark.input)?.like !== undefined && ranges.has(mark.input);
    if (!own) return inputScale(mark);
    const wish = wishOf(around, mark.node);
    return gridFor(options, ranges.get(mark.input, bitsOf(wish)), wish).scale;
  };
  if (options.widenForBias) await adjustForBias(edit, desk, marks.biases, constants, scaleToFit);
  for (const mark of options.quantizeBias ? marks.biases : []) {
    if (options.match && marks.values.has(mark.bias)) continue;
    const weight = constants.find(({ plan }) => plan.value === mark.weight);
    const scale = inputScale(mark);
    const weightScale =
      weight?.grid.scale ??
      (activations.has(mark.weight) ? Float32Array.of(activations.get(mark.weight)!.scale) : undefined);
    if (scale === undefined || weightScale === undefined) continue;
    const inputMeans = options.correctBias && !options.match ? ranges.channelMeans(mark.input) : undefined;
    biases.push({
      ...mark,
      ...(inputMeans === undefined ? {} : { inputMeans }),
      scale: biasScale(mark, scale, weightScale, options.match),
      channels: channelsOf(weight?.plan, mark, edit),
    });
  }
  return { ...base, activations, conversions, biases };
}

function channelsOf(weight: ConstantPlan | undefined, mark: BiasMark, edit: Editor): number {
  if (weight !== undefined && weight.grouping.granularity === 'channel') return weight.grouping.rows;
  const shape = edit.constantOf(mark.weight)?.shape ?? [];
  if (mark.node.op === 'Conv') return shape[0] ?? 1;
  if (mark.node.op === 'Gemm') return shape[new Call(mark.node, 13, []).int('transB', 0) > 0 ? 0 : 1] ?? 1;
  return edit.constantOf(mark.bias)?.shape.at(-1) ?? 1;
}

interface GridWish {
  readonly type: LevelType;
  readonly symmetric: boolean;
}

function wishOf({ desk, options }: Pick<Surroundings, 'desk' | 'options'>, node: Node): GridWish {
  const own: StaticOptions = desk.optionsFor(node.name, options);
  return { type: TYPES[own.activations], symmetric: options.symmetric };
}

function bitsOf({ type }: GridWish): number {
  return type === 'u8' || type === 'i8' ? 8 : 16;
}

/** The layer that makes a value decides its levels; where that one stays float, the layer that wants the finest. */
function gridWish(around: Omit<Surroundings, 'blocked'>, marks: Marks, id: ValueId, mark: Mark): GridWish {
  const maker = around.edit.producer(marks.standIn(id));
  if (maker !== undefined && mark.by.includes(maker) && !INDIFFERENT.has(maker.op)) return wishOf(around, maker);
  if (maker !== undefined && marks.standIn(id) !== id) return wishOf(around, maker);
  const wishes = mark.by.map((node) => wishOf(around, node));
  return wishes.find((wish) => bitsOf(wish) === 16) ?? wishes[0] ?? wishOf(around, mark.by[0]!);
}

function activationPlan(
  around: Omit<Surroundings, 'blocked'>,
  marks: Marks,
  ranges: Ranges,
  id: ValueId,
  mark: Mark,
  notices: Notice[],
): ActivationPlan {
  const wish = gridWish(around, marks, id, mark);
  const range = ranges.get(id, bitsOf(wish));
  const { name } = around.edit.value(id);
  if (range.constant) {
    notices.push({
      level: 'info',
      code: 'quantize/constant-activation',
      at: name,
      text: `"${name}" was ${String(range.low)} in every sample. Its grid holds that and zero; samples that vary would give it a range.`,
    });
  }
  return { value: id, type: wish.type, ...gridFor(around.options, range, wish) };
}

function gridFor(
  options: StaticOptions,
  range: { readonly low: number; readonly high: number },
  wish: GridWish,
): ScaleZero {
  return scaleOf(range, spreadOver(wish.type, wish.symmetric), wish.symmetric, options.minimumRealRange);
}

function conversionsOf(
  around: Omit<Surroundings, 'blocked'>,
  marks: Marks,
  ranges: Ranges,
  activations: ReadonlyMap<ValueId, ActivationPlan>,
): readonly ConversionPlan[] {
  const found: ConversionPlan[] = [];
  for (const [id, grid] of activations) {
    const byType = new Map<LevelType, Node[]>();
    for (const node of marks.values.get(id)?.by ?? []) {
      const wish = wishOf(around, node);
      if (wish.type === grid.type || !node.inputs.includes(id) || movesOnly(marks, node, id)) continue;
      byType.set(wish.type, [...(byType.get(wish.type) ?? []), node]);
    }
    for (const [type, readers] of byType) {
      const wish = { type, symmetric: around.options.symmetric };
      const source = rootOf(marks, ranges, id);
      found.push({ value: id, type, readers, ...gridFor(around.options, ranges.get(source, bitsOf(wish)), wish) });
    }
  }
  return found;
}

/** Relu that is folded, or a layer whose output takes over the grid of this input. */
function movesOnly(marks: Marks, node: Node, id: ValueId): boolean {
  if (marks.folds.some((fold) => fold.node === node)) return true;
  return node.outputs.some((output) => output !== null && marks.values.get(output)?.like === id);
}

function rootOf(marks: Marks, ranges: Ranges, id: ValueId): ValueId {
  const like = marks.values.get(id)?.like;
  return like === undefined || ranges.has(id) ? id : rootOf(marks, ranges, like);
}

function gridOfConstant(
  constants: readonly { readonly plan: ConstantPlan; readonly grid: ConstantGrid }[],
  id: ValueId,
): Omit<ActivationPlan, 'value'> | undefined {
  const found = constants.find(({ plan }) => plan.value === id);
  if (found === undefined || found.grid.scale.length !== 1) return undefined;
  return { type: found.plan.type, scale: found.grid.scale[0]!, zeroPoint: found.grid.zeroPoint[0]! };
}

function constantPlan(
  { edit, desk, options }: Omit<Surroundings, 'blocked'>,
  value: ValueId,
  mark: Mark,
): ConstantPlan {
  const [owner] = mark.by;
  const own = owner === undefined ? options : desk.optionsFor(owner.name, options);
  const tensor = edit.constantOf(value)!;
  const weight = mark.kind === 'weight';
  const type = weight ? weightType(own) : TYPES[own.activations];
  const symmetric = mark.axis !== undefined || (weight ? type === 'i8' || type === 'i16' : options.symmetric);
  return {
    value,
    name: edit.value(value).name,
    tensor,
    readers: mark.by,
    kind: mark.kind,
    type,
    symmetric,
    reduced: own.reduceRange,
    range: weight ? own.weightRange : 'minmax',
    narrowest: own.minimumRealRange,
    grouping: groupingFor(tensor.shape, mark.axis),
  };
}

/** int8 activations times uint8 weights have no kernel. */
function weightType(options: StaticOptions): LevelType {
  return options.weights === 'uint8' && options.activations.startsWith('uint') ? 'u8' : 'i8';
}
