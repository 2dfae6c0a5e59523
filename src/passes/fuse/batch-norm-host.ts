/** Finds the layer that a BatchNormalization can be folded into, or says why there is none. */
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Tensor, ValueId } from '#ir/model.ts';

export interface Refusal {
  readonly code: string;
  readonly text: string;
}

interface Operand {
  readonly id: ValueId;
  readonly tensor: Tensor;
  readonly input: number;
}

export interface Host {
  readonly node: Node;
  readonly weight: Operand;
  readonly channels: number;
  /** Axis of the weight that holds output channels; grouped ConvTranspose has them on axis 1 within each group of axis 0. */
  readonly axis: number;
  readonly groups: number;
  readonly bias?: Operand;
  /** What the bias is multiplied by (Gemm's beta). */
  readonly biasFactor: number;
  /** The node that takes the bias; a MatMul without one has it added where the norm was. */
  readonly biasNode: Node | 'replace-norm';
  readonly biasInput: number;
  /** The value that the norm reads. */
  readonly output: ValueId;
}

export function findHost(edit: Editor, norm: Node): Host | Refusal {
  const input = norm.inputs[0];
  if (input === null || input === undefined) return { code: 'no-input', text: 'It has no input.' };
  if (intOf(norm, 'training_mode', 0) !== 0 || norm.outputs.slice(1).some((id) => id !== null && isRead(edit, id))) {
    return { code: 'training', text: 'It is in training mode: its statistics come from each batch.' };
  }
  if (intOf(norm, 'spatial', 1) !== 1)
    return { code: 'not-spatial', text: 'It has statistics for each position, not each channel.' };
  const before = edit.producer(input);
  if (before === undefined)
    return { code: 'no-layer-before', text: 'Nothing before it has weights: it reads an input of the graph.' };
  const shared = onlyReader(edit, input, norm);
  if (shared !== undefined) return shared;
  switch (before.op) {
    case 'Conv':
    case 'ConvTranspose':
      return convolution(edit, before, input);
    case 'Gemm':
      return gemm(edit, before, input);
    case 'MatMul':
      return product(edit, before, input, undefined);
    case 'Add':
      return addedProduct(edit, before, input);
    default:
      return {
        code: 'no-layer-before',
        text: `It follows ${before.op} "${before.name}", which has no weights to fold it into.`,
      };
  }
}

/** Output channel of each element of the weight, by its position. */
export function channelsOf(host: Host): (position: number) => number {
  const { shape } = host.weight.tensor;
  const inner = countOf(shape.slice(host.axis + 1));
  const size = shape[host.axis]!;
  if (host.groups === 1) return (position) => Math.floor(position / inner) % size;
  // ConvTranspose [I, O / groups, ...]: the input channel tells the group.
  const inputsPerGroup = shape[0]! / host.groups;
  return (position) => {
    const group = Math.floor(Math.floor(position / (inner * size)) / inputsPerGroup);
    return group * size + (Math.floor(position / inner) % size);
  };
}

function isRead(edit: Editor, id: ValueId): boolean {
  return edit.users(id).length > 0 || edit.isOutput(id);
}

/** A value that anything else reads must keep what it is. */
function onlyReader(edit: Editor, id: ValueId, reader: Node): Refusal | undefined {
  const { name } = edit.value(id);
  if (edit.isOutput(id))
    return { code: 'is-output', text: `The value before it, "${name}", is an output of the model.` };
  const others = edit.users(id).filter((node) => node.id !== reader.id);
  if (others.length > 0)
    return { code: 'several-readers', text: `${others[0]!.name} also reads "${name}", which comes before it.` };
  const producer = edit.producer(id);
  const apart = producer !== undefined && JSON.stringify(edit.pathOf(producer)) !== JSON.stringify(edit.pathOf(reader));
  return apart ? { code: 'other-graph', text: 'The layer before it lies outside the subgraph.' } : undefined;
}

function constantInput(edit: Editor, node: Node, input: number): Operand | Refusal {
  const id = node.inputs[input];
  const tensor = edit.constantOf(id);
  if (id === null || id === undefined || tensor === undefined) {
    return { code: 'not-constant', text: `The weight or bias of ${node.name} is computed at run time.` };
  }
  if (edit.value(id).quantization !== undefined) {
    return {
      code: 'already-quantized',
      text: `The weight of ${node.name} is quantized already: fold before quantizing.`,
    };
  }
  if (tensor.dtype !== 'f32') {
    return {
      code: 'not-float',
      text: `The weight or bias of ${node.name} is ${tensor.dtype}; only float32 is folded.`,
    };
  }
  return { id, tensor, input };
}

function convolution(edit: Editor, node: Node, output: ValueId): Host | Refusal {
  const weight = constantInput(edit, node, 1);
  if ('code' in weight) return weight;
  const groups = intOf(node, 'group', 1);
  const transposed = node.op === 'ConvTranspose';
  const axis = transposed ? 1 : 0;
  const channels = weight.tensor.shape[axis]! * (transposed ? groups : 1);
  const has = node.inputs[2] !== undefined && node.inputs[2] !== null;
  const bias = has ? constantInput(edit, node, 2) : undefined;
  if (bias !== undefined && 'code' in bias) return bias;
  return {
    node,
    weight,
    channels,
    axis,
    groups: transposed ? groups : 1,
    ...(bias === undefined ? {} : { bias }),
    biasFactor: 1,
    biasNode: node,
    biasInput: 2,
    output,
  };
}

function gemm(edit: Editor, node: Node, output: ValueId): Host | Refusal {
  const weight = constantInput(edit, node, 1);
  if ('code' in weight) return weight;
  const axis = intOf(node, 'transB', 0) === 0 ? 1 : 0;
  const channels = weight.tensor.shape[axis]!;
  const has = node.inputs[2] !== undefined && node.inputs[2] !== null;
  const bias = has ? constantInput(edit, node, 2) : undefined;
  if (bias !== undefined && 'code' in bias) return bias;
  if (bias !== undefined && !isPerChannel(bias.tensor, channels)) {
    return { code: 'bias-shape', text: `The bias of ${node.name} is not one value a column.` };
  }
  const beta = node.attrs.get('beta');
  return {
    node,
    weight,
    channels,
    axis,
    groups: 1,
    ...(bias === undefined ? {} : { bias }),
    biasFactor: beta?.type === 'float' ? beta.value : 1,
    biasNode: node,
    biasInput: 2,
    output,
  };
}

/** Channels are the last axis of a product, and axis 1 of a norm: they meet where the product is a matrix. */
function product(
  edit: Editor,
  node: Node,
  output: ValueId,
  added: { readonly node: Node; readonly bias: Operand } | undefined,
): Host | Refusal {
  const weight = constantInput(edit, node, 1);
  if ('code' in weight) return weight;
  if (weight.tensor.shape.length !== 2 || edit.value(output).shape?.length !== 2) {
    return {
      code: 'not-a-matrix',
      text: `${node.name} does not give a matrix, so its columns are not the channels of the norm.`,
    };
  }
  const channels = weight.tensor.shape[1]!;
  const host = { node, weight, channels, axis: 1, groups: 1, biasFactor: 1, output };
  if (added === undefined) return { ...host, biasNode: 'replace-norm', biasInput: 1 };
  if (!isPerChannel(added.bias.tensor, channels)) {
    return { code: 'bias-shape', text: `What ${added.node.name} adds is not one value a column.` };
  }
  return { ...host, bias: added.bias, biasNode: added.node, biasInput: added.bias.input };
}

function addedProduct(edit: Editor, add: Node, output: ValueId): Host | Refusal {
  for (const [input, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const id = add.inputs[input];
    const before = id === null || id === undefined ? undefined : edit.producer(id);
    if (id === null || id === undefined || before?.op !== 'MatMul') continue;
    const shared = onlyReader(edit, id, add);
    if (shared !== undefined) return shared;
    const bias = constantInput(edit, add, other);
    if ('code' in bias) return bias;
    return product(edit, before, output, { node: add, bias });
  }
  return { code: 'no-layer-before', text: `It follows Add "${add.name}", which has no matrix product before it.` };
}

/** [channels], [1, channels] or a single value. */
function isPerChannel({ shape }: Tensor, channels: number): boolean {
  const count = countOf(shape);
  return count === 1 || (count === channels && (shape.length === 1 || (shape.length === 2 && shape[1] === channels)));
}

function intOf(node: Node, name: string, otherwise: number): number {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' ? Number(attr.value) : otherwise;
}
