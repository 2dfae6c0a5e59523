/** Puts integer operators in the place of layers. The first of the new nodes keeps the layer's name, the last its value. */
import { encode } from '#ops/dense.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attrs, Node, ValueId } from '#ir/model.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import { dropUnread, replaceConstant } from '#passes/constants.ts';
import type { Desk } from '#passes/pass.ts';
import type { Measured } from '#passes/quantize/measure.ts';
import { after, importMicrosoft, int, one, placeOf, withLast } from './new-nodes.ts';
import { numberOf, type LayerPlan } from './plan.ts';
import type { RoundedActivations } from './rounded.ts';
import { floatTensor, levelsOf, transposeLast, type StoredWeight, type StoredWeights } from './stored-weight.ts';

export interface Rewriter {
  readonly edit: Editor;
  readonly desk: Desk;
  readonly rounded: RoundedActivations;
  readonly store: StoredWeights;
}

export async function rewriteLayer(rewriter: Rewriter, plan: LayerPlan, measured: readonly Measured[]): Promise<void> {
  switch (plan.form) {
    case 'product':
      return rewriteProduct(rewriter, plan, measured[0]!);
    case 'convolution':
      return rewriteConvolution(rewriter, plan, measured[0]!);
    case 'recurrent':
      return rewriteRecurrent(rewriter, plan, measured);
    case 'lookup':
      return rewriteLookup(rewriter, plan, measured[0]!);
    case 'attention':
      return rewriteAttention(rewriter, plan, measured[0]!);
    case 'stored':
      return storeOnly(rewriter, plan, measured);
  }
}

/** y = MatMul(x, w)  becomes  y = Cast(MatMulInteger(x_quantized, w_levels)) * (x_scale * w_scale), a bias added after it. */
async function rewriteProduct(rewriter: Rewriter, { node, weights }: LayerPlan, measured: Measured): Promise<void> {
  const { edit } = rewriter;
  const [plan] = weights;
  const gemm = node.op === 'Gemm';
  const transposed = gemm && numberOf(node, 'transB', 0) !== 0;
  const bias = gemm ? await scaledBias(rewriter, node) : null;
  const scale = gemm ? measured.scale.map((step) => step * numberOf(node, 'alpha', 1)) : measured.scale;
  const [rows = 1, columns = 1] = plan!.grouping.shape;
  const shape = transposed ? [columns, rows] : plan!.grouping.shape;
  let levels = levelsOf(plan!, measured);
  if (transposed) levels = transposeLast(levels, 1, rows, columns);
  const scaleShape = plan!.grouping.scaleShape;
  const stored = rewriter.store.store(node, plan!, {
    levels,
    turned: transposed,
    shape,
    scale,
    scaleShape,
    zeroShape: scaleShape,
  });
  finishSum(rewriter, node, stored, 'MatMulInteger', new Map(), bias);
  dropUnread(edit, plan!.target.value);
}

/** y = Conv(x, w, b)  becomes  y = Cast(ConvInteger(x_quantized, w_levels)) * (x_scale * w_scale) + b. */
async function rewriteConvolution(rewriter: Rewriter, { node, weights }: LayerPlan, measured: Measured): Promise<void> {
  const { edit } = rewriter;
  const [plan] = weights;
  const { shape, rows, granularity } = plan!.grouping;
  // [channels, 1, 1 ...]: broadcast over batch and positions.
  const alongChannels = [rows, ...shape.slice(2).map(() => 1)];
  const stored = rewriter.store.store(node, plan!, {
    levels: levelsOf(plan!, measured),
    shape,
    scale: measured.scale,
    scaleShape: granularity === 'tensor' ? [] : alongChannels,
    zeroShape: [],
  });
  const bias = node.inputs[2] ?? null;
  const channels = [shape[0] ?? 1, ...shape.slice(2).map(() => 1)];
  const added = bias === null ? null : await reshapedBias(rewriter, node, bias, channels);
  finishSum(rewriter, node, stored, 'ConvInteger', node.attrs, added);
  dropUnread(edit, plan!.target.value);
  if (bias !== null) dropUnread(edit, bias);
}

/** Both weights of an LSTM with inputs and gates swapped, as DynamicQuantizeLSTM has them. */
async function rewriteRecurrent(
  { edit, store }: Rewriter,
  { node, weights }: LayerPlan,
  measured: readonly Measured[],
): Promise<void> {
  const stored = weights.map((plan, index) => {
    const [directions = 1, gates = 1, inputs = 1] = plan.target.tensor.shape;
    const levels = transposeLast(levelsOf(plan, measured[index]!), directions, gates, inputs);
    const scaleShape = plan.grouping.rows === directions ? [directions] : [directions, gates];
    const shape = [directions, inputs, gates];
    return store.store(node, plan, {
      levels,
      turned: true,
      shape,
      scale: measured[index]!.scale,
      scaleShape,
      zeroShape: scaleShape,
    });
  });
  const [w, r] = stored;
  const rest = [3, 4, 5, 6, 7].map((input) => node.inputs[input] ?? null);
  const inputs = [
    node.inputs[0] ?? null,
    w!.levels,
    r!.levels,
    ...rest,
    w!.scale,
    w!.zeroPoint,
    r!.scale,
    r!.zeroPoint,
  ];
  const attrs = new Map([...node.attrs].filter(([name]) => name !== 'layout'));
  importMicrosoft(edit);
  edit.setOp(edit.setAttrs(edit.setInputs(node, inputs), attrs), 'DynamicQuantizeLSTM', 'com.microsoft');
  for (const plan of weights) dropUnread(edit, plan.target.value);
}

/**
 * Rows are looked up as integers. One scale: y = DequantizeLinear(Gather(table, i)); a scale for each row:
 * y = Cast(Gather(table, i)) * Gather(scales, i).
 */
async function rewriteLookup(rewriter: Rewriter, { node, weights }: LayerPlan, measured: Measured): Promise<void> {
  const { edit } = rewriter;
  const [plan] = weights;
  const { shape, rows, granularity } = plan!.grouping;
  const byRow = granularity === 'channel';
  const stored = rewriter.store.store(node, plan!, {
    levels: levelsOf(plan!, measured),
    shape,
    scale: measured.scale,
    scaleShape: byRow ? [rows, 1] : [],
    zeroShape: byRow ? null : [],
  });
  const indices = node.inputs[1] ?? null;
  const [output] = node.outputs;
  const made = edit.value(output!);
  const { name, attrs } = node;
  const scales = byRow
    ? one(edit, node, {
        name: `${name}_scales`,
        op: 'Gather',
        inputs: [stored.scale, indices],
        value: { name: `${made.name}_scale`, dtype: 'f32', shape: withLast(made.shape, 1) },
        attrs,
      })
    : null;
  const around = placeOf(edit, node, scales);
  edit.removeNode(node);
  const levels = edit.addNode(
    {
      name,
      op: 'Gather',
      inputs: [stored.levels, indices],
      outputs: [{ name: `${made.name}_quantized`, dtype: 'i8', shape: made.shape }],
      attrs,
    },
    around,
  );
  if (scales === null) {
    const inputs = [levels.outputs[0]!, stored.scale, stored.zeroPoint];
    edit.addNode({ name: `${name}_dequantize`, op: 'DequantizeLinear', inputs, outputs: [output!] }, { after: levels });
  } else {
    const cast = after(edit, levels, {
      name: `${name}_cast`,
      op: 'Cast',
      value: { name: `${made.name}_levels`, dtype: 'f32', shape: made.shape },
      attrs: new Map([['to', int(1)]]),
    });
    const inputs = [cast.outputs[0]!, scales];
    edit.addNode({ name: `${name}_rescale`, op: 'Mul', inputs, outputs: [output!] }, { after: cast });
  }
  dropUnread(edit, plan!.target.value);
}

/** Attention becomes QAttention of com.microsoft. */
async function rewriteAttention(rewriter: Rewriter, { node, weights }: LayerPlan, measured: Measured): Promise<void> {
  const { edit, rounded } = rewriter;
  const [plan] = weights;
  const { shape, scaleShape } = plan!.grouping;
  const stored = rewriter.store.store(node, plan!, {
    levels: levelsOf(plan!, measured),
    shape,
    scale: measured.scale,
    scaleShape,
    zeroShape: scaleShape,
  });
  const [input = null, , bias = null, mask = null, past = null] = node.inputs;
  const { levels, scale, zeroPoint } = rounded.of(input!, node);
  const inputs = [levels, stored.levels, bias, scale, stored.scale, mask, zeroPoint, stored.zeroPoint];
  edit.setOp(edit.setInputs(node, past === null ? inputs : [...inputs, past]), 'QAttention', 'com.microsoft');
  dropUnread(edit, plan!.target.value);
}

/** Integers with a scale on the constant itself: DequantizeLinear nodes appear when the file is written. */
async function storeOnly(
  { edit, desk }: Rewriter,
  { weights }: LayerPlan,
  measured: readonly Measured[],
): Promise<void> {
  for (const [index, plan] of weights.entries()) {
    const { target, grouping, scheme } = plan;
    if (edit.value(target.value).quantization !== undefined) continue;
    const bytes = copyBytes(levelsOf(plan, measured[index]!));
    const quantization = {
      scale: floatTensor(desk, measured[index]!.scale, grouping.scaleShape),
      ...(grouping.axis === undefined ? {} : { axis: grouping.axis }),
      convention: scheme.name,
      form: 'dequantize',
    } as const;
    replaceConstant(edit, target.value, desk.weights.put('i8', grouping.shape, bytes), quantization, 'f32');
  }
}

/** Sum in int32, back to float, scaled, bias added; the last of them makes the layer's own value. */
function finishSum(
  { edit, rounded }: Rewriter,
  node: Node,
  weight: StoredWeight,
  op: 'MatMulInteger' | 'ConvInteger',
  attrs: Attrs,
  bias: ValueId | null,
): void {
  const { name } = node;
  const [output] = node.outputs;
  const made = edit.value(output!);
  const input = rounded.of(node.inputs[0]!, node);
  const scales = one(edit, node, {
    name: `${name}_scales`,
    op: 'Mul',
    inputs: [input.scale, weight.scale],
    value: { name: `${made.name}_scale`, dtype: 'f32', shape: edit.value(weight.scale).shape },
  });
  const around = placeOf(edit, node, scales);
  edit.removeNode(node);
  const sum = edit.addNode(
    {
      name,
      op,
      inputs: [input.levels, weight.levels, input.zeroPoint, weight.zeroPoint],
      outputs: [{ name: `${made.name}_sum`, dtype: 'i32', shape: made.shape }],
      attrs,
    },
    around,
  );
  const cast = after(edit, sum, {
    name: `${name}_cast`,
    op: 'Cast',
    value: { name: `${made.name}_sum_float`, dtype: 'f32', shape: made.shape },
    attrs: new Map([['to', int(1)]]),
  });
  const scaled = { name: `${name}_rescale`, op: 'Mul', inputs: [cast.outputs[0]!, scales] } as const;
  if (bias === null) {
    edit.addNode({ ...scaled, outputs: [output!] }, { after: cast });
    return;
  }
  const rescaled = edit.addNode(
    { ...scaled, outputs: [{ name: `${made.name}_scaled`, dtype: 'f32', shape: made.shape }] },
    { after: cast },
  );
  edit.addNode(
    { name: `${name}_bias`, op: 'Add', inputs: [rescaled.outputs[0]!, bias], outputs: [output!] },
    { after: rescaled },
  );
}

/** Gemm multiplies its bias by beta: done once where it is a constant. */
async function scaledBias({ edit, desk }: Rewriter, node: Node): Promise<ValueId | null> {
  const bias = node.inputs[2] ?? null;
  const beta = numberOf(node, 'beta', 1);
  if (bias === null || beta === 0) return null;
  if (beta === 1) return bias;
  const tensor = edit.constantOf(bias);
  if (tensor === undefined) {
    const { name } = node;
    const factor = edit.addConstant(
      `${name}_beta`,
      floatTensor(desk, Float32Array.of(beta), []),
      undefined,
      edit.pathOf(node),
    );
    const shape = edit.value(bias).shape;
    const value = { name: `${name}_scaled_bias`, dtype: 'f32', shape } as const;
    return one(edit, node, { name: `${name}_scaled_bias`, op: 'Mul', inputs: [bias, factor], value });
  }
  const scaled = (await desk.floats(tensor)).map((value) => value * beta);
  return edit.addConstant(
    `${edit.value(bias).name}_scaled`,
    floatTensor(desk, scaled, tensor.shape),
    undefined,
    edit.pathOf(node),
  );
}

/** The bias as [channels, 1, 1 ...]. */
async function reshapedBias(
  { edit, desk }: Rewriter,
  node: Node,
  bias: ValueId,
  shape: readonly number[],
): Promise<ValueId> {
  const tensor = edit.constantOf(bias);
  const home = edit.pathOf(node);
  const { name } = edit.value(bias);
  if (tensor !== undefined) {
    const data = await desk.floats(tensor);
    return edit.addConstant(`${name}_reshaped`, floatTensor(desk, data, shape), undefined, home);
  }
  const bytes = encode({ dtype: 'i64', shape: [shape.length], data: BigInt64Array.from(shape, BigInt) });
  const target = edit.addConstant(`${name}_shape`, desk.weights.put('i64', [shape.length], bytes), undefined, home);
  const value = { name: `${name}_reshaped`, dtype: 'f32', shape } as const;
  return one(edit, node, { name: `${node.name}_bias_reshape`, op: 'Reshape', inputs: [bias, target], value });
}
