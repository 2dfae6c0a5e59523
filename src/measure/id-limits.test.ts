import { describe, expect, it } from 'vitest';
import { parseModel } from '#ir/parse.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { idLimits } from './id-limits.ts';

describe('idLimits', () => {
  it('finds the tables behind integer inputs, through casts, and takes the smallest', () => {
    const model = parseModel(
      `model "m" opset onnx 17 ir 8
graph main(%ids: i32[1, 2], %columns: i64[1], %free: i64[1], %wide: f32[4, 3]) -> (%a, %b, %c, %d) {
  %table: f32[3, 2] = const [1, 2, 3, 4, 5, 6]
  %small: f32[2, 2] = const [1, 2, 3, 4]
  %long: i64[1, 2] = Cast(%ids) {to: 7} @cast
  %a = Gather(%table, %long) {axis: 0} @big
  %b = Gather(%small, %ids) @small
  %c = Gather(%wide, %columns) {axis: 1} @columns
  %d = Identity(%free) @free
}
`,
      createWeightStore(),
    );
    expect([...idLimits(model)]).toEqual([
      ['ids', 2],
      ['columns', 3],
    ]);
  });
});
