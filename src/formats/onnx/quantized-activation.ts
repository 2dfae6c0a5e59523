/**
 * Spells rounded activations out for a file: one QuantizeLinear and DequantizeLinear behind each, named as onnxruntime's own
 * quantizer names them. Readers and graph outputs take the dequantized value; an output keeps its name.
 *
 * Given:  h = Relu(x); y = Conv(h, w)               h rounded to u8 with scale s and zero point z
 * Result: h = Relu(x); q = QuantizeLinear(h, s, z); d = DequantizeLinear(q, s, z); y = Conv(d, w)
 *
 * Given:  i = Identity(h)                           h rounded to u8, i to u16: layers that want other levels read i
 * Result: q2 = QuantizeLinear(d, s2, z2); d2 = DequantizeLinear(q2, s2, z2), and no Identity
 *
 * Values that share the tickets of scale and zero point share the constants.
 */
import type { Editor, GraphPath, Place } from '#ir/editor.ts';
import type { Graph, Node, Quantization, Value, ValueId } from '#ir/model.ts';
import { subgraphsOf } from '#ir/walk.ts';
import { domainFor, importMicrosoft, type Stem } from './quantized-constant.ts';

export interface RoundedActivation {
  readonly value: Value;
  readonly quantization: Quantization;
  /** null: a graph input. */
  readonly producer: Node | null;
  readonly home: GraphPath;
}

/** Every rounded activation, inputs first, then in execution order. */
export function roundedActivations(graph: Graph, home: GraphPath = []): readonly RoundedActivation[] {
  const found: RoundedActivation[] = [];
  const look = (id: ValueId | null, producer: Node | null): void => {
    const value = id === null ? undefined : graph.values.get(id);
    if (value?.quantization === undefined || value.constant !== undefined) return;
    found.push({ value, quantization: value.quantization, producer, home });
  };
  for (const id of graph.inputs) look(id, null);
  for (const node of graph.nodes) {
    for (const { attr, index, graph: inner } of subgraphsOf(node)) {
      const step = { node: node.name, attr, ...(index === undefined ? {} : { index }) };
      found.push(...roundedActivations(inner, [...home, step]));
    }
    for (const id of node.outputs) look(id, node);
  }
  return found;
}

/** Spells activations one after the other, in the order of `roundedActivations`; it remembers the constants it made. */
export class ActivationSpeller {
  readonly #edit: Editor;
  readonly #stem: Stem;
  readonly #constants = new Map<string, ValueId>();

  constructor(edit: Editor, stem: Stem) {
    this.#edit = edit;
    this.#stem = stem;
  }

  spell({ value, quantization, producer, home }: RoundedActivation): void {
    const edit = this.#edit;
    const { name, dtype, shape } = value;
    const stem = this.#stem(name);
    const levels = quantization.levels!;
    const parameters = this.#parameters(name, quantization, home);
    const domain = domainFor(edit, `activation "${name}"`, levels, quantization);
    if (domain !== '') importMicrosoft(edit);
    // A copy of a rounded value is there to be rounded again: it needs no node of its own.
    // As the node stands now: its input may have been spelled before it.
    const maker = edit.producer(value.id);
    const copies = maker?.op === 'Identity' && maker.domain === '' ? maker : null;
    const place: Place = producer === null ? { startOf: home } : { after: producer };
    const quantize = edit.addNode(
      {
        name: `${stem}_QuantizeLinear`,
        op: 'QuantizeLinear',
        domain,
        inputs: [],
        outputs: [{ name: `${stem}_QuantizeLinear_Output`, dtype: levels, shape }],
      },
      place,
    );
    const dequantize = edit.addNode(
      {
        name: `${stem}_DequantizeLinear`,
        op: 'DequantizeLinear',
        domain,
        inputs: [quantize.outputs[0] ?? null, ...parameters],
        outputs: [{ name: `${stem}_DequantizeLinear_Output`, dtype: dtype ?? quantization.scale.dtype, shape }],
      },
      { after: quantize },
    );
    const rounded = dequantize.outputs[0]!;
    const isOutput = edit.isOutput(value.id);
    edit.replaceUses(value.id, rounded, true);
    edit.setQuantization(value.id, undefined);
    const source = copies?.inputs[0] ?? null;
    if (isOutput) edit.setValue(value.id, { name: `${stem}_QuantizeLinear_Input` });
    if (copies !== null && source !== null && this.#wasRounded(source)) {
      edit.setInputs(quantize, [source, ...parameters]);
      edit.removeNode(copies);
    } else {
      edit.setInputs(quantize, [value.id, ...parameters]);
    }
    if (isOutput) edit.setValue(rounded, { name });
  }

  /** Scale and zero point, once for each pair of tickets and graph. */
  #parameters(name: string, { scale, zeroPoint }: Quantization, home: GraphPath): readonly ValueId[] {
    const edit = this.#edit;
    const place = JSON.stringify(home);
    const inputs: ValueId[] = [];
    for (const [suffix, tensor] of [
      ['scale', scale],
      ['zero_point', zeroPoint],
    ] as const) {
      if (tensor === undefined) continue;
      const key = `${place} ${tensor.key}`;
      const id = this.#constants.get(key) ?? edit.addConstant(`${this.#stem(name)}_${suffix}`, tensor, undefined, home);
      this.#constants.set(key, id);
      inputs.push(id);
    }
    return inputs;
  }

  #wasRounded(id: ValueId): boolean {
    return this.#edit.producer(id)?.op === 'DequantizeLinear';
  }
}
