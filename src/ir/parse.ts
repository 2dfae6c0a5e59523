/**
 * Reads the text form of a model.
 *
 *   model "name" opset onnx 17, com.microsoft 1 ir 8
 *   graph main(%x: f32[N, 3, 8, 8]) -> (%y) {
 *     %w: f32[4, 3, 1, 1] = const [0.5, ...]        also: zeros | fill(2) | ramp(-1, 0.1) | #"ticket"
 *     %h: f32[N, 4, 8, 8] = Conv(%x, %w, _) {strides: ints[1, 1], alpha: 0.5f, mode: "same"} @conv1
 *     %g: f32[N, 4] quantized {scale: f32[] [0.1], zero: u8[] [3], levels: "u8"} = Relu(%h) @relu
 *     %y = com.microsoft::Gelu(%g) @gelu
 *   }
 *
 * `%` names a value, `@` a node, `_` leaves an optional one out, `f` marks a float; `//` starts a comment.
 */
import { countOf, DTYPES, type DType } from '#base/dtype.ts';
import type { Attr, Dim, Graph, Model, Node, NodeId, Quantization, Tensor, Value, ValueId } from './model.ts';
import type { WeightStore } from './weights.ts';
import { packElements } from './literal.ts';
import { numberOf, refusal, type Token, tokensOf } from './tokens.ts';

/** Parses a model; constants written as values are put into the store. */
export function parseModel(text: string, store: WeightStore): Model {
  return new Parser(text, store).model();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #store: WeightStore;
  #at = 0;
  #nextValue = 0;
  #nextNode = 0;
  /** Names in reach, innermost graph last, each with the graph's values. */
  readonly #scopes: { readonly ids: Map<string, ValueId>; readonly values: Map<ValueId, Value> }[] = [];

  constructor(text: string, store: WeightStore) {
    this.#tokens = tokensOf(text);
    this.#store = store;
  }

  model(): Model {
    this.#word('model');
    const name = this.#take('text').text;
    this.#word('opset');
    const opsets = new Map<string, number>();
    do {
      const domain = this.#name();
      opsets.set(domain === 'onnx' ? '' : domain, this.#integer());
    } while (this.#skip(','));
    this.#word('ir');
    const irVersion = this.#integer();
    const graph = this.#graph();
    this.#take('end');
    return {
      name,
      graph,
      opsets,
      irVersion,
      producer: { name: '', version: '' },
      metadata: new Map(),
      functions: [],
      source: { format: 'made', file: name, sizeBytes: 0 },
    };
  }

  #graph(): Graph {
    this.#word('graph');
    const name = this.#name();
    const scope = { ids: new Map<string, ValueId>(), values: new Map<ValueId, Value>() };
    this.#scopes.push(scope);
    const inputs = this.#list('(', ')', () => this.#definition());
    this.#mark('->');
    const outputNames = this.#list('(', ')', () => this.#valueName());
    this.#mark('{');
    const nodes: Node[] = [];
    while (!this.#skip('}')) {
      const node = this.#statement();
      if (node !== undefined) nodes.push(node);
    }
    const outputs = outputNames.map((output) => this.#use(output));
    this.#scopes.pop();
    return { name, inputs, outputs, nodes, values: scope.values };
  }

  #statement(): Node | undefined {
    const outputs: (ValueId | null)[] = [];
    do outputs.push(this.#skip('_') ? null : this.#definition());
    while (this.#skip(','));
    this.#mark('=');
    if (this.#peek().text === 'const' && this.#peek().kind === 'word') {
      this.#constant(outputs[0]);
      return undefined;
    }
    let op = this.#take('word').text;
    let domain = '';
    if (this.#skip('::')) {
      domain = op;
      op = this.#take('word').text;
    }
    const inputs = this.#list('(', ')', () => (this.#skip('_') ? null : this.#use(this.#valueName())));
    const attrs = this.#attrs();
    this.#mark('@');
    const id = this.#nextNode++ as NodeId;
    return { id, name: this.#name(), op, domain, inputs, outputs, attrs };
  }

  #attrs(): Map<string, Attr> {
    const attrs = new Map<string, Attr>();
    if (this.#peek().text !== '{') return attrs;
    this.#list('{', '}', () => {
      const name = this.#name();
      this.#mark(':');
      attrs.set(name, this.#attr());
    });
    return attrs;
  }

  #attr(): Attr {
    const token = this.#peek();
    switch (token.kind) {
      case 'integer':
        return { type: 'int', value: this.#exact() };
      case 'float':
        return { type: 'float', value: this.#number() };
      case 'text':
      case 'hex':
        return { type: 'string', value: this.#string() };
      default:
        return this.#namedAttr(token);
    }
  }

  #namedAttr(token: Token): Attr {
    if (token.text === 'graph') return { type: 'graph', value: this.#graph() };
    this.#at++;
    switch (token.text) {
      case 'ints':
        return { type: 'ints', value: this.#list('[', ']', () => this.#exact()) };
      case 'floats':
        return { type: 'floats', value: this.#list('[', ']', () => this.#number()) };
      case 'strings':
        return { type: 'strings', value: this.#list('[', ']', () => this.#string()) };
      case 'tensor':
        return { type: 'tensor', value: this.#tensor() };
      case 'graphs':
        return { type: 'graphs', value: this.#list('[', ']', () => this.#graph()) };
      case 'raw':
        return { type: 'raw', value: this.#string() };
      default:
        throw refusal(token.line, `"${token.text}" is not an attribute value.`);
    }
  }

  #constant(id: ValueId | null | undefined): void {
    const line = this.#peek().line;
    this.#word('const');
    const values = this.#scopes.at(-1)?.values;
    const value = id === null || id === undefined ? undefined : values?.get(id);
    if (value === undefined || values === undefined) throw refusal(line, 'a constant needs a name.');
    const typed = this.#peek().kind === 'word' && DTYPES.includes(this.#peek().text as DType);
    const constant = typed ? this.#tensor() : this.#contents(this.#typeOf(value, line), this.#sizesOf(value, line));
    const quantization = this.#peek().text === 'quantized' ? this.#quantization() : undefined;
    values.set(value.id, { ...value, constant, ...(quantization === undefined ? {} : { quantization }) });
  }

  #typeOf(value: Value, line: number): DType {
    if (value.dtype === null) throw refusal(line, `constant %${value.name} needs a type.`);
    return value.dtype;
  }

  #sizesOf(value: Value, line: number): readonly number[] {
    const sizes = value.shape?.filter((dim) => typeof dim === 'number');
    if (sizes === undefined || sizes.length !== value.shape?.length) {
      throw refusal(line, `constant %${value.name} needs a full shape.`);
    }
    return sizes;
  }

  #quantization(): Quantization {
    this.#word('quantized');
    const parts = new Map<string, Tensor | number | string>();
    this.#list('{', '}', () => {
      const name = this.#name();
      this.#mark(':');
      const next = this.#peek();
      if (next.kind === 'integer') parts.set(name, this.#integer());
      else if (next.kind === 'text') parts.set(name, this.#take('text').text);
      else parts.set(name, this.#tensor());
    });
    const { zero, ...rest } = Object.fromEntries(parts);
    return { ...rest, ...(zero === undefined ? {} : { zeroPoint: zero }) } as unknown as Quantization;
  }

  #tensor(): Tensor {
    const token = this.#take('word');
    const dtype = DTYPES.find((known) => known === token.text);
    if (dtype === undefined) throw refusal(token.line, `"${token.text}" is not an element type.`);
    return this.#contents(
      dtype,
      this.#list('[', ']', () => this.#integer()),
    );
  }

  #contents(dtype: DType, shape: readonly number[]): Tensor {
    const token = this.#peek();
    if (this.#skip('#')) return { key: this.#take('text').text, dtype, shape };
    const elements = this.#elements(countOf(shape));
    if (elements.length !== countOf(shape)) {
      throw refusal(token.line, `${String(elements.length)} values for the shape [${shape.join(', ')}].`);
    }
    return this.#store.put(dtype, shape, packElements(dtype, elements));
  }

  #elements(count: number): readonly (number | bigint)[] {
    const token = this.#peek();
    if (token.text === '[') {
      return this.#list('[', ']', () => (this.#peek().kind === 'integer' ? this.#exact() : this.#number()));
    }
    this.#at++;
    const args = this.#peek().text === '(' ? this.#list('(', ')', () => this.#number()) : [];
    const [first = 0, step = 0] = args;
    if (token.text === 'zeros') return Array.from({ length: count }, () => 0);
    if (token.text === 'fill') return Array.from({ length: count }, () => first);
    if (token.text === 'ramp') return Array.from({ length: count }, (_, index) => first + step * index);
    throw refusal(token.line, `"${token.text}" is not a way to write values.`);
  }

  #definition(): ValueId {
    const name = this.#valueName();
    let dtype: DType | null = null;
    let shape: readonly Dim[] | null = null;
    if (this.#skip(':')) {
      if (!this.#skip('?')) dtype = this.#dtype();
      if (this.#peek().text === '[') shape = this.#list('[', ']', () => this.#dim());
    }
    const scope = this.#scopes.at(-1);
    if (scope === undefined) throw new Error('a definition outside a graph');
    const id = scope.ids.get(name) ?? (this.#nextValue++ as ValueId);
    scope.ids.set(name, id);
    const grid = this.#peek().text === 'quantized' ? { quantization: this.#quantization() } : {};
    scope.values.set(id, { id, name, dtype, shape, ...grid });
    return id;
  }

  #dtype(): DType {
    const token = this.#take('word');
    const dtype = DTYPES.find((known) => known === token.text);
    if (dtype === undefined) throw refusal(token.line, `"${token.text}" is not an element type.`);
    return dtype;
  }

  #dim(): Dim {
    if (this.#skip('?')) return null;
    return this.#peek().kind === 'integer' ? this.#integer() : this.#name();
  }

  #use(name: string): ValueId {
    for (const { ids } of this.#scopes.toReversed()) {
      const id = ids.get(name);
      if (id !== undefined) return id;
    }
    throw refusal(this.#peek().line, `%${name} is not defined before it is used.`);
  }

  #valueName(): string {
    this.#mark('%');
    return this.#name();
  }

  #name(): string {
    const token = this.#peek();
    if (token.kind !== 'word' && token.kind !== 'text') throw refusal(token.line, `"${token.text}" is not a name.`);
    this.#at++;
    return token.text;
  }

  #string(): Uint8Array {
    const token = this.#peek();
    this.#at++;
    if (token.kind === 'text') return new TextEncoder().encode(token.text);
    return Uint8Array.from(token.text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }

  #exact(): number | bigint {
    const { text } = this.#take('integer');
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : BigInt(text);
  }

  #integer(): number {
    return Number(this.#take('integer').text);
  }

  #number(): number {
    const token = this.#peek();
    if (token.kind !== 'integer' && token.kind !== 'float')
      throw refusal(token.line, `"${token.text}" is not a number.`);
    this.#at++;
    return numberOf(token.text);
  }

  #list<T>(open: string, close: string, item: () => T): T[] {
    this.#mark(open);
    const items: T[] = [];
    if (this.#skip(close)) return items;
    do items.push(item());
    while (this.#skip(','));
    this.#mark(close);
    return items;
  }

  #peek(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw refusal(0, 'the text ends too early.');
    return token;
  }

  #take(kind: Token['kind']): Token {
    const token = this.#peek();
    if (token.kind !== kind) throw refusal(token.line, `expected a ${kind}, found "${token.text}".`);
    this.#at++;
    return token;
  }

  #word(text: string): void {
    const token = this.#take('word');
    if (token.text !== text) throw refusal(token.line, `expected "${text}", found "${token.text}".`);
  }

  #mark(text: string): void {
    const token = this.#peek();
    if (!this.#skip(text)) throw refusal(token.line, `expected "${text}", found "${token.text}".`);
  }

  /** Takes the token when it is this mark (or the lone word `_`). */
  #skip(text: string): boolean {
    const token = this.#peek();
    if (token.text !== text || (token.kind !== 'mark' && token.kind !== 'word')) return false;
    this.#at++;
    return true;
  }
}
