/**
 * The text form of a model, for tests, documents and people. `parse.ts` reads it back; the grammar stands there. Constants
 * print their values when these were handed in, else the key of their ticket.
 */
import type { Attr, Graph, Model, Node, Quantization, Shape, Tensor, Value, ValueId } from './model.ts';
import type { WeightStore } from './weights.ts';
import { allValues, graphsOf } from './walk.ts';
import { literalOf } from './literal.ts';

export interface PrintOptions {
  /** Text for the tickets whose values should be shown, by key. */
  readonly literals?: ReadonlyMap<string, string>;
}

/** Constants of up to this many elements are printed in full by `printWithWeights`. */
const SHOWN_ELEMENTS = 64;

export function printModel(model: Model, options: PrintOptions = {}): string {
  const opsets = [...model.opsets].map(([domain, version]) => `${domain === '' ? 'onnx' : domain} ${String(version)}`);
  const head = `model ${JSON.stringify(model.name)} opset ${opsets.join(', ')} ir ${String(model.irVersion)}`;
  return `${head}\n${printGraph(model.graph, options)}\n`;
}

/** Prints the main graph, or any other, alone. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return new Printer(allValues(graph), options).graph(graph, 0);
}

/** As `printModel`, with the values of small constants read from the store. */
export async function printWithWeights(model: Model, store: WeightStore): Promise<string> {
  const literals = new Map<string, string>();
  const show = async (tensor: Tensor | undefined): Promise<void> => {
    if (tensor === undefined || literals.has(tensor.key)) return;
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    if (count <= SHOWN_ELEMENTS && tensor.dtype !== 'string') {
      literals.set(tensor.key, literalOf(tensor.dtype, count, await store.read(tensor)));
    }
  };
  for (const graph of graphsOf(model.graph)) {
    for (const value of graph.values.values()) {
      await show(value.constant);
      await show(value.quantization?.scale);
      await show(value.quantization?.zeroPoint);
    }
    for (const node of graph.nodes) {
      for (const attr of node.attrs.values()) if (attr.type === 'tensor') await show(attr.value);
    }
  }
  return printModel(model, { literals });
}

class Printer {
  readonly #values: ReadonlyMap<ValueId, Value>;
  readonly #options: PrintOptions;

  constructor(values: ReadonlyMap<ValueId, Value>, options: PrintOptions) {
    this.#values = values;
    this.#options = options;
  }

  graph(graph: Graph, depth: number): string {
    const pad = '  '.repeat(depth + 1);
    const inputs = graph.inputs.map((id) => this.#typed(id)).join(', ');
    const outputs = graph.outputs.map((id) => this.#name(id)).join(', ');
    const lines = [`graph ${name(graph.name)}(${inputs}) -> (${outputs}) {`];
    for (const value of graph.values.values()) {
      if (value.constant !== undefined) lines.push(`${pad}${this.#typed(value.id)} = ${this.#constant(value)}`);
    }
    for (const node of graph.nodes) lines.push(`${pad}${this.#node(node, depth + 1)}`);
    return `${lines.join('\n')}\n${'  '.repeat(depth)}}`;
  }

  #node(node: Node, depth: number): string {
    const outputs = node.outputs.map((id) => (id === null ? '_' : this.#typed(id))).join(', ');
    const inputs = node.inputs.map((id) => (id === null ? '_' : this.#name(id))).join(', ');
    const op = node.domain === '' ? node.op : `${node.domain}::${node.op}`;
    const attrs = [...node.attrs].map(([key, attr]) => `${key}: ${this.#attr(attr, depth)}`);
    const block = attrs.length === 0 ? '' : ` {${attrs.join(', ')}}`;
    return `${outputs} = ${op}(${inputs})${block} @${name(node.name)}`;
  }

  #attr(attr: Attr, depth: number): string {
    switch (attr.type) {
      case 'int':
        return String(attr.value);
      case 'float':
        return float(attr.value);
      case 'string':
        return text(attr.value);
      case 'ints':
        return `ints[${attr.value.map(String).join(', ')}]`;
      case 'floats':
        return `floats[${attr.value.map(float).join(', ')}]`;
      case 'strings':
        return `strings[${attr.value.map(text).join(', ')}]`;
      case 'tensor':
        return `tensor ${this.#tensor(attr.value)}`;
      case 'graph':
        return this.graph(attr.value, depth);
      case 'graphs':
        return `graphs[${attr.value.map((graph) => this.graph(graph, depth)).join(', ')}]`;
      case 'raw':
        return `raw ${hex(attr.value)}`;
    }
  }

  #constant(value: Value): string {
    const { constant, quantization } = value;
    if (constant === undefined) return '';
    const same = constant.dtype === value.dtype && quantization === undefined;
    const held = same ? this.#ticket(constant) : this.#tensor(constant);
    return `const ${held}${quantization === undefined ? '' : ` ${this.#quantization(quantization)}`}`;
  }

  #quantization(quantization: Quantization): string {
    const parts = [`scale: ${this.#tensor(quantization.scale)}`];
    if (quantization.zeroPoint !== undefined) parts.push(`zero: ${this.#tensor(quantization.zeroPoint)}`);
    if (quantization.levels !== undefined) parts.push(`levels: ${JSON.stringify(quantization.levels)}`);
    if (quantization.axis !== undefined) parts.push(`axis: ${String(quantization.axis)}`);
    if (quantization.block !== undefined) parts.push(`block: ${String(quantization.block)}`);
    if (quantization.convention !== undefined) parts.push(`convention: ${JSON.stringify(quantization.convention)}`);
    if (quantization.form !== undefined) parts.push(`form: ${JSON.stringify(quantization.form)}`);
    return `quantized {${parts.join(', ')}}`;
  }

  #tensor(tensor: Tensor): string {
    return `${tensor.dtype}${dims(tensor.shape)} ${this.#ticket(tensor)}`;
  }

  #ticket(tensor: Tensor): string {
    return this.#options.literals?.get(tensor.key) ?? `#${JSON.stringify(tensor.key)}`;
  }

  #name(id: ValueId): string {
    const value = this.#values.get(id);
    return `%${name(value?.name ?? `missing ${String(id)}`)}`;
  }

  #typed(id: ValueId): string {
    const value = this.#values.get(id);
    if (value === undefined) return this.#name(id);
    const { dtype, shape, constant, quantization } = value;
    const type = dtype === null && shape === null ? '' : `: ${dtype ?? '?'}${shape === null ? '' : dims(shape)}`;
    const grid = constant !== undefined || quantization === undefined ? '' : ` ${this.#quantization(quantization)}`;
    return `${this.#name(id)}${type}${grid}`;
  }
}

function dims(shape: Shape): string {
  return `[${shape.map((dim) => (dim === null ? '?' : typeof dim === 'number' ? String(dim) : name(dim))).join(', ')}]`;
}

/** A name as it is when it reads as one word, else in quotes. */
function name(value: string): string {
  return /^[A-Za-z_][A-Za-z0-9_./]*$/.test(value) && !value.includes('//') ? value : JSON.stringify(value);
}

function float(value: number): string {
  return `${Object.is(value, -0) ? '-0' : String(value)}f`;
}

function text(bytes: Uint8Array): string {
  const decoded = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
  return decoded.includes('\uFFFD') ? hex(bytes) : JSON.stringify(decoded);
}

function hex(bytes: Uint8Array): string {
  return `x"${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
}
