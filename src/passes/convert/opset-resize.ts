/** Adapters for Upsample and Resize, whose coordinates, rounding and inputs changed from one version to the next. */
import type { Attr, ValueId } from '#ir/model.ts';
import { numbersOf } from '#ops/dense.ts';
import { without, withString, type Adapter, type Crossing, type Plan } from './opset-plan.ts';

/**
 * What Upsample and Resize 10 do, in the words of Resize 11: output positions are divided by the scale (`asymmetric`),
 * and the nearest input is the one below when growing, the one above when shrinking.
 */
function spelledOut(
  at: Crossing,
  scales: readonly number[] | undefined,
): { readonly attrs: Map<string, Attr> } | { readonly refuse: string } {
  const mode = at.call.string('mode', 'nearest');
  const attrs = withString(without(at.node.attrs, 'scales'), 'mode', mode === 'bilinear' ? 'linear' : mode);
  const placed = withString(attrs, 'coordinate_transformation_mode', 'asymmetric');
  if (mode !== 'nearest') return { attrs: placed };
  if (scales === undefined) return { refuse: 'its scales are not constant, and rounding depends on them' };
  const grows = scales.some((scale) => scale > 1);
  const shrinks = scales.some((scale) => scale < 1);
  if (grows && shrinks) return { refuse: 'it grows one axis and shrinks another, which rounds in two ways' };
  return { attrs: withString(placed, 'nearest_mode', shrinks ? 'ceil' : 'floor') };
}

/** Turns the node into Resize 11 or later: (X, roi, scales). */
function becomeResize(at: Crossing, attrs: Map<string, Attr>, scales: ValueId | null): void {
  // roi may be left out since 13; before, an empty one stands for none.
  const roi = at.to >= 13 ? null : at.constant(`${at.node.name}_roi`, 'f32', [0], []);
  const node = at.edit.setOp(at.edit.setAttrs(at.node, attrs), 'Resize');
  at.edit.setInputs(node, [node.inputs[0] ?? null, roi, scales]);
}

/** Scales are an attribute before opset 9; since 10 the operator is Resize. */
export const adaptUpsample: Adapter = {
  reads: [1],
  plan: (at): Plan => {
    if (!at.crosses(9) && !at.crosses(10)) return null;
    const listed = at.call.floats('scales');
    const held = at.values(1);
    const scales = listed ?? (held === undefined ? undefined : numbersOf(held));
    const inputOf = (): ValueId | null =>
      listed === undefined
        ? (at.node.inputs[1] ?? null)
        : at.constant(`${at.node.name}_scales`, 'f32', [listed.length], listed);
    if (at.to < 11) {
      const op = at.to === 10 ? 'Resize' : 'Upsample';
      return {
        text: `scales are an input${op === 'Resize' ? ' and the operator is Resize' : ''}.`,
        apply: () => {
          const node = at.edit.setOp(at.edit.setAttrs(at.node, without(at.node.attrs, 'scales')), op);
          at.edit.setInputs(node, [node.inputs[0] ?? null, inputOf()]);
        },
      };
    }
    const spelled = spelledOut(at, scales);
    if ('refuse' in spelled) return spelled;
    return {
      text: 'Upsample became Resize with the same coordinates and rounding.',
      apply: () => becomeResize(at, spelled.attrs, inputOf()),
    };
  },
};

export const adaptResize: Adapter = {
  reads: [1, 2, 3],
  plan: (at): Plan => {
    if (at.from < 11) return at.crosses(11) ? fromTen(at) : null;
    return at.crosses(13) ? emptyInputsOut(at) : null;
  },
};

function fromTen(at: Crossing): Plan {
  const scales = at.values(1);
  const spelled = spelledOut(at, scales === undefined ? undefined : numbersOf(scales));
  if ('refuse' in spelled) return spelled;
  return {
    text: 'The coordinates and rounding of Resize 10 were stated.',
    apply: () => becomeResize(at, spelled.attrs, at.node.inputs[1] ?? null),
  };
}

/** Resize 11 marks an unused roi, scales or sizes with an empty tensor; since 13 it must be left out. */
function emptyInputsOut(at: Crossing): Plan {
  if (at.call.string('coordinate_transformation_mode', 'half_pixel') === 'tf_half_pixel_for_nn') {
    return { refuse: 'its coordinate mode tf_half_pixel_for_nn was dropped in opset 13' };
  }
  const isEmpty = (input: number): boolean => at.values(input)?.data.length === 0;
  if (![1, 2, 3].some(isEmpty)) return null;
  return {
    text: 'Empty inputs were left out.',
    apply: () => {
      const inputs = at.node.inputs.map((id, input) => (isEmpty(input) ? null : id));
      while (inputs.at(-1) === null) inputs.pop();
      at.edit.setInputs(at.node, inputs);
    },
  };
}
