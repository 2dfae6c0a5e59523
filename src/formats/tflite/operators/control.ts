/** Branches, loops and calls of other graphs in the file. */
import type { DType } from '#base/dtype.ts';
import type { Shape } from '#ir/model.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { int, text } from '#formats/tflite/record/fields.ts';
import type { TfliteTensor } from '#formats/tflite/record/file.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

export const controlOperators: readonly OperatorRow[] = [
  row('IF', { yes: int(0), no: int(1) }, (call, { yes, no }) => {
    const { lowering, around } = call;
    const inputs = call.inputs(1);
    const condition = lowering.reshape(call.input(0), [], { name: `${call.name}/condition` });
    const branch = (graph: number, name: string) =>
      lowering.subgraph(`${call.name}/${name}`, [], (inside) => around.inline(graph, inputs, inside));
    return lowering.node('If', [condition], {
      name: call.name,
      outputs: outputsOf(call),
      attrs: { then_branch: { graph: branch(yes, 'then') }, else_branch: { graph: branch(no, 'else') } },
      types: around.ends(yes).outputs.map((tensor) => typeOf(tensor)),
    });
  }),
  row('WHILE', { condition: int(0), body: int(1) }, (call, { condition, body }) => {
    const { lowering, around } = call;
    const starts = call.inputs();
    const [start] = around.inline(condition, starts);
    if (start === undefined) throw new Unsupported('Its condition gives nothing.', 'The file is damaged.');
    const entries = around.ends(body).inputs.map((tensor, at) => {
      const { dtype, shape } = typeOf(tensor);
      const before = lowering.shape(starts[at]!);
      // What grows from round to round has no size of its own.
      const kept = sameShape(shape, around.ends(body).outputs[at], before) ? before : (before?.map(() => null) ?? null);
      return { name: tensor.name, dtype: lowering.dtype(starts[at]!) ?? dtype, shape: kept };
    });
    const loop = lowering.subgraph(
      `${call.name}/body`,
      [{ name: 'round', dtype: 'i64', shape: [] }, { name: 'goes_on', dtype: 'bool', shape: [] }, ...entries],
      (inside, [, , ...values]) => {
        const next = around.inline(body, values, inside);
        const [again] = around.inline(condition, next, inside);
        if (again === undefined) throw new Unsupported('Its condition gives nothing.', 'The file is damaged.');
        return [inside.reshape(again, [], { name: 'again' }), ...next];
      },
    );
    const first = lowering.reshape(start, [], { name: `${call.name}/start` });
    return lowering.node('Loop', [null, first, ...starts], {
      name: call.name,
      outputs: outputsOf(call),
      attrs: { body: { graph: loop } },
      types: entries.map(({ dtype, shape }) => ({ dtype, shape })),
    });
  }),
  row('CALL', { graph: int(0) }, (call, { graph }) => call.around.inline(graph, call.inputs())),
  row('STABLEHLO_COMPOSITE', { name: text(0), graph: int(1) }, (call, { graph }) =>
    // A named operator that brings its own definition along.
    call.around.inline(graph, call.inputs()),
  ),
];

function outputsOf(call: OperatorCall): readonly string[] {
  return call.outputs.map((output, at) => (output === '' ? `${call.name}_${at}` : output));
}

function typeOf(tensor: TfliteTensor): { readonly dtype: DType; readonly shape: Shape } {
  const { type, shape, shapeSignature, quantization } = tensor;
  if (type === 'resource' || type === 'variant' || type === 'string' || type === 'c64') {
    throw new Unsupported(`It carries ${type === 'string' ? 'texts' : type} from graph to graph.`);
  }
  const levels = quantization !== undefined && quantization.scale.length > 0 && /^[iu]\d+$/.test(type);
  const open = shapeSignature?.map((size) => (size < 0 ? null : size)) ?? shape;
  return { dtype: levels && type !== 'i32' && type !== 'i64' ? 'f32' : type, shape: open };
}

function sameShape(shape: Shape, after: TfliteTensor | undefined, before: Shape | null): boolean {
  if (after === undefined || before === null) return false;
  const end = typeOf(after).shape;
  return (
    shape.length === end.length &&
    shape.length === before.length &&
    shape.every((size, axis) => size !== null && size === end[axis])
  );
}
