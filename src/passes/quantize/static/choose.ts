/**
 * Which layers become integers, and for every other one why it stays float.
 *
 * `integer`: layers that multiply with stored weights (Conv, Gemm, MatMul) always; what stands between them when onnxruntime
 * computes it in integers or moves integers through it, all it reads comes from such layers, and such a layer follows. So a
 * value is rounded where integers are computed from it, and no pair stands around work that stays float.
 */
import { countOf, type DType } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import type { Desk } from '#passes/pass.ts';
import { Call } from '#ops/call.ts';
import type { StaticOptions } from './options.ts';
import { ONNXRUNTIME_OPERATORS } from './rules.ts';

export interface Reason {
  readonly code: string;
  readonly text: string;
}

export interface Chosen {
  /** In execution order. */
  readonly nodes: ReadonlySet<Node>;
  readonly left: ReadonlyMap<Node, Reason>;
}

export interface Surroundings {
  readonly edit: Editor;
  readonly desk: Desk;
  readonly options: StaticOptions;
  readonly opset: number;
  /** Element type of a value, inferred where the file does not say. */
  readonly typeOf: (id: ValueId) => DType | null;
  /** Layers that turned out not to be possible, such as those of values without a range. */
  readonly blocked: ReadonlyMap<Node, Reason>;
}

const CORES = new Set(['Conv', 'Gemm', 'MatMul']);
/** onnxruntime has an integer kernel for them: QLinearAdd and so on (qdq_selectors.cc). */
const COMPUTED = new Set([
  'Add',
  'Mul',
  'AveragePool',
  'GlobalAveragePool',
  'LeakyRelu',
  'Sigmoid',
  'Softmax',
  'Concat',
  'Where',
  'MatMul',
]);
/** Integers go through them as they are; through Pad at least their grid does. */
const MOVED = new Set([
  'Expand',
  'Flatten',
  'Gather',
  'GatherElements',
  'MaxPool',
  'Pad',
  'Reshape',
  'Resize',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);
const FOLDED = new Set(['Relu', 'Clip']);
const OLDEST: Readonly<Record<string, number>> = { MaxPool: 12, Resize: 11 };
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);
const DETECTION = new Set(['NonMaxSuppression', 'TopK', 'RoiAlign', 'MaxRoiPool', 'ArgMax', 'ArgMin', 'NonZero']);

export function chooseLayers(around: Surroundings): Chosen {
  const { edit, options } = around;
  const main = edit.graph.nodes;
  const left = new Map<Node, Reason>();
  const inMain = new Set(main);
  for (const node of edit.nodes()) if (!inMain.has(node)) left.set(node, SUBGRAPH);
  const candidates = new Set<Node>();
  for (const node of main) {
    const reason = reasonToLeave(around, node);
    if (reason === undefined) candidates.add(node);
    else left.set(node, reason);
  }
  if (options.operators === 'integer' && !options.match) keepConnected(around, candidates, left);
  return { nodes: candidates, left };
}

const SUBGRAPH: Reason = {
  code: 'subgraph',
  text: 'It lies in a branch or loop, whose values calibration does not see, and stays float.',
};

function reasonToLeave(around: Surroundings, node: Node): Reason | undefined {
  const { edit, desk, options, blocked } = around;
  const everything = options.match || options.operators === 'onnxruntime';
  const known = blocked.get(node) ?? quantizedAlready(edit, node);
  if (known !== undefined) return known;
  if (!desk.includes(node.name, node.op)) return { code: 'excluded', text: desk.whyNot(node.name, node.op) };
  if (everything && ONNXRUNTIME_OPERATORS.has(node.op)) return undefined;
  if (node.domain !== '') return noKernel(around, node);
  if (!readsFloats(around, node)) return withoutFloats(around, node);
  if (everything) {
    return { code: 'not-in-set', text: `onnxruntime's quantizer does not take ${node.op} unless told to.` };
  }
  if (CORES.has(node.op)) {
    const reason = coreProblem(around, node);
    if (reason === undefined || node.op !== 'MatMul' || reason.code !== 'not-constant') return reason;
    return undefined;
  }
  if (!COMPUTED.has(node.op) && !MOVED.has(node.op) && !FOLDED.has(node.op)) return noKernel(around, node);
  const oldest = OLDEST[node.op] ?? 0;
  if (around.opset < oldest) {
    return {
      code: 'opset',
      text: `Integers go through ${node.op} from opset ${String(oldest)} on, and the model is at ${String(around.opset)}.`,
    };
  }
  if ((node.op === 'Gather' || node.op === 'GatherElements') && edit.constantOf(node.inputs[0]) !== undefined) {
    return {
      code: 'table',
      text: 'It looks up rows of a stored table, which stay float: quantize/weights makes tables smaller.',
    };
  }
  if (node.op === 'Resize' && new Call(node, around.opset, []).string('mode', 'nearest') === 'cubic')
    return noKernel(around, node);
  return undefined;
}

function quantizedAlready(edit: Editor, node: Node): Reason | undefined {
  if (node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear') {
    return { code: 'already-quantized', text: 'The model came with it: what is quantized already stays as it is.' };
  }
  for (const id of [...node.inputs, ...node.outputs]) {
    if (id === null) continue;
    const { name, quantization } = edit.value(id);
    if (quantization !== undefined) {
      return {
        code: 'already-quantized',
        text: `"${name}" was quantized by an earlier step. Leave that step out to change it.`,
      };
    }
    const maker = edit.producer(id);
    if (maker?.op === 'DequantizeLinear' || edit.users(id).some(({ op }) => op === 'QuantizeLinear')) {
      return {
        code: 'already-quantized',
        text: `"${name}" is quantized in the file already. Start from the float model to change that.`,
      };
    }
  }
  return undefined;
}

function readsFloats({ typeOf }: Surroundings, node: Node): boolean {
  return [...node.inputs, ...node.outputs].some((id) => id !== null && typeOf(id) === 'f32');
}

function withoutFloats({ typeOf }: Surroundings, node: Node): Reason {
  const other = [...node.inputs, ...node.outputs].find(
    (id) => id !== null && ['f16', 'bf16', 'f64'].includes(typeOf(id) ?? ''),
  );
  if (other == null)
    return { code: 'no-floats', text: 'It works on integers, shapes or truth values: there is nothing to round.' };
  return {
    code: 'not-float32',
    text: `It computes in ${typeOf(other) ?? 'another type'}; integers are computed from float32 layers only.`,
  };
}

function noKernel({ typeOf }: Surroundings, node: Node): Reason {
  if (RECURRENT.has(node.op)) {
    return {
      code: 'recurrent',
      text: `${node.op} stays float: onnxruntime runs it in integers with ranges measured while it runs. quantize/dynamic does that.`,
    };
  }
  if (DETECTION.has(node.op)) {
    return { code: 'selection', text: `${node.op} picks by order and stays float: rounding would make ties.` };
  }
  if ([...node.attrs.values()].some(({ type }) => type === 'graph' || type === 'graphs')) {
    return {
      code: 'control-flow',
      text: `${node.op} only decides which of its layers run: there is nothing to round.`,
    };
  }
  const makesOthers = node.outputs.every((id) => id === null || ![null, 'f32'].includes(typeOf(id)));
  if (makesOthers) return { code: 'no-floats', text: `${node.op} makes no floats here: there is nothing to round.` };
  const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  return {
    code: 'no-integer-kernel',
    text: `onnxruntime computes ${op} in float on CPUs, so rounding around it would only cost.`,
  };
}

const ONE_CHANNEL =
  'It reads a single channel, and onnxruntime gathers that byte by byte for its integer kernel: float is several times as fast.';

/** Why a layer with weights cannot become integers. */
function coreProblem({ edit, desk, options, opset }: Surroundings, node: Node): Reason | undefined {
  const [, weight, bias] = node.inputs;
  const shape = edit.constantOf(weight)?.shape;
  if (shape === undefined && node.op === 'MatMul' && edit.constantOf(node.inputs[0]) !== undefined) return undefined;
  if (shape === undefined) {
    return {
      code: 'not-constant',
      text: 'Its second operand is computed, so there is no stored weight. Fold constants first where it could be one.',
    };
  }
  const { minimumElements } = desk.optionsFor(node.name, options);
  if (countOf(shape) < Math.max(1, minimumElements)) {
    return {
      code: 'too-small',
      text: `Its weight has ${String(countOf(shape))} elements, fewer than the ${String(minimumElements)} asked for; a lower "Smallest weight" would include it.`,
    };
  }
  const call = new Call(node, opset, []);
  if (node.op === 'Gemm' && call.float('alpha', 1) !== 1) {
    return { code: 'alpha', text: 'It multiplies its products with a factor (alpha), and no integer kernel does.' };
  }
  if (node.op === 'Conv' && shape[1] === 1 && call.int('group', 1) === 1 && countOf(shape.slice(2)) >= 4) {
    return { code: 'one-channel', text: ONE_CHANNEL };
  }
  if (bias == null) return undefined;
  const biasShape = edit.constantOf(bias)?.shape;
  if (biasShape === undefined) {
    return {
      code: 'bias-not-constant',
      text: 'Its bias is computed, and integers need a stored one. Fold constants first where it could be one.',
    };
  }
  const channels = node.op === 'Conv' ? shape[0] : shape[call.int('transB', 0) > 0 ? 0 : 1];
  const count = countOf(biasShape);
  if (count === 1 || (count === channels && biasShape.at(-1) === channels)) return undefined;
  return {
    code: 'bias-shape',
    text: `Its bias has the shape [${biasShape.join(', ')}], and integers need one value for each of the ${String(channels)} channels.`,
  };
}

/** Takes layers out until each one that is left reads integers and leads to a layer with weights. */
function keepConnected({ edit, typeOf }: Surroundings, chosen: Set<Node>, left: Map<Node, Reason>): void {
  const isCore = (node: Node): boolean =>
    CORES.has(node.op) && node.inputs.slice(0, 2).some((id) => edit.constantOf(id) !== undefined);
  const rounded = (id: ValueId): boolean =>
    edit.users(id).some((user) => chosen.has(user) && isCore(user) && readsData(user, id));
  const fed = (node: Node): Node | 'input' | undefined => {
    for (const id of node.inputs) {
      if (id === null || typeOf(id) !== 'f32' || edit.constantOf(id) !== undefined) continue;
      const maker = edit.producer(id);
      if (maker !== undefined && chosen.has(maker)) continue;
      if (!FOLDED.has(node.op) && rounded(id)) continue;
      const allRead = edit.users(id).every((user) => chosen.has(user));
      if (maker === undefined && MOVED.has(node.op) && allRead && !edit.isOutput(id)) continue;
      return maker ?? 'input';
    }
    return undefined;
  };
  for (let changed = true; changed;) {
    changed = false;
    const leads = leadingTo(edit, chosen, isCore);
    for (const node of chosen) {
      if (isCore(node)) continue;
      const reason = whyApart(edit, node, fed(node), leads.has(node));
      if (reason === undefined) continue;
      chosen.delete(node);
      left.set(node, reason);
      changed = true;
    }
  }
}

function readsData(node: Node, id: ValueId): boolean {
  return node.inputs[0] === id || (node.op === 'MatMul' && node.inputs[1] === id);
}

/** Layers from which a layer with weights is reached through layers that are chosen. */
function leadingTo(edit: Editor, chosen: ReadonlySet<Node>, isCore: (node: Node) => boolean): ReadonlySet<Node> {
  const leads = new Set<Node>();
  for (const node of [...chosen].toReversed()) {
    const readers = node.outputs.flatMap((id) => (id === null ? [] : edit.users(id)));
    if (readers.some((reader) => chosen.has(reader) && (isCore(reader) || leads.has(reader)))) leads.add(node);
  }
  return leads;
}

function whyApart(edit: Editor, node: Node, from: Node | 'input' | undefined, leads: boolean): Reason | undefined {
  if (from !== undefined) {
    const what = from === 'input' ? 'an input of the model' : `${from.op} "${from.name}", which stays float`;
    return {
      code: 'float-input',
      text: `It reads ${what}: turning that into integers for it would cost more than it gains.`,
    };
  }
  if (FOLDED.has(node.op)) {
    const [input] = node.inputs;
    const alone = input != null && edit.users(input).length === 1 && !edit.isOutput(input);
    // Products may leave as floats: what follows them alone is better done in float as well.
    if (alone && !leads && edit.producer(input)?.op !== 'Conv') return TAIL;
    return alone
      ? undefined
      : { code: 'not-folded', text: 'Other layers read its input as well, so the layer before it cannot do its work.' };
  }
  return leads ? undefined : TAIL;
}

const TAIL: Reason = {
  code: 'tail',
  text: 'No layer with weights follows: what it makes leaves the model with the precision of float.',
};

/**
 * Products whose readers all stay float hand their sums over as floats: the runtime needs no rounding there. Unless an Add
 * reads them: it draws MatMul and Add into a Gemm with a float bias before it looks for integers.
 */
export function leavesAsFloat(edit: Editor, chosen: ReadonlySet<Node>, node: Node): boolean {
  if (node.op !== 'Gemm' && node.op !== 'MatMul') return false;
  const readers = node.outputs.flatMap((id) => (id === null ? [] : edit.users(id)));
  if (readers.some((reader) => chosen.has(reader))) return false;
  return node.op === 'Gemm' || readers.every((reader) => reader.op !== 'Add');
}
