/** Suppression of overlapping boxes. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

interface Limits {
  readonly most: Operand;
  readonly overlap: Operand;
  readonly score: Operand | null;
}

function scalarList(call: TfCall, operand: Operand, name: string): Operand {
  return call.lowering.reshape(operand, [1], { name: `${call.name}/${name}` });
}

/** Positions of the boxes that stay, best first: [kept] of 64 bits. Boxes: [boxes, 4], scores: [boxes]. */
function kept(call: TfCall, limits: Limits): Operand {
  const { lowering } = call;
  const boxes = call.step('boxes', 'Unsqueeze', [call.input(0), lowering.small([0])]);
  const scores = call.step('scores', 'Unsqueeze', [call.input(1), lowering.small([0, 1])]);
  const inputs = [boxes, scores, scalarList(call, limits.most, 'most'), scalarList(call, limits.overlap, 'overlap')];
  const selected = call.step(
    'selected',
    'NonMaxSuppression',
    limits.score === null ? inputs : [...inputs, scalarList(call, limits.score, 'score')],
    {},
    [{ dtype: 'i64', shape: [null, 3] }],
  );
  return call.step('kept', 'Gather', [selected, lowering.small(2)], { axis: 1 });
}

/** A list filled up with zeros to the number that was asked for. */
function filledUp(call: TfCall, list: Operand, most: Operand, name: string): Operand {
  const { lowering } = call;
  const count = call.step(`${name}_count`, 'Shape', [list]);
  const missing = call.step(`${name}_missing`, 'Sub', [scalarList(call, most, `${name}_most`), count]);
  const pads = call.step(`${name}_pads`, 'Concat', [lowering.small([0]), missing], { axis: 0 });
  return call.step(name, 'Pad', [list, pads], { mode: 'constant' });
}

function suppress(version: 2 | 3 | 4 | 5): Row {
  return (call): readonly Held[] => {
    if (version === 5) {
      if (call.real(5) !== 0) throw new Inexpressible('It lowers scores softly, which ONNX does not.');
    }
    const most = call.long(2);
    const limits = { most, overlap: call.input(3), score: version > 2 ? call.input(4) : null };
    const positions = kept(call, limits);
    if (version <= 3) return [call.cast(positions, 'i32')];
    const padded = call.flag('pad_to_max_output_size');
    const valid = call.cast(call.step('valid', 'Size', [positions]), 'i32', 'valid_count');
    const list = padded ? filledUp(call, positions, most, 'padded') : positions;
    const short = call.cast(list, 'i32');
    if (version === 4) return [short, valid];
    const scores = call.step('kept_scores', 'Gather', [call.input(1), positions], { axis: 0 });
    return [short, padded ? filledUp(call, scores, most, 'padded_scores') : scores, valid];
  };
}

/** All classes of one picture: boxes [1, boxes, 1, 4], scores [1, boxes, classes]. */
function combined(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const [batch, , shared] = call.sizes(0);
  if (batch !== 1 || shared !== 1) {
    throw new Inexpressible(
      'It suppresses boxes of several pictures, or of each class on its own.',
      'Export the model with a batch of 1 and boxes that all classes share.',
    );
  }
  if (call.flag('pad_per_class')) throw new Inexpressible('It fills up each class on its own.');
  const total = call.number(3);
  const boxes = call.step('boxes', 'Squeeze', [call.input(0), lowering.small([2])]);
  const scores = call.step('scores', 'Transpose', [call.input(1)], { perm: [0, 2, 1] });
  const selected = call.step(
    'selected',
    'NonMaxSuppression',
    [
      boxes,
      scores,
      scalarList(call, call.long(2), 'most'),
      scalarList(call, call.input(4), 'overlap'),
      scalarList(call, call.input(5), 'score'),
    ],
    {},
    [{ dtype: 'i64', shape: [null, 3] }],
  );
  const found = call.step('found_scores', 'GatherND', [scores, selected]);
  const have = call.step('have', 'Shape', [found]);
  const count = call.step('count', 'Min', [have, lowering.small([total])]);
  const [best, order] = lowering.node('TopK', [found, count], {
    name: `${call.name}/best`,
    outputs: [`${call.name}/best`, `${call.name}/order`],
    attrs: { axis: 0 },
  });
  const rows = call.step('rows', 'Gather', [selected, order!], { axis: 0 });
  const column = (name: string, at: number): Operand =>
    call.step(name, 'Gather', [rows, lowering.small(at)], { axis: 1 });
  const flat = lowering.reshape(boxes, [-1, 4], { name: `${call.name}/flat_boxes` });
  const picked = call.step('picked', 'Gather', [flat, column('box', 2)], { axis: 0 });
  const clipped = call.flag('clip_boxes', true)
    ? call.step('clipped', 'Clip', [picked, call.like(picked, 0), call.like(picked, 1)])
    : picked;
  const missing = call.step('missing', 'Sub', [lowering.small([total]), count]);
  const zero = lowering.small([0]);
  const upTo = (name: string, list: Operand, rank: number): Operand => {
    const none = Array.from({ length: rank }, () => zero);
    const pads = call.step(`${name}_pads`, 'Concat', [...none, missing, ...none.slice(1)], { axis: 0 });
    const full = call.step(`${name}_full`, 'Pad', [list, pads], { mode: 'constant' });
    const sized = lowering.reshape(full, rank === 2 ? [1, total, 4] : [1, total], { name: `${call.name}/${name}` });
    return sized;
  };
  const classes = call.cast(column('class', 1), 'f32', 'class_float');
  return [
    upTo('nmsed_boxes', clipped, 2),
    upTo('nmsed_scores', best!, 1),
    upTo('nmsed_classes', classes, 1),
    call.cast(count, 'i32', 'valid'),
  ];
}

export const detectionRows: readonly (readonly [string, Row])[] = [
  ['NonMaxSuppression', suppress(2)],
  ['NonMaxSuppressionV2', suppress(2)],
  ['NonMaxSuppressionV3', suppress(3)],
  ['NonMaxSuppressionV4', suppress(4)],
  ['NonMaxSuppressionV5', suppress(5)],
  ['CombinedNonMaxSuppression', combined],
];
