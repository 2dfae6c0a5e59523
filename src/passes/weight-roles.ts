/** Which inputs of a node are weights worth compressing, and along which axes their channels and sums run. */
import type { Node } from '#ir/model.ts';
import { weightRoleOf } from '#ops/weight-role.ts';

export interface CompressibleInput {
  readonly input: number;
  /** Axis of output channels (or table rows); null for a vector. Not negative once the rank is known. */
  readonly axis: number | null;
  /** Axis along which products are summed, where blocks and N:M groups run; for a table the axis along a row. */
  readonly sumAxis: number | null;
  readonly table: boolean;
}

/** Inputs of a node that hold weights when they are constant. `shapeOf` gives the shape of an input's constant, if it is one. */
export function compressibleInputs(
  node: Node,
  shapeOf: (input: number) => readonly number[] | undefined,
): readonly CompressibleInput[] {
  const found: CompressibleInput[] = [];
  for (const [input, id] of node.inputs.entries()) {
    if (id === null) continue;
    const shape = shapeOf(input);
    const { role, axis, sumAxis } = weightRoleOf(node, input, shape);
    if (role === 'weight') found.push({ input, axis, sumAxis, table: false });
    else if (role === 'table') {
      const alongRow = axis === 0 && shape !== undefined && shape.length > 1 ? shape.length - 1 : null;
      found.push({ input, axis, sumAxis: alongRow, table: true });
    }
  }
  return found;
}
