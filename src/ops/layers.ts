/** The layers of a model as people see them: nodes with the weights they own, their size and their cost. */
import { bitsOf, bytesFor, countOf } from '#base/dtype.ts';
import type { Layer, LayerWeight } from '#ir/layer.ts';
import type { Dim, Model, Node, Shape, Tensor, Value, ValueId } from '#ir/model.ts';
import { allValues, nodesOf } from '#ir/walk.ts';
import { Call } from './call.ts';
import { factorsOf } from './dims.ts';
import type { Facts } from './facts.ts';
import type { Macs, Role } from './operator.ts';
import { operatorName, operatorOf, opsetOf } from './table.ts';
import { weightRoleOf } from './weight-role.ts';

/** Operators that hand a constant on in another form: what reads the result owns the constant. */
const CARRIERS = new Set(['DequantizeLinear', 'Cast', 'Transpose', 'Reshape', 'Identity', 'Squeeze', 'Unsqueeze']);

/** A constant that reaches an input, perhaps through carriers, with the constants that come along (scales, zero points). */
interface Stored {
  readonly value: ValueId;
  readonly name: string;
  readonly tensor: Tensor;
  readonly role: Role;
  readonly input: number;
  readonly sizeBytes: number;
}

/**
 * Every node of the model and its subgraphs, in execution order. The model should have been through `inferShapes`.
 * Multiply-accumulates are for one sample: an open first axis of the model's inputs counts as 1. Only products count,
 * so an addition or an activation has none. Weights given as DequantizeLinear, Cast or Transpose of a constant count for
 * the layer that reads the result.
 */
export function layersOf(model: Model): readonly Layer[] {
  return new Census(model).layers();
}

class Census {
  readonly #model: Model;
  readonly #values: ReadonlyMap<ValueId, Value>;
  readonly #producers = new Map<ValueId, Node>();
  readonly #readers = new Map<ValueId, number>();
  /** Names of open first axes of the model's inputs; null among them when one has no name. */
  readonly #batch: ReadonlySet<Dim>;

  constructor(model: Model) {
    this.#model = model;
    this.#values = allValues(model.graph);
    for (const { node } of nodesOf(model.graph)) {
      for (const id of node.outputs) if (id !== null) this.#producers.set(id, node);
      for (const id of node.inputs) if (id !== null) this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    }
    const open = model.graph.inputs.flatMap((id) => {
      const first = this.#values.get(id)?.shape?.[0];
      return first === undefined || typeof first === 'number' ? [] : [first];
    });
    this.#batch = new Set(open);
  }

  layers(): readonly Layer[] {
    const seen: { readonly node: Node; readonly scope: readonly string[]; readonly stored: readonly Stored[] }[] = [];
    const users = new Map<ValueId, string[]>();
    for (const { node, scope } of nodesOf(this.#model.graph)) {
      const stored = this.#hands(node) ? [] : this.#storedBy(node);
      seen.push({ node, scope, stored });
      for (const id of new Set(stored.map((one) => one.value))) {
        const names = users.get(id);
        if (names === undefined) users.set(id, [node.name]);
        else names.push(node.name);
      }
    }
    return seen.map(({ node, scope, stored }) => this.#layer(node, scope, stored, users));
  }

  #layer(
    node: Node,
    scope: readonly string[],
    stored: readonly Stored[],
    users: ReadonlyMap<ValueId, readonly string[]>,
  ): Layer {
    let parameters = 0;
    let weightBytes = 0;
    const counted = new Set<ValueId>();
    const weights = stored.map((one): LayerWeight => {
      const sharers = users.get(one.value) ?? [];
      if (sharers[0] === node.name && !counted.has(one.value)) {
        counted.add(one.value);
        weightBytes += one.sizeBytes;
        if (one.role !== 'quantization' && one.role !== 'indices')
          parameters += parametersOf(one.tensor, node, one.input);
      }
      return {
        value: one.value,
        name: one.name,
        input: one.input,
        dtype: one.tensor.dtype,
        shape: one.tensor.shape,
        sizeBytes: one.sizeBytes,
        bits: storedBits(one.tensor, node, one.input),
        sharedWith: sharers.filter((name) => name !== node.name),
      };
    });
    const macs = this.#macs(node, scope);
    return {
      name: node.name,
      node: node.id,
      op: node.op,
      domain: node.domain,
      scope,
      outputShapes: node.outputs.map((id) => (id === null ? null : (this.#values.get(id)?.shape ?? null))),
      weights,
      parameters,
      weightBytes,
      macs: typeof macs === 'number' ? macs : null,
      ...(typeof macs === 'number' ? {} : { macsUnknown: macs.unknown }),
    };
  }

  /** Whether the node only prepares a constant for other nodes, which then own it. */
  #hands(node: Node): boolean {
    const made = node.outputs[0] ?? null;
    if (made === null || !CARRIERS.has(node.op) || !this.#readers.has(made)) return node.op === 'Constant';
    return this.#source(node.inputs[0] ?? null) !== undefined;
  }

  #storedBy(node: Node): readonly Stored[] {
    return node.inputs.flatMap((id, input): Stored[] => {
      const { role } = weightRoleOf(node, input);
      if (role === 'setting') return [];
      const source = this.#source(id);
      // A list of integers that an operator does not single out is shape arithmetic rather than a weight.
      return source === undefined ? [] : [{ ...source, role, input }];
    });
  }

  /** The constant behind a value, through any carriers. */
  #source(id: ValueId | null): Omit<Stored, 'role' | 'input'> | undefined {
    const value = id === null ? undefined : this.#values.get(id);
    if (value === undefined) return undefined;
    if (value.constant !== undefined) return this.#held(value, value.constant);
    const producer = this.#producers.get(value.id);
    if (producer === undefined) return undefined;
    if (producer.op === 'Constant' && producer.domain === '') {
      const attr = producer.attrs.get('value');
      return attr?.type === 'tensor' ? this.#held(value, attr.value) : undefined;
    }
    if (!CARRIERS.has(producer.op)) return undefined;
    const source = this.#source(producer.inputs[0] ?? null);
    if (source === undefined) return undefined;
    const beside = producer.op === 'DequantizeLinear' ? producer.inputs.slice(1) : [];
    const extra = beside.reduce((sum, one) => sum + (this.#source(one)?.sizeBytes ?? 0), 0);
    return { ...source, sizeBytes: source.sizeBytes + extra };
  }

  #held(value: Value, tensor: Tensor): Omit<Stored, 'role' | 'input'> {
    const { quantization } = value;
    let sizeBytes = tensorBytes(tensor);
    if (quantization !== undefined) {
      sizeBytes += tensorBytes(quantization.scale);
      if (quantization.zeroPoint !== undefined) sizeBytes += tensorBytes(quantization.zeroPoint);
    }
    return { value: value.id, name: value.name, tensor, sizeBytes };
  }

  #macs(node: Node, scope: readonly string[]): Macs {
    const row = operatorOf(node.domain, node.op);
    if (row === undefined) return { unknown: `operator ${operatorName(node.domain, node.op)} is not known to Pare` };
    const inputs = node.inputs.map((id): Facts | undefined => {
      const value = id === null ? undefined : this.#values.get(id);
      if (value === undefined) return undefined;
      return { dtype: value.dtype, shape: this.#oneSample(value), constant: value.constant !== undefined };
    });
    if (row.macs === undefined) return 0;
    const repeated = scope.find((name) => this.#repeats(name));
    if (repeated !== undefined) {
      return { unknown: `it runs once per iteration of ${repeated}, and how often that is, is not known` };
    }
    const outputs = node.outputs.map((id) => {
      const value = id === null ? undefined : this.#values.get(id);
      return value === undefined ? null : { dtype: value.dtype, shape: this.#oneSample(value) };
    });
    return row.macs(new Call(node, opsetOf(this.#model.opsets, node.domain), inputs), outputs);
  }

  #repeats(name: string): boolean {
    this.#loops ??= new Set(
      [...nodesOf(this.#model.graph)].flatMap(({ node }) =>
        node.op === 'Loop' || node.op === 'Scan' ? [node.name] : [],
      ),
    );
    return this.#loops.has(name);
  }
  #loops: Set<string> | undefined;

  #oneSample(value: Value): Shape | null {
    const { shape } = value;
    if (shape === null || this.#batch.size === 0) return shape;
    return shape.map((size, axis) => {
      if (typeof size === 'number') return size;
      if (size === null) return axis === 0 && this.#batch.has(null) ? 1 : null;
      const factors = factorsOf(size);
      return factors?.names.every((name) => this.#batch.has(name)) === true ? factors.count : size;
    });
  }
}

function tensorBytes(tensor: Tensor): number {
  return bytesFor(tensor.dtype, countOf(tensor.shape));
}

/** Bits of one weight: packed operators hold several in a byte. */
function storedBits(tensor: Tensor, node: Node, input: number): number {
  const packed = packedBits(node, input);
  return tensor.dtype === 'u8' && packed !== undefined ? packed : bitsOf(tensor.dtype);
}

function packedBits(node: Node, input: number): number | undefined {
  const packs =
    (node.op === 'MatMulNBits' && input === 1) ||
    (node.op === 'GatherBlockQuantized' && input === 0) ||
    (node.op === 'MatMulBnb4' && input === 1);
  if (!packs) return undefined;
  return new Call(node, 1, []).int('bits', 4);
}

function parametersOf(tensor: Tensor, node: Node, input: number): number {
  const bits = tensor.dtype === 'u8' ? packedBits(node, input) : undefined;
  const count = countOf(tensor.shape);
  if (bits === undefined) return count;
  const call = new Call(node, 1, []);
  // The last block of a row may be padded; N and K say what the weight really is.
  return node.op === 'GatherBlockQuantized' ? (count * 8) / bits : call.int('N', 0) * call.int('K', 0);
}
