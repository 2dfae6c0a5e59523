/**
 * Decides for each weight what will be done, as plain data: which weights share scales, which levels they get, how the
 * file will spell it. What the request cannot have falls back to what runs, and the plan says so.
 */
import { bytesFor, countOf, type DType } from '#base/dtype.ts';
import type { Node, Quantization } from '#ir/model.ts';
import type { Target } from '#passes/targets.ts';
import { conventionFor, levelType, schemeOf, type LevelScheme } from './conventions.ts';
import { groupBlocks, groupChannels, groupTensor, type Grouping } from './granularity.ts';
import type { QuantizeOptions } from './options.ts';

export interface WeightPlan {
  readonly target: Target;
  readonly options: QuantizeOptions;
  readonly grouping: Grouping;
  readonly scheme: LevelScheme;
  readonly form: 'dequantize' | 'nbits';
  readonly dataType: DType;
  readonly scaleType: 'f32' | 'f16';
  /** Bytes in the file: packed levels, scales and zero points. */
  readonly bytesAfter: number;
  /** Opset of the default domain that the spelling needs; 0 when any will do. */
  readonly opset: number;
  /** Where the request could not be had: what was done instead, and why. */
  readonly fallback?: { readonly code: string; readonly text: string };
}

export interface Refusal {
  readonly code: string;
  readonly text: string;
}

/** What the surroundings allow: the highest opset the model can be brought to. */
export interface Limits {
  readonly opset: number;
  /** Why it is not higher. */
  readonly opsetReason: string;
}

export function planWeight(target: Target, options: QuantizeOptions, limits: Limits): WeightPlan | Refusal {
  const { shape, dtype } = target.tensor;
  const count = countOf(shape);
  if (count < options.minimumElements) {
    return {
      code: 'too-small',
      text: `Its weight has ${String(count)} elements, fewer than the ${String(options.minimumElements)} asked for; a lower "Smallest weight" would include it.`,
    };
  }
  if (dtype !== 'f32' && dtype !== 'f16') {
    return {
      code: 'not-float',
      text: `Its weight is ${dtype}; scales are written for float32 and float16 weights only.`,
    };
  }
  const wanted = planAs(target, options, options.granularity, limits);
  if ('grouping' in wanted) return wanted;
  if (options.granularity !== 'block') return wanted;
  const instead = planAs(target, options, 'channel', limits);
  if (!('grouping' in instead)) return instead;
  return {
    ...instead,
    fallback: { code: wanted.code, text: `${wanted.text} One scale per ${what(instead.grouping)} is used instead.` },
  };
}

function what(grouping: Grouping): string {
  return grouping.granularity === 'tensor' ? 'tensor' : 'channel';
}

function planAs(
  target: Target,
  options: QuantizeOptions,
  granularity: QuantizeOptions['granularity'],
  limits: Limits,
): WeightPlan | Refusal {
  const grouping = groupingOf(target, granularity, options.block);
  if (!('rows' in grouping)) return grouping;
  const { bits } = options;
  const dtype = target.tensor.dtype;
  const nbits = options.form !== 'dequantize' && grouping.granularity === 'block' && takesNBits(target, options);
  const form = nbits ? 'nbits' : 'dequantize';
  const scheme = schemeOf(bits, options.signed, options.symmetric, conventionFor(options.convention, bits, form));
  const scaleType = dtype === 'f16' ? 'f16' : 'f32';
  const opset = nbits ? 0 : opsetNeeded(bits, grouping.granularity, scaleType);
  const refusal = opset > limits.opset ? withoutOpset(bits, grouping, scaleType, opset, limits) : undefined;
  if (refusal !== undefined) return refusal;
  return {
    target,
    options,
    grouping,
    scheme,
    form,
    dataType: levelType(bits, options.signed),
    scaleType,
    bytesAfter: storedBytes(target, grouping, scheme, form, scaleType),
    opset: opset > limits.opset ? 0 : opset,
    ...fallbackOf(options, granularity, grouping, nbits),
  };
}

/** What was asked for and not done, as far as one grouping tells. */
function fallbackOf(
  options: QuantizeOptions,
  granularity: QuantizeOptions['granularity'],
  grouping: Grouping,
  nbits: boolean,
): Pick<WeightPlan, 'fallback'> {
  if (granularity === 'channel' && grouping.granularity === 'tensor') {
    return { fallback: { code: 'no-channels', text: 'A vector has no channels: one scale for the tensor is used.' } };
  }
  if (options.form !== 'nbits' || nbits) return {};
  const why =
    grouping.granularity === 'block'
      ? 'MatMulNBits and GatherBlockQuantized stand for MatMul, plain Gemm and Gather with 2, 4 or 8 bits only.'
      : 'MatMulNBits needs blocks.';
  return { fallback: { code: 'nbits-does-not-apply', text: why } };
}

function groupingOf(target: Target, granularity: QuantizeOptions['granularity'], block: number): Grouping | Refusal {
  const { shape } = target.tensor;
  const { axis, sumAxis } = target.role;
  if (granularity === 'tensor' || axis === null) return groupTensor(shape);
  if (granularity === 'channel') return groupChannels(shape, axis);
  if (sumAxis === null)
    return { code: 'no-blocks', text: 'Its weight has no axis that sums run along, so there are no blocks.' };
  const length = shape[sumAxis]!;
  if (length < block) {
    return {
      code: 'block-too-long',
      text: `Blocks of ${String(block)} do not fit: sums run over ${String(length)} ${length === 1 ? 'weight' : 'weights'} along axis ${String(sumAxis)}.`,
    };
  }
  return groupBlocks(shape, sumAxis, block);
}

/** MatMulNBits and GatherBlockQuantized compute from packed blocks; every layer that reads the weight must have one. */
export function takesNBits(target: Target, options: Pick<QuantizeOptions, 'bits' | 'block'>): boolean {
  if (options.bits === 16 || target.tensor.shape.length !== 2) return false;
  return target.layers.every(({ node, role }) => {
    if (role.table) return options.bits === 4 && target.tensor.dtype === 'f32';
    if (role.input !== 1) return false;
    return node.op === 'MatMul' || (node.op === 'Gemm' && plainGemm(node));
  });
}

/** Gemm that is a product with at most a bias: the bias is checked again when the file is written. */
function plainGemm(node: Node): boolean {
  const number = (name: string, otherwise: number): number => {
    const attr = node.attrs.get(name);
    return attr?.type === 'int' || attr?.type === 'float' ? Number(attr.value) : otherwise;
  };
  if (number('alpha', 1) !== 1 || number('transA', 0) !== 0) return false;
  const bias = node.inputs[2];
  return bias === undefined || bias === null || number('beta', 1) === 1;
}

/** DequantizeLinear in the default domain: per axis from 13; 4 and 16 bits, blocks from 21; half scales from 19; 2 bits from 25. */
function opsetNeeded(bits: number, granularity: Grouping['granularity'], scaleType: 'f32' | 'f16'): number {
  if (bits === 2) return 25;
  if (bits === 4 || bits === 16 || granularity === 'block' || scaleType === 'f16') return 21;
  return granularity === 'channel' ? 13 : 10;
}

/** The opset that a request would like best, before what applies to the weight is known. */
export function opsetWanted(target: Target, options: QuantizeOptions): number {
  if (countOf(target.tensor.shape) < options.minimumElements) return 0;
  return opsetNeeded(options.bits, options.granularity, target.tensor.dtype === 'f16' ? 'f16' : 'f32');
}

/** Below the opset it needs, com.microsoft.DequantizeLinear still spells 4, 8 and 16 bits per tensor or channel. */
function withoutOpset(
  bits: number,
  grouping: Grouping,
  scaleType: 'f32' | 'f16',
  opset: number,
  limits: Limits,
): Refusal | undefined {
  if (bits !== 2 && grouping.granularity !== 'block' && scaleType === 'f32') return undefined;
  const needs = `needs opset ${String(opset)}, and the model cannot be brought beyond ${String(limits.opset)}`;
  if (bits === 2) {
    return {
      code: 'two-bits',
      text: `DequantizeLinear of 2 bits ${needs}: ${limits.opsetReason} Matrix products with blocks (MatMulNBits) do take 2 bits.`,
    };
  }
  return {
    code: 'opset',
    text: `DequantizeLinear with ${grouping.granularity === 'block' ? 'blocks' : 'half scales'} ${needs}: ${limits.opsetReason}`,
  };
}

/** Exactly what the writer emits; zero points are left out where they are all the implied ones. */
function storedBytes(
  target: Target,
  grouping: Grouping,
  scheme: LevelScheme,
  form: WeightPlan['form'],
  scaleType: 'f32' | 'f16',
): number {
  const { bits, signed, symmetric } = scheme;
  const type = levelType(bits, signed);
  const scales = grouping.rows * (scaleType === 'f16' ? 2 : 4);
  if (form === 'nbits' && !target.role.table) {
    // MatMulNBits: every line of blocks is whole bytes, the short last block filled up; 2^(bits-1) is the implied zero point.
    const lines = grouping.outer * grouping.inner;
    const zeroPoints = symmetric ? 0 : lines * Math.ceil((grouping.blocksPerLine * bits) / 8);
    return (grouping.rows * grouping.rowLength * bits) / 8 + scales + zeroPoints;
  }
  const zeroPoints = symmetric && signed ? 0 : bytesFor(type, grouping.rows);
  return bytesFor(type, countOf(grouping.shape)) + scales + zeroPoints;
}

/** The part of `Quantization` that the plan fixes. */
export function spellingOf(plan: WeightPlan): Pick<Quantization, 'axis' | 'block' | 'convention' | 'form'> {
  const { axis, block } = plan.grouping;
  return {
    ...(axis === undefined ? {} : { axis }),
    ...(block === undefined ? {} : { block }),
    convention: plan.scheme.name,
    form: plan.form,
  };
}
