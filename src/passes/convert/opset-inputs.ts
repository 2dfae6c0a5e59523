/** Adapters for operators whose parameters moved from attributes to inputs with a type or place of their own. */
import { countOf } from '#base/dtype.ts';
import { withInput, without, type Adapter } from './opset-plan.ts';

/** Bounds are attributes before opset 11; a bound that clips nothing is left out. */
export const adaptClip: Adapter = {
  plan: (at) => {
    const low = at.call.attr('min');
    const high = at.call.attr('max');
    if (!at.crosses(11) || (low === undefined && high === undefined)) return null;
    const dtype = at.dtype(0);
    if (dtype === null) return { refuse: 'the type of its input is not known' };
    return {
      text: 'The bounds became inputs.',
      apply: () => {
        let node = at.edit.setAttrs(at.node, without(at.node.attrs, 'min', 'max'));
        for (const [input, name, attr] of [
          [1, 'min', low],
          [2, 'max', high],
        ] as const) {
          if (attr?.type !== 'float') continue;
          const id = at.constant(`${at.node.name}_${name}`, dtype, [], [attr.value]);
          node = at.edit.setInputs(node, withInput(node, input, id));
        }
      },
    };
  },
};

/** Pads and the filling value are attributes before opset 11. */
export const adaptPad: Adapter = {
  plan: (at) => {
    const pads = at.call.exactInts('pads');
    if (!at.crosses(11) || pads === undefined) return null;
    const dtype = at.dtype(0);
    const value = at.call.float('value', 0);
    if (dtype === null && value !== 0) return { refuse: 'the type of its input is not known' };
    return {
      text: 'pads and value became inputs.',
      apply: () => {
        let node = at.edit.setAttrs(at.node, without(at.node.attrs, 'pads', 'value'));
        node = at.edit.setInputs(
          node,
          withInput(node, 1, at.constant(`${at.node.name}_pads`, 'i64', [pads.length], pads)),
        );
        if (value !== 0 && dtype !== null) {
          const id = at.constant(`${at.node.name}_value`, dtype, [], [value]);
          at.edit.setInputs(node, withInput(node, 2, id));
        }
      },
    };
  },
};

/** starts, ends and axes are attributes before opset 10. */
export const adaptSlice: Adapter = {
  plan: (at) => {
    const lists = (['starts', 'ends', 'axes'] as const).map((name) => [name, at.call.exactInts(name)] as const);
    if (!at.crosses(10) || lists[0]?.[1] === undefined) return null;
    return {
      text: 'starts, ends and axes became inputs.',
      apply: () => {
        let node = at.edit.setAttrs(at.node, without(at.node.attrs, 'starts', 'ends', 'axes'));
        for (const [position, [name, list]] of lists.entries()) {
          if (list === undefined) continue;
          const id = at.constant(`${at.node.name}_${name}`, 'i64', [list.length], list);
          node = at.edit.setInputs(node, withInput(node, position + 1, id));
        }
      },
    };
  },
};

/** k is an attribute before opset 10. */
export const adaptTopK: Adapter = {
  plan: (at) => {
    if (!at.crosses(10)) return null;
    const k = at.call.int('k', 1);
    return {
      text: 'k became an input.',
      apply: () => {
        const node = at.edit.setAttrs(at.node, without(at.node.attrs, 'k'));
        at.edit.setInputs(node, withInput(node, 1, at.constant(`${at.node.name}_k`, 'i64', [1], [k])));
      },
    };
  },
};

/** Before opset 21 there is one scale and bias per group, since then one per channel. */
export const adaptGroupNormalization: Adapter = {
  reads: [1, 2],
  plan: (at) => {
    if (!at.crosses(21)) return null;
    const channels = at.shape(0)?.[1];
    const groups = at.call.int('num_groups', 1);
    const held = [at.values(1), at.values(2)];
    if (typeof channels !== 'number') return { refuse: 'its number of channels is not known' };
    if (held.some((one) => one === undefined)) return { refuse: 'its scale or bias is not constant' };
    return {
      text: 'Scale and bias of each group were repeated for its channels.',
      apply: () => {
        let node = at.node;
        for (const [position, dense] of held.entries()) {
          if (dense === undefined || countOf(dense.shape) !== groups) continue;
          const repeated = Array.from(
            { length: channels },
            (_, channel) => dense.data[Math.floor((channel * groups) / channels)] ?? 0,
          );
          const id = at.constant(
            `${node.name}_${position === 0 ? 'scale' : 'bias'}`,
            dense.dtype,
            [channels],
            repeated,
          );
          node = at.edit.setInputs(node, withInput(node, position + 1, id));
        }
      },
    };
  },
};
