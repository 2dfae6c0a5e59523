/**
 * QOperator form: operators of integers in the place of float operators between DequantizeLinear and QuantizeLinear, as
 * runtimes without fusions of their own want it. A peephole over a graph in which quantization is already spelled; what has no
 * integer operator, or stands beside something in float, keeps its Q and DQ.
 *
 * Given:  d = DequantizeLinear(x, s, z);  c = Conv(d, DequantizeLinear(w, t));  q = QuantizeLinear(c, u, v)
 * Result: q = QLinearConv(x, s, z, w, t, 0, u, v)
 *
 * The operators are those that onnxruntime puts there itself (core/optimizer/qdq_transformer), so results are equal to the bit
 * where it would have fused too. Sources: ONNX operators QLinearConv, QLinearMatMul; onnxruntime docs/ContribOperators.md.
 */
import { bitsOf, type DType } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attr, Attrs, Model, Node, Tensor, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { WeightStore } from '#ir/weights.ts';
import { importMicrosoft } from './quantized-constant.ts';

export async function toQOperators(model: Model, store: WeightStore): Promise<Model> {
  const converter = new Converter(openEditor(model), store);
  return converter.run();
}

/** An input behind DequantizeLinear, or an output before QuantizeLinear. */
interface Grid {
  readonly node: Node;
  /** The integers: what DQ reads, what Q makes. */
  readonly levels: ValueId;
  readonly type: DType;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId | null;
  readonly axis: number;
}

interface Unit {
  readonly node: Node;
  /** By input; null where it does not come from a DQ. */
  readonly inputs: readonly (Grid | null)[];
  /** By output; null where it does not go into one Q alone. */
  readonly outputs: readonly (Grid | null)[];
}

class Converter {
  readonly #edit: Editor;
  readonly #store: WeightStore;
  readonly #opset: number;
  readonly #zeros = new Map<string, ValueId>();

  constructor(edit: Editor, store: WeightStore) {
    this.#edit = edit;
    this.#store = store;
    this.#opset = edit.model.opsets.get('') ?? 1;
  }

  async run(): Promise<Model> {
    const edit = this.#edit;
    for (const node of edit.nodes()) {
      if (node.domain !== '') continue;
      const kind = KINDS[node.op];
      if (kind === undefined) continue;
      const unit = this.#unitOf(node);
      if (kind === 'moves') await this.#move(unit);
      else this.#compute(unit, kind);
    }
    this.#dropUnread();
    return edit.finish();
  }

  #unitOf(node: Node): Unit {
    const edit = this.#edit;
    const inputs = node.inputs.map((id) => {
      const dq = id === null ? undefined : edit.producer(id);
      return dq?.op === 'DequantizeLinear' ? this.#gridOf(dq, dq.inputs[0] ?? null, dq.inputs[0] ?? null) : null;
    });
    const outputs = node.outputs.map((id) => {
      if (id === null || edit.isOutput(id)) return null;
      const [q, ...others] = edit.users(id);
      if (q?.op !== 'QuantizeLinear' || others.length > 0) return null;
      return this.#gridOf(q, q.outputs[0] ?? null, q.outputs[0] ?? null);
    });
    return { node, inputs, outputs };
  }

  #gridOf(node: Node, levels: ValueId | null, typed: ValueId | null): Grid | null {
    const [, scale = null, zeroPoint = null] = node.inputs;
    if (levels === null || scale === null || typed === null) return null;
    const { dtype, constant } = this.#edit.value(typed);
    const zeroType = zeroPoint === null ? null : (this.#edit.constantOf(zeroPoint)?.dtype ?? null);
    const type = constant?.dtype ?? dtype ?? zeroType;
    if (type === null || node.attrs.has('block_size')) return null;
    const axis = node.attrs.get('axis');
    return { node, levels, type, scale, zeroPoint, axis: axis?.type === 'int' ? Number(axis.value) : 1 };
  }

  #compute({ node, inputs, outputs }: Unit, kind: Computing): void {
    const [out = null] = outputs;
    const [first = null] = inputs;
    const floats = node.inputs.findIndex((id, at) => id !== null && inputs[at] === null && !isCondition(node, at));
    if (floats >= 0 || (first === null && kind !== 'where')) return;
    const grids = inputs.filter((grid): grid is Grid => grid !== null);
    // QGemm alone gives real numbers too.
    if (out === null && kind !== 'gemm') return;
    const parts = kind === 'conv' || kind === 'gemm' ? grids.slice(0, 2) : grids;
    if (!typesFit(isWeighted(node), parts, out) || !this.#shapesFit(node, kind, grids)) return;
    const [a, b, c] = grids;
    const result = out === null ? [] : this.#parameters(out);
    const operands = ((): readonly (ValueId | null)[] | null => {
      switch (kind) {
        case 'conv':
        case 'gemm': {
          if (c !== undefined && c.type !== 'i32') return null;
          const front = [...this.#operand(a!), ...this.#operand(b!)];
          if (kind === 'conv') return [...front, ...result, ...(c === undefined ? [] : [c.levels])];
          return [...front, c?.levels ?? null, ...result];
        }
        case 'concat':
          return [...result, ...grids.flatMap((grid) => this.#operand(grid))];
        case 'where':
          return [node.inputs[0] ?? null, ...grids.flatMap((grid) => this.#operand(grid)), ...result];
        case 'plain':
          return [...grids.flatMap((grid) => this.#operand(grid)), ...result];
      }
    })();
    if (operands === null) return;
    const { op, domain } = this.#operator(node, kind);
    if (domain !== '') importMicrosoft(this.#edit);
    const edit = this.#edit;
    const trimmed = operands.at(-1) === null ? operands.slice(0, -1) : operands;
    const changed = edit.setAttrs(edit.setInputs(node, trimmed), this.#attributes(node, kind));
    edit.setOp(changed, op, domain);
    if (out !== null) this.#takeLevels(node.outputs[0]!, out);
  }

  /** Reads and makes integers; nothing else about the node changes. */
  async #move({ node, inputs, outputs }: Unit): Promise<void> {
    const edit = this.#edit;
    const [data = null] = inputs;
    if (data === null || outputs.length === 0) return;
    const made = outputs.filter((grid): grid is Grid => grid !== null);
    if (made.length !== node.outputs.filter((id) => id !== null).length) return;
    if (inputs.slice(1).some((grid) => grid !== null) || !this.#canMove(node, data)) return;
    for (const grid of made) if (!(await this.#sameGrid(data, grid))) return;
    edit.setInputs(node, [data.levels, ...node.inputs.slice(1)]);
    outputs.forEach((grid, at) => {
      if (grid !== null) this.#takeLevels(node.outputs[at]!, grid);
    });
  }

  #canMove(node: Node, data: Grid): boolean {
    if (!isScalar(this.#edit.constantOf(data.scale))) return false;
    if (node.op === 'MaxPool') return this.#opset >= 12 && bitsOf(data.type) === 8;
    if (node.op === 'Resize') return this.#opset >= 11 && bitsOf(data.type) === 8;
    return bitsOf(data.type) === 8 || bitsOf(data.type) === 16;
  }

  /** What read the Q reads the node itself, whose value holds the integers from now on. */
  #takeLevels(value: ValueId, { node: q, levels, type }: Grid): void {
    const edit = this.#edit;
    edit.replaceUses(levels, value, true);
    edit.removeNode(q);
    edit.setValue(value, { dtype: type });
    this.#dropConstants(q.inputs);
  }

  /** Activations have one scale; weights one, or one for each output channel. */
  #shapesFit(node: Node, kind: Computing, grids: readonly Grid[]): boolean {
    const edit = this.#edit;
    const weighted = isWeighted(node);
    for (const [at, { scale, axis, levels }] of grids.entries()) {
      const tensor = edit.constantOf(scale);
      if (tensor === undefined) return false;
      if (isScalar(tensor)) continue;
      if (!weighted || at === 0) return false;
      if (at === 1 && axis !== channelAxis(node, edit.value(levels).shape?.length ?? 2)) return false;
    }
    if (kind === 'gemm')
      return numberOf(node, 'alpha', 1) === 1 && (grids.length < 3 || numberOf(node, 'beta', 1) === 1);
    return node.op !== 'AveragePool' || !node.attrs.has('dilations');
  }

  #operand(grid: Grid): readonly ValueId[] {
    return [grid.levels, ...this.#parameters(grid)];
  }

  #parameters(grid: Grid): readonly ValueId[] {
    return [grid.scale, grid.zeroPoint ?? this.#zero(grid.type, grid.node)];
  }

  /** A zero point that was left out. */
  #zero(type: DType, node: Node): ValueId {
    const home = this.#edit.pathOf(node);
    const key = `${type} ${JSON.stringify(home)}`;
    const known = this.#zeros.get(key);
    if (known !== undefined) return known;
    const tensor = this.#store.put(type, [], new Uint8Array(bitsOf(type) / 8));
    const made = this.#edit.addConstant(`zero_point_${type}`, tensor, undefined, home);
    this.#zeros.set(key, made);
    return made;
  }

  #operator(node: Node, kind: Computing): { readonly op: string; readonly domain: '' | 'com.microsoft' } {
    if (kind === 'gemm') return { op: 'QGemm', domain: 'com.microsoft' };
    const standard = node.op === 'Conv' || node.op === 'MatMul';
    return { op: `QLinear${node.op}`, domain: standard ? '' : 'com.microsoft' };
  }

  #attributes(node: Node, kind: Computing): Attrs {
    const attrs = new Map<string, Attr>(node.attrs);
    if (kind === 'gemm') attrs.delete('beta');
    // The meaning of Softmax changed with operator set 13: it is told which one.
    if (node.op === 'Softmax') {
      const since = this.#opset >= 13 ? 13 : this.#opset >= 11 ? 11 : 1;
      attrs.set('opset', { type: 'int', value: since });
    }
    return attrs;
  }

  async #sameGrid(a: Grid, b: Grid): Promise<boolean> {
    if (a.type !== b.type) return false;
    if (!(await this.#sameConstant(a.scale, b.scale))) return false;
    if (a.zeroPoint === null && b.zeroPoint === null) return true;
    return this.#sameConstant(this.#parameters(a)[1]!, this.#parameters(b)[1]!);
  }

  async #sameConstant(a: ValueId, b: ValueId): Promise<boolean> {
    const [one, other] = [this.#edit.constantOf(a), this.#edit.constantOf(b)];
    if (one === undefined || other === undefined || !isScalar(one) || !isScalar(other)) return false;
    if (one.key === other.key) return true;
    if (one.dtype !== other.dtype) return false;
    const [left, right] = [await this.#store.read(one), await this.#store.read(other)];
    return left.every((byte, at) => byte === right[at]);
  }

  /** DequantizeLinear that nothing reads any more, and constants that went with it. */
  #dropUnread(): void {
    const edit = this.#edit;
    for (const node of edit.nodes()) {
      const [id] = node.outputs;
      if (node.op !== 'DequantizeLinear' || id === null || id === undefined) continue;
      if (edit.users(id).length > 0 || edit.isOutput(id)) continue;
      edit.removeNode(node);
      this.#dropConstants(node.inputs);
    }
  }

  #dropConstants(ids: Node['inputs']): void {
    const edit = this.#edit;
    for (const id of new Set(ids)) {
      if (id === null || edit.constantOf(id) === undefined || edit.producer(id) !== undefined) continue;
      if (edit.users(id).length === 0 && !edit.isOutput(id)) edit.removeValue(id);
    }
  }
}

type Computing = 'conv' | 'gemm' | 'plain' | 'concat' | 'where';

/** `moves`: the operator itself runs on integers where they mean the same before and after. */
const KINDS: Readonly<Record<string, Computing | 'moves'>> = {
  Conv: 'conv',
  Gemm: 'gemm',
  MatMul: 'plain',
  Add: 'plain',
  Mul: 'plain',
  Sigmoid: 'plain',
  LeakyRelu: 'plain',
  Softmax: 'plain',
  AveragePool: 'plain',
  GlobalAveragePool: 'plain',
  Concat: 'concat',
  Where: 'where',
  Reshape: 'moves',
  Transpose: 'moves',
  Squeeze: 'moves',
  Unsqueeze: 'moves',
  Flatten: 'moves',
  Slice: 'moves',
  Split: 'moves',
  Gather: 'moves',
  GatherElements: 'moves',
  Expand: 'moves',
  Tile: 'moves',
  MaxPool: 'moves',
  Resize: 'moves',
};

function isWeighted(node: Node): boolean {
  return node.op === 'Conv' || node.op === 'Gemm' || node.op === 'MatMul';
}

/** One type of eight bits; weights may be signed where activations are not, and no other way. */
function typesFit(weighted: boolean, parts: readonly Grid[], out: Grid | null): boolean {
  const [data, weight] = parts;
  if (data === undefined || parts.some(({ type }) => bitsOf(type) !== 8)) return false;
  if (out !== null && out.type !== data.type) return false;
  return weighted ? data.type === 'u8' || weight?.type === 'i8' : parts.every(({ type }) => type === data.type);
}

function isCondition(node: Node, input: number): boolean {
  return node.op === 'Where' && input === 0;
}

function channelAxis(node: Node, rank: number): number {
  if (node.op === 'Conv') return 0;
  return node.op === 'Gemm' && numberOf(node, 'transB', 0) !== 0 ? 0 : rank - 1;
}

function isScalar(tensor: Tensor | undefined): boolean {
  return tensor !== undefined && tensor.shape.every((size) => size === 1);
}

function numberOf(node: Node, name: string, otherwise: number): number {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' || attr?.type === 'float' ? Number(attr.value) : otherwise;
}
