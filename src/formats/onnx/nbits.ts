/**
 * The fused spellings of blocked constants: MatMulNBits for matrix products, GatherBlockQuantized for embedding tables.
 * Layouts after onnxruntime docs/ContribOperators.md: B is [N, blocks, block * bits / 8] bytes, low bits first along K, a short last
 * block filled up; levels are stored without sign, with zero point 2^(bits-1) where none is given.
 */
import { bitsOf, kindOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attr, Node, Tensor, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { importMicrosoft, raiseIrVersion, type QuantizedConstant } from './quantized-constant.ts';

type Spelling = (store: WeightStore) => Promise<void>;

/** How to spell the constant with fused operators, or undefined where one of its readers has none. */
export function fusedSpelling(edit: Editor, constant: QuantizedConstant): Spelling | undefined {
  const { value, tensor, quantization } = constant;
  const { block, axis, form } = quantization;
  const readers = edit.users(value.id);
  if (form === 'dequantize' || block === undefined || axis === undefined) return undefined;
  if (tensor.shape.length !== 2 || readers.length === 0 || edit.isOutput(value.id)) return undefined;
  if (![16, 32, 64, 128, 256].includes(block) || bitsOf(tensor.dtype) > 8) return undefined;
  if (readers.every((node) => isProduct(edit, node, value.id, axis))) {
    return (store) => spellProducts(edit, constant, readers, { block, axis }, store);
  }
  if (axis === 1 && bitsOf(tensor.dtype) === 4 && readers.every((node) => isLookup(node, value.id))) {
    return async () => spellLookups(edit, constant, readers, block);
  }
  return undefined;
}

/** Whether `node` multiplies with the constant from the right, summing along `axis`. */
function isProduct(edit: Editor, node: Node, id: ValueId, axis: number): boolean {
  if (node.domain !== '' || node.inputs[1] !== id || node.inputs.filter((input) => input === id).length !== 1)
    return false;
  const left = node.inputs[0];
  if (left === null || left === undefined) return false;
  const rank = edit.value(left).shape?.length;
  if (node.op === 'MatMul') return axis === 0 && (rank === undefined || rank >= 2);
  if (node.op !== 'Gemm') return false;
  const bias = node.inputs[2] ?? null;
  return (
    axis === (numberOf(node, 'transB', 0) === 0 ? 0 : 1) &&
    numberOf(node, 'transA', 0) === 0 &&
    numberOf(node, 'alpha', 1) === 1 &&
    (bias === null || numberOf(node, 'beta', 1) === 1)
  );
}

function isLookup(node: Node, id: ValueId): boolean {
  return (
    node.domain === '' &&
    node.op === 'Gather' &&
    node.inputs[0] === id &&
    node.inputs[1] !== id &&
    numberOf(node, 'axis', 0) === 0
  );
}

function numberOf(node: Node, name: string, otherwise: number): number {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' || attr?.type === 'float' ? Number(attr.value) : otherwise;
}

async function spellProducts(
  edit: Editor,
  { value, tensor, quantization, home }: QuantizedConstant,
  readers: readonly Node[],
  { block, axis }: { readonly block: number; readonly axis: number },
  store: WeightStore,
): Promise<void> {
  const bits = bitsOf(tensor.dtype) as 2 | 4 | 8;
  const transposed = axis === 0;
  const [first = 0, second = 0] = tensor.shape;
  const [columns, sums] = transposed ? [second, first] : [first, second];
  const blocks = Math.ceil(sums / block);
  const bytes = packLines(
    unsignedLevels(await store.read(tensor), tensor),
    columns,
    sums,
    block * blocks,
    transposed,
    bits,
  );
  const packed = store.put('u8', [columns, blocks, (block * bits) / 8], bytes);
  const { scale, zeroPoint } = quantization;
  const inputs: (ValueId | null)[] = [
    edit.addConstant(`${value.name}_quantized`, packed, undefined, home),
    edit.addConstant(
      `${value.name}_scale`,
      await scalesByColumn(scale, columns, blocks, transposed, store),
      undefined,
      home,
    ),
  ];
  const zeros = zeroPoint === undefined ? undefined : unsignedLevels(await store.read(zeroPoint), zeroPoint);
  if (zeros?.some((level) => level !== 1 << (bits - 1)) === true) {
    const zeroBytes = packLines(zeros, columns, blocks, Math.ceil((blocks * bits) / 8) * (8 / bits), transposed, bits);
    const ticket = store.put('u8', [columns, Math.ceil((blocks * bits) / 8)], zeroBytes);
    inputs.push(edit.addConstant(`${value.name}_zero_point`, ticket, undefined, home));
  }
  importMicrosoft(edit);
  const attrs = intAttrs({ K: sums, N: columns, bits, block_size: block });
  for (const node of readers) replaceProduct(edit, node, inputs, attrs, columns);
  edit.removeValue(value.id);
}

/** MatMul or Gemm becomes MatMulNBits; a bias of one value per column goes in as its input, any other is added after it. */
function replaceProduct(
  edit: Editor,
  node: Node,
  weights: readonly (ValueId | null)[],
  attrs: ReadonlyMap<string, Attr>,
  columns: number,
): void {
  const [left = null, , bias = null] = node.inputs;
  const biasShape = bias === null ? null : (edit.constantOf(bias)?.shape ?? edit.value(bias).shape);
  const perColumn = bias !== null && biasShape?.length === 1 && biasShape[0] === columns;
  const padded = [left, weights[0] ?? null, weights[1] ?? null];
  if (perColumn) padded.push(weights[2] ?? null, null, bias);
  else if (weights[2] !== undefined) padded.push(weights[2]);
  const renamed = edit.setOp(edit.setAttrs(edit.setInputs(node, padded), attrs), 'MatMulNBits', 'com.microsoft');
  if (bias === null || perColumn) return;
  const output = renamed.outputs[0];
  if (output === null || output === undefined) return;
  const { name, dtype, shape } = edit.value(output);
  const sum = edit.addNode(
    { name: `${node.name}_bias`, op: 'Add', inputs: [], outputs: [{ name: `${name}_biased`, dtype, shape }] },
    { after: renamed },
  );
  const added = sum.outputs[0];
  if (added === null || added === undefined) return;
  edit.replaceUses(output, added, true);
  edit.setInputs(sum, [output, bias]);
  edit.setValue(output, { name: `${name}_product` });
  edit.setValue(added, { name });
}

function spellLookups(
  edit: Editor,
  { value, tensor, quantization, home }: QuantizedConstant,
  readers: readonly Node[],
  block: number,
): void {
  const { scale, zeroPoint } = quantization;
  const table = edit.addConstant(`${value.name}_quantized`, tensor, undefined, home);
  const scales = edit.addConstant(`${value.name}_scale`, scale, undefined, home);
  const zeros =
    zeroPoint === undefined ? [] : [edit.addConstant(`${value.name}_zero_point`, zeroPoint, undefined, home)];
  importMicrosoft(edit);
  raiseIrVersion(edit, 4);
  const attrs = intAttrs({ gather_axis: 0, quantize_axis: 1, block_size: block, bits: 4 });
  for (const node of readers) {
    const changed = edit.setInputs(node, [table, node.inputs[1] ?? null, scales, ...zeros]);
    edit.setOp(edit.setAttrs(changed, attrs), 'GatherBlockQuantized', 'com.microsoft');
  }
  edit.removeValue(value.id);
}

function intAttrs(values: Readonly<Record<string, number>>): ReadonlyMap<string, Attr> {
  return new Map(Object.entries(values).map(([name, value]): [string, Attr] => [name, { type: 'int', value }]));
}

/** One level to an element, shifted so that the lowest is 0. */
export function unsignedLevels(bytes: Uint8Array, tensor: Tensor): Uint8Array {
  const bits = bitsOf(tensor.dtype);
  const shift = kindOf(tensor.dtype) === 'signed' ? 1 << (bits - 1) : 0;
  const mask = (1 << bits) - 1;
  const perByte = 8 / bits;
  const levels = new Uint8Array(tensor.shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < levels.length; i++) {
    levels[i] = ((bytes[(i / perByte) | 0]! >> ((i % perByte) * bits)) + shift) & mask;
  }
  return levels;
}

/** Packs [columns, length] (or its transpose) line by line, each filled up with zeros to `padded` levels. */
export function packLines(
  levels: Uint8Array,
  columns: number,
  length: number,
  padded: number,
  transposed: boolean,
  bits: 2 | 4 | 8,
): Uint8Array {
  const perByte = 8 / bits;
  const lineBytes = padded / perByte;
  const packed = new Uint8Array(columns * lineBytes);
  for (let n = 0; n < columns; n++) {
    for (let k = 0; k < length; k++) {
      const level = levels[transposed ? k * columns + n : n * length + k]!;
      const at = n * lineBytes + ((k / perByte) | 0);
      packed[at] = packed[at]! | (level << ((k % perByte) * bits));
    }
  }
  return packed;
}

/** Scales as [columns, blocks]. */
async function scalesByColumn(
  scale: Tensor,
  columns: number,
  blocks: number,
  transposed: boolean,
  store: WeightStore,
): Promise<Tensor> {
  if (!transposed) return scale;
  const width = bitsOf(scale.dtype) / 8;
  const from = await store.read(scale);
  const to = new Uint8Array(from.byteLength);
  for (let n = 0; n < columns; n++) {
    for (let b = 0; b < blocks; b++) {
      const source = (b * columns + n) * width;
      to.set(from.subarray(source, source + width), (n * blocks + b) * width);
    }
  }
  return store.put(scale.dtype, [columns, blocks], to);
}
