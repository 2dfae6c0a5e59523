/** If, Loop and Scan: types come from the subgraphs, which inference has visited before. */
import type { Dim, Shape } from '#ir/model.ts';
import { UNKNOWN, type TensorType } from '#ops/facts.ts';
import type { Operator } from '#ops/operator.ts';

/** What holds whichever branch ran. */
function either(a: TensorType, b: TensorType): TensorType {
  const dtype = a.dtype === b.dtype ? a.dtype : (a.dtype ?? b.dtype);
  if (a.shape === null || b.shape === null || a.shape.length !== b.shape.length) return { dtype, shape: null };
  const other = b.shape;
  return { dtype, shape: a.shape.map((size, axis): Dim => (size === other[axis] ? size : null)) };
}

/** A carried value may change its shape from one iteration to the next, so only agreeing sizes are kept. */
export const controlOperators: readonly Operator[] = [
  {
    name: 'If',
    inputs: ['cond'],
    outputs: ['outputs*'],
    infer: (call) => {
      const yes = call.branches.get('then_branch') ?? [];
      const no = call.branches.get('else_branch') ?? [];
      // Of a condition that is the same in every run, one branch is all there is.
      const known = call.numbers(0)?.[0];
      const taken = known === undefined ? undefined : known === 0 ? no : yes;
      return Array.from({ length: call.outputCount }, (_, at) =>
        taken === undefined ? either(yes[at] ?? UNKNOWN, no[at] ?? UNKNOWN) : (taken[at] ?? UNKNOWN),
      );
    },
  },
  {
    name: 'Loop',
    inputs: ['M?', 'cond?', 'v_initial*'],
    outputs: ['v_final_and_scan_outputs*'],
    infer: (call) => {
      const body = call.branches.get('body') ?? [];
      const carried = call.inputCount - 2;
      return Array.from({ length: call.outputCount }, (_, at): TensorType => {
        const made = body[at + 1] ?? UNKNOWN;
        if (at < carried) return either({ dtype: call.dtype(at + 2), shape: call.shape(at + 2) }, made);
        return { dtype: made.dtype, shape: made.shape === null ? null : [null, ...made.shape] };
      });
    },
  },
  {
    name: 'Scan',
    inputs: ['initial_state_and_scan_inputs*'],
    outputs: ['final_state_and_scan_outputs*'],
    infer: (call) => {
      const body = call.branches.get('body') ?? [];
      const scanned = call.int('num_scan_inputs', 0);
      const carried = call.inputCount - scanned;
      const axes = call.ints('scan_input_axes');
      const outputAxes = call.ints('scan_output_axes');
      const steps = call.dim(carried, axes?.[0] ?? 0);
      return Array.from({ length: call.outputCount }, (_, at): TensorType => {
        const made = body[at] ?? UNKNOWN;
        if (call.opset < 9) return { dtype: made.dtype, shape: null };
        if (at < carried) return either({ dtype: call.dtype(at), shape: call.shape(at) }, made);
        return { dtype: made.dtype, shape: inserted(made.shape, outputAxes?.[at - carried] ?? 0, steps) };
      });
    },
  },
];

function inserted(shape: Shape | null, axis: number, size: Dim): Shape | null {
  if (shape === null) return null;
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return [...shape.slice(0, at), size, ...shape.slice(at)];
}
