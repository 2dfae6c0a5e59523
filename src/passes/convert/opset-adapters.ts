/**
 * Operators whose meaning or spelling changed between operator sets 7 and 25, one adapter each (ONNX `docs/Changelog.md`).
 */
import { adaptClip, adaptGroupNormalization, adaptPad, adaptSlice, adaptTopK } from './opset-inputs.ts';
import { adaptResize, adaptUpsample } from './opset-resize.ts';
import { withInput, withInt, without, withString, type Adapter, type Crossing, type Plan } from './opset-plan.ts';

/** Moves a list of integers from an attribute to an input. */
function listToInput(attr: string, input: number, version: number): Adapter {
  return {
    plan: (at) => {
      const list = at.call.exactInts(attr);
      if (!at.crosses(version) || list === undefined) return null;
      return {
        text: `${attr} became an input.`,
        apply: () => {
          const id = at.constant(`${at.node.name}_${attr}`, 'i64', [list.length], list);
          const node = at.edit.setAttrs(at.node, without(at.node.attrs, attr));
          at.edit.setInputs(node, withInput(node, input, id));
        },
      };
    },
  };
}

/** Before opset 13 the axes from `axis` (1 when left out) on were flattened; since then only `axis` counts (-1 when left out). */
const softmax: Adapter = {
  plan: (at) => {
    if (!at.crosses(13)) return null;
    const axis = at.call.int('axis', 1);
    const shape = at.shape(0);
    if (shape !== null) {
      const first = axis < 0 ? axis + shape.length : axis;
      const wide = shape.flatMap((size, one) => (one >= first && size !== 1 ? [one] : []));
      const [only = shape.length - 1, ...others] = wide;
      // One axis with more than one element is the same thing flattened or not.
      if (others.length === 0) {
        if (at.call.attr('axis') !== undefined && axis === only) return null;
        return {
          text: `axis is now ${String(only)}, the only axis from ${String(axis)} on with several elements.`,
          apply: () => void at.edit.setAttrs(at.node, withInt(at.node.attrs, 'axis', only)),
        };
      }
    }
    return {
      text: 'The axes that it flattened are now flattened by Flatten and restored by Reshape.',
      apply: () => flattenAround(at, axis),
    };
  },
};

function flattenAround({ edit, node }: Crossing, axis: number): void {
  const [input = null] = node.inputs;
  const [output = null] = node.outputs;
  if (input === null || output === null) return;
  const { dtype } = edit.value(input);
  const flat = edit.addNode(
    {
      name: `${node.name}_flatten`,
      op: 'Flatten',
      inputs: [input],
      outputs: [{ name: `${node.name}_flat`, dtype, shape: null }],
      attrs: new Map([['axis', { type: 'int', value: axis }]]),
    },
    { before: node },
  );
  const shape = edit.addNode(
    {
      name: `${node.name}_shape`,
      op: 'Shape',
      inputs: [input],
      outputs: [{ name: `${node.name}_sizes`, dtype: 'i64', shape: null }],
    },
    { before: node },
  );
  const inner = edit.addNode(
    {
      name: `${node.name}_rows`,
      op: node.op,
      inputs: [flat.outputs[0] ?? null],
      outputs: [{ name: `${node.name}_flat_result`, dtype, shape: null }],
      attrs: new Map([['axis', { type: 'int', value: -1 }]]),
    },
    { before: node },
  );
  // The node itself becomes the Reshape, so that its output keeps its name and readers.
  const back = edit.setOp(edit.setAttrs(node, new Map()), 'Reshape');
  edit.setInputs(back, [inner.outputs[0] ?? null, shape.outputs[0] ?? null]);
}

/** `spatial` went in 9; the outputs for training changed in 14. */
const batchNormalization: Adapter = {
  plan: (at) => {
    const names: string[] = [];
    if (at.crosses(9) && at.call.attr('spatial') !== undefined) {
      if (at.call.int('spatial', 1) === 0)
        return { refuse: 'it has statistics for every position (spatial = 0), which opset 9 dropped' };
      names.push('spatial');
    }
    const more = at.node.outputs.length > 1;
    if (at.crosses(14) && more) {
      if (at.node.outputs.some((_, output) => output > 0 && at.isUsed(output))) {
        return { refuse: 'its running statistics are read, as in training' };
      }
    }
    if (names.length === 0 && !(at.crosses(14) && more)) return null;
    return {
      text: 'Attributes and outputs that only training used were dropped.',
      apply: () => {
        const node = at.edit.setAttrs(at.node, without(at.node.attrs, ...names));
        if (at.crosses(14) && more) keepFirstOutput(at, node.attrs);
      },
    };
  },
};

/** The editor has no way to shorten outputs, so the node is made anew around its first output. */
function keepFirstOutput(at: Crossing, attrs: Crossing['node']['attrs']): void {
  const { edit, node } = at;
  const [output = null] = node.outputs;
  if (output === null) return;
  const { dtype, shape, name } = edit.value(output);
  const replacement = edit.addNode(
    { name: node.name, op: node.op, inputs: node.inputs, outputs: [{ name, dtype, shape }], attrs },
    { before: node },
  );
  const made = replacement.outputs[0] ?? null;
  if (made === null) return;
  edit.replaceUses(output, made, true);
  edit.removeNode(node);
  edit.setValue(made, { name });
}

/** Inference is the identity at every version: the ratio and a mask that nobody reads can go. */
const dropout: Adapter = {
  plan: (at) => {
    if (at.crosses(10) && at.isUsed(1)) return { refuse: 'its mask is read, whose type changed in opset 10' };
    if (!at.crosses(12) || at.call.attr('ratio') === undefined) return null;
    return {
      text: 'The ratio was dropped; it has no effect outside training.',
      apply: () => void at.edit.setAttrs(at.node, without(at.node.attrs, 'ratio')),
    };
  },
};

/** Sizes moved to an input in 13; from 18 on, equal parts need their count. */
const split: Adapter = {
  plan: (at) => {
    const sizes = at.call.exactInts('split');
    const given = sizes !== undefined || (at.node.inputs[1] ?? null) !== null;
    const moves = at.crosses(13) && sizes !== undefined;
    const counts = at.crosses(18) && !given;
    if (!moves && !counts) return null;
    return {
      text: moves ? 'split became an input.' : 'num_outputs was stated.',
      apply: () => {
        if (counts) {
          at.edit.setAttrs(at.node, withInt(at.node.attrs, 'num_outputs', at.node.outputs.length));
          return;
        }
        const list = sizes ?? [];
        const id = at.constant(`${at.node.name}_split`, 'i64', [list.length], list);
        const node = at.edit.setAttrs(at.node, without(at.node.attrs, 'split'));
        at.edit.setInputs(node, withInput(node, 1, id));
      },
    };
  },
};

const gridSample: Adapter = {
  plan: (at) => {
    const mode = at.call.string('mode', 'bilinear');
    const renamed = mode === 'bilinear' ? 'linear' : mode === 'bicubic' ? 'cubic' : mode;
    if (!at.crosses(20) || renamed === mode) return null;
    return {
      text: `The mode ${mode} is called ${renamed} since opset 20.`,
      apply: () => void at.edit.setAttrs(at.node, withString(at.node.attrs, 'mode', renamed)),
    };
  },
};

/** The shift by half a pixel became the default in 16. */
const roiAlign: Adapter = {
  plan: (at) => {
    if (at.crosses(22)) return { refuse: 'onnxruntime 1.30 runs RoiAlign up to operator set 21 only' };
    if (!at.crosses(16)) return null;
    const attrs = withString(at.node.attrs, 'coordinate_transformation_mode', 'output_half_pixel');
    return {
      text: 'The coordinates of before opset 16 were stated.',
      apply: () => void at.edit.setAttrs(at.node, attrs),
    };
  },
};

/** The axis became an input in 20, counted among all axes as before. */
const fourier: Adapter = {
  plan: (at) => {
    if (!at.crosses(20)) return null;
    const axis = at.call.int('axis', 1);
    return {
      text: 'axis became an input.',
      apply: () => {
        const id = at.constant(`${at.node.name}_axis`, 'i64', [], [axis]);
        const node = at.edit.setAttrs(at.node, without(at.node.attrs, 'axis'));
        at.edit.setInputs(node, withInput(node, 2, id));
      },
    };
  },
};

function refusedAt(version: number, reason: string): Adapter {
  return { plan: (at): Plan => (at.crosses(version) ? { refuse: reason } : null) };
}

const reduceAxes = listToInput('axes', 1, 18);

export const ADAPTERS: ReadonlyMap<string, Adapter> = new Map<string, Adapter>([
  ['Attention', refusedAt(24, 'its inputs changed in opset 24')],
  ['BatchNormalization', batchNormalization],
  ['Clip', adaptClip],
  ['DFT', fourier],
  ['Dropout', dropout],
  ['GridSample', gridSample],
  ['GroupNormalization', adaptGroupNormalization],
  ['Hardmax', softmax],
  ['LogSoftmax', softmax],
  ['Pad', adaptPad],
  ['ReduceL1', reduceAxes],
  ['ReduceL2', reduceAxes],
  ['ReduceLogSum', reduceAxes],
  ['ReduceLogSumExp', reduceAxes],
  ['ReduceMax', reduceAxes],
  ['ReduceMean', reduceAxes],
  ['ReduceMin', reduceAxes],
  ['ReduceProd', reduceAxes],
  ['ReduceSum', listToInput('axes', 1, 13)],
  ['ReduceSumSquare', reduceAxes],
  ['Resize', adaptResize],
  ['RoiAlign', roiAlign],
  ['Scan', refusedAt(9, 'its batch axis was dropped in opset 9')],
  [
    'Scatter',
    {
      plan: (at) =>
        at.crosses(11)
          ? {
              text: 'Scatter is called ScatterElements since opset 11.',
              apply: () => void at.edit.setOp(at.node, 'ScatterElements'),
            }
          : null,
    },
  ],
  ['Slice', adaptSlice],
  ['Softmax', softmax],
  ['Split', split],
  ['Squeeze', listToInput('axes', 1, 13)],
  ['TopK', adaptTopK],
  ['Unsqueeze', listToInput('axes', 1, 13)],
  ['Upsample', adaptUpsample],
]);
