/**
 * Spells quantization out for a file: constants of integers with scales become DequantizeLinear nodes, or the fused operators
 * of com.microsoft that compute from packed blocks; rounded activations become pairs of nodes (quantized-activation.ts), and
 * those pairs integer operators where that is asked for (qoperator.ts).
 *
 * Given:  y = Conv(x, w)                            w: i8[8,4,3,3] with scale on axis 0
 * Result: w = DequantizeLinear<axis=0>(w_quantized, w_scale);  y = Conv(x, w)
 *
 * Sources: ONNX operator DequantizeLinear; onnxruntime docs/ContribOperators.md.
 */
import { bitsOf } from '#base/dtype.ts';
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Attr, Graph, Model, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import { graphsOf, subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { fusedSpelling } from './nbits.ts';
import { toQOperators } from './qoperator.ts';
import { ActivationSpeller, roundedActivations } from './quantized-activation.ts';
import { domainFor, importMicrosoft, raiseIrVersion, stemsOf, type QuantizedConstant } from './quantized-constant.ts';

/** The same model with every quantization spelled as nodes and plain constants. Models without any come back as they are. */
export async function spellQuantization(model: Model, store: WeightStore): Promise<Model> {
  if (!hasQuantization(model.graph)) return model;
  const constants = quantizedConstants(model.graph, []);
  const edit = openEditor(model);
  const stem = stemsOf(model);
  const activations = new ActivationSpeller(edit, stem);
  for (const activation of roundedActivations(model.graph)) activations.spell(activation);
  for (const constant of constants) {
    const fused = fusedSpelling(edit, constant);
    if (fused === undefined) spellDequantize(edit, constant, stem(constant.value.name));
    else await fused(store);
  }
  const pairs = edit.finish();
  const spelled = wantsQOperators(model.graph) ? await toQOperators(pairs, store) : pairs;
  return model.irVersion < 4 && spelled.irVersion >= 4 ? withoutConstantInputs(spelled) : spelled;
}

function hasQuantization(graph: Graph): boolean {
  for (const inner of graphsOf(graph)) {
    for (const value of inner.values.values()) if (value.quantization !== undefined) return true;
  }
  return false;
}

function wantsQOperators(graph: Graph): boolean {
  return [...graphsOf(graph)].some(({ values }) =>
    [...values.values()].some(({ quantization }) => quantization?.form === 'qoperator'),
  );
}

function quantizedConstants(graph: Graph, home: GraphPath): readonly QuantizedConstant[] {
  const found: QuantizedConstant[] = [];
  for (const value of graph.values.values()) {
    const { constant, quantization } = value;
    if (constant !== undefined && quantization !== undefined)
      found.push({ value, tensor: constant, quantization, home });
  }
  for (const node of graph.nodes) {
    for (const { attr, index, graph: inner } of subgraphsOf(node)) {
      found.push(
        ...quantizedConstants(inner, [...home, { node: node.name, attr, ...(index === undefined ? {} : { index }) }]),
      );
    }
  }
  return found;
}

function spellDequantize(edit: Editor, constant: QuantizedConstant, stem: string): void {
  const { value, tensor, quantization, home } = constant;
  const { scale, zeroPoint, axis, block } = quantization;
  const data = edit.addConstant(`${stem}_quantized`, tensor, undefined, home);
  const inputs = [data, edit.addConstant(`${stem}_scale`, scale, undefined, home)];
  if (zeroPoint !== undefined) inputs.push(edit.addConstant(`${stem}_zero_point`, zeroPoint, undefined, home));
  const attrs = new Map<string, Attr>();
  if (axis !== undefined && scale.shape.length > 0) attrs.set('axis', { type: 'int', value: axis });
  if (block !== undefined) attrs.set('block_size', { type: 'int', value: block });
  const domain = domainFor(edit, `weight "${value.name}"`, tensor.dtype, quantization);
  if (domain !== '') importMicrosoft(edit);
  raiseIrVersion(edit, bitsOf(tensor.dtype));
  const node = edit.addNode(
    {
      name: `${stem}_dequantize`,
      op: 'DequantizeLinear',
      domain,
      inputs,
      outputs: [{ name: `${stem}_dequantized`, dtype: value.dtype ?? scale.dtype, shape: tensor.shape }],
      attrs,
    },
    { startOf: home },
  );
  const output = node.outputs[0];
  if (output === null || output === undefined) throw new Error('a node without an output');
  takePlace(edit, value.id, output);
}

/** Readers of the constant read the new value, which gets its name; an initializer listed as graph input is dropped there too. */
function takePlace(edit: Editor, of: ValueId, by: ValueId): void {
  const { name } = edit.value(of);
  edit.replaceUses(of, by, true);
  edit.removeValue(of);
  edit.setValue(by, { name });
}

/** Before IR 4 every initializer had to be an input too and could not be overridden; from IR 4 on such a listing means it can. */
function withoutConstantInputs(model: Model): Model {
  const { graph } = model;
  const inputs = graph.inputs.filter((id) => graph.values.get(id)?.constant === undefined);
  return { ...model, graph: { ...graph, inputs } };
}
