/** Convolutions and pooling: from batch, spatial, channels and TensorFlow's padding to what ONNX wants. */
import type { Shape } from '#ir/model.ts';
import type { Workbench } from '#formats/lowering/workbench.ts';
import type {
  AttrInput,
  ConvolutionOptions,
  Operand,
  PoolOptions,
  SpatialOptions,
  TransposedConvolutionOptions,
} from '#formats/lowering/lowering.ts';
import { refusal } from '#formats/lowering/refusal.ts';
import { channelsFirst, channelsLast } from '#formats/lowering/views.ts';

export function convolve(
  bench: Workbench,
  x: Operand,
  weights: Operand,
  bias: Operand | null,
  options: ConvolutionOptions,
): Operand {
  const inner = firstOf(bench, x, options);
  const kernel = kernelOf(bench, weights, options.name);
  const dilations = options.dilations ?? kernel.map(() => 1);
  checkSteps(options.name, options.strides, dilations, kernel, [options.groups ?? 1]);
  const attrs: Record<string, AttrInput> = {
    kernel_shape: kernel,
    strides: options.strides,
    dilations,
    group: options.groups ?? 1,
    ...padsOf(bench.shape(inner), kernel, dilations, options),
  };
  return emitted(bench, 'Conv', [inner, weights, bias], options, attrs);
}

export function convolveTransposed(
  bench: Workbench,
  x: Operand,
  weights: Operand,
  bias: Operand | null,
  options: TransposedConvolutionOptions,
): Operand {
  const inner = firstOf(bench, x, options);
  const kernel = kernelOf(bench, weights, options.name);
  const dilations = options.dilations ?? kernel.map(() => 1);
  checkSteps(options.name, options.strides, dilations, kernel, [options.groups ?? 1]);
  const sizes = bench.shape(inner)?.slice(2) ?? [];
  const before: number[] = [];
  const after: number[] = [];
  const extra: number[] = [];
  for (const [axis, size] of kernel.entries()) {
    const stride = options.strides[axis] ?? 1;
    const window = (size - 1) * (dilations[axis] ?? 1) + 1;
    const input = sizes[axis];
    const asked = options.outputSizes?.[axis];
    // How far the full result goes beyond the steps between inputs; pads are taken off it, what is missing is added.
    let surplus: number;
    if (typeof options.padding !== 'string') {
      before.push(options.padding[axis] ?? 0);
      after.push(options.padding[axis + kernel.length] ?? 0);
      extra.push(options.outputPadding?.[axis] ?? 0);
      continue;
    } else if (asked !== undefined && typeof input === 'number') surplus = (input - 1) * stride + window - asked;
    else if (options.padding === 'SAME') surplus = window - stride - (options.outputPadding?.[axis] ?? 0);
    else surplus = Math.min(window - stride, 0) - (options.outputPadding?.[axis] ?? 0);
    const pad = options.padding === 'SAME' ? Math.max(surplus, 0) : 0;
    // Of VALID the gradient starts at the first element: what is too much lies at the end.
    const cut = options.padding === 'SAME' ? 0 : Math.max(surplus, 0);
    before.push(Math.floor(pad / 2));
    after.push(pad - Math.floor(pad / 2) + cut);
    extra.push(Math.max(-surplus, 0));
  }
  const attrs: Record<string, AttrInput> = {
    kernel_shape: kernel,
    strides: options.strides,
    dilations,
    group: options.groups ?? 1,
    pads: [...before, ...after],
    ...(extra.some((one) => one > 0) ? { output_padding: extra } : {}),
  };
  return emitted(bench, 'ConvTranspose', [inner, weights, bias], options, attrs);
}

export function pool(bench: Workbench, x: Operand, options: PoolOptions): Operand {
  const inner = firstOf(bench, x, options);
  const dilations = options.dilations ?? options.window.map(() => 1);
  checkSteps(options.name, options.strides, dilations, options.window);
  const pads = padsOf(bench.shape(inner), options.window, dilations, options);
  // onnxruntime 1.30 takes a Pad with zeros before it into MaxPool, which pads with -inf; with auto_pad it leaves both alone.
  const alone = options.kind === 'max' && Object.keys(pads).length === 0;
  const attrs: Record<string, AttrInput> = {
    kernel_shape: options.window,
    strides: options.strides,
    ...(dilations.some((one) => one !== 1) ? { dilations } : {}),
    ...(alone ? { auto_pad: 'VALID' } : pads),
    ...(options.kind === 'average' && options.countPadding === true ? { count_include_pad: 1 } : {}),
  };
  return emitted(bench, options.kind === 'max' ? 'MaxPool' : 'AveragePool', [inner], options, attrs);
}

/** Windows, steps and groups of at least one: damaged files have others, and no pads follow from those. */
function checkSteps(name: string, ...lists: readonly (readonly number[])[]): void {
  for (const list of lists) {
    if (list.every((size) => Number.isSafeInteger(size) && size >= 1)) continue;
    const what = `slides a window with sizes or steps of [${list.join(', ')}]`;
    throw refusal(name, what, 'The file is damaged: get it again.');
  }
}

/** Batch, channels, spatial. */
export function firstOf(bench: Workbench, x: Operand, options: { readonly channelsFirst?: boolean }): Operand {
  return options.channelsFirst === true ? x : bench.transpose(x, channelsFirst(bench.rank(x)));
}

/** Back to the source's order. */
export function lastOf(bench: Workbench, x: Operand, options: { readonly channelsFirst?: boolean }): Operand {
  return options.channelsFirst === true ? x : bench.transpose(x, channelsLast(bench.rank(x)));
}

function emitted(
  bench: Workbench,
  op: string,
  inputs: readonly (Operand | null)[],
  options: SpatialOptions,
  attrs: Readonly<Record<string, AttrInput>>,
): Operand {
  const given = inputs.at(-1) === null ? inputs.slice(0, -1) : inputs;
  const made = bench.apply(op, given, { name: options.name, outputs: [options.output ?? options.name], attrs });
  return lastOf(bench, made, options);
}

function kernelOf(bench: Workbench, weights: Operand, name: string): readonly number[] {
  const kernel = bench.shape(weights)?.slice(2);
  if (kernel?.every((size) => typeof size === 'number') === true) return kernel;
  throw refusal(
    name,
    'convolves with a kernel whose size is only known when it is run',
    'Export it with a constant kernel.',
  );
}

/** Pads as numbers where they are known; else left to the runtime by name. */
function padsOf(
  shape: Shape | null,
  kernel: readonly number[],
  dilations: readonly number[],
  { padding, strides }: SpatialOptions,
): Readonly<Record<string, AttrInput>> {
  if (typeof padding !== 'string') return padding.every((one) => one === 0) ? {} : { pads: padding };
  if (padding === 'VALID') return {};
  const before: number[] = [];
  const after: number[] = [];
  for (const [axis, size] of kernel.entries()) {
    const window = (size - 1) * (dilations[axis] ?? 1) + 1;
    const stride = strides[axis] ?? 1;
    const input = shape?.[axis + 2];
    // At stride 1 the pads do not depend on the input.
    if (typeof input !== 'number' && stride !== 1) return { auto_pad: 'SAME_UPPER' };
    const total =
      typeof input === 'number' ? Math.max((Math.ceil(input / stride) - 1) * stride + window - input, 0) : window - 1;
    before.push(Math.floor(total / 2));
    after.push(total - Math.floor(total / 2));
  }
  const pads = [...before, ...after];
  return pads.every((one) => one === 0) ? {} : { pads };
}
