/** Non-maximum suppression: boxes in order of their scores, less those that overlap a better one of their class. */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { made, need, reals, scalarOf, type Reals } from './evaluation.ts';

type Box = readonly [number, number, number, number];

/** boxes [batches, count, 4], scores [batches, classes, count]; rows of [batch, class, box] (ONNX specification). */
export function suppress(call: Call): readonly Dense[] {
  const [boxes, scores] = [need(call, 0), need(call, 1)];
  const most = scalarOf(call.dense(2), 0);
  const overlap = scalarOf(call.dense(3), 0);
  const least = call.has(4) ? scalarOf(call.dense(4), -Infinity) : -Infinity;
  const [batches = 0, classes = 0, count = 0] = scores.shape;
  const centred = call.int('center_point_box', 0) !== 0;
  const [corners, points] = [reals(boxes), reals(scores)];
  const selected: number[] = [];
  let rows = 0;
  for (let batch = 0; batch < batches; batch++) {
    const all = Array.from({ length: count }, (_, at) => boxAt(corners, (batch * count + at) * 4, centred));
    for (let one = 0; one < classes; one++) {
      const score = (at: number): number => points[(batch * classes + one) * count + at] ?? 0;
      const order = all
        .map((_, at) => at)
        .filter((at) => score(at) > least)
        .toSorted((a, b) => score(b) - score(a) || a - b);
      const kept: number[] = [];
      for (const at of order) {
        if (kept.length >= most) break;
        const box = all[at];
        if (box === undefined || kept.some((other) => intersectionOverUnion(box, all[other] ?? box) > overlap))
          continue;
        kept.push(at);
        selected.push(batch, one, at);
        rows++;
      }
    }
  }
  return [made('i64', [rows, 3], selected)];
}

/** Corners in order, whichever diagonal was given; or centre and size: [x, y, width, height]. */
function boxAt(values: Reals, at: number, centred: boolean): Box {
  const [a = 0, b = 0, c = 0, d = 0] = values.subarray(at, at + 4);
  if (centred) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

function intersectionOverUnion([top, left, bottom, right]: Box, [top2, left2, bottom2, right2]: Box): number {
  const height = Math.min(bottom, bottom2) - Math.max(top, top2);
  const width = Math.min(right, right2) - Math.max(left, left2);
  if (height <= 0 || width <= 0) return 0;
  const shared = height * width;
  const union = (bottom - top) * (right - left) + (bottom2 - top2) * (right2 - left2) - shared;
  return union <= 0 ? 0 : shared / union;
}
