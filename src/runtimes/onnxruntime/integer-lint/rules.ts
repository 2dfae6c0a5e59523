/**
 * Which operators onnxruntime 1.30 runs in integers between DequantizeLinear and QuantizeLinear, on its CPU and WebAssembly
 * providers, and what keeps the others in float. After onnxruntime/core/optimizer/qdq_transformer/selectors_actions
 * (qdq_selectors.cc, qdq_selector_action_transformer.cc).
 */
import { bitsOf, kindOf, type DType } from '#base/dtype.ts';
import type { LintGraph, LintNode } from './graph.ts';
import { isDequantize, isQuantize, numberAttr } from './graph.ts';
import { isClipping, isImplied, type RewriteOptions } from './rewrites.ts';
import type { Why } from './reasons.ts';

export type Verdict =
  | { readonly runs: 'integer' | 'passes-through'; readonly kernel: string }
  | { readonly runs: 'float'; readonly kernel: string; readonly why: Why };

/** A node with what stands in front of and behind it. */
interface Unit {
  readonly node: LintNode;
  /** DequantizeLinear nodes in front, in the order of inputs. */
  readonly dqs: readonly LintNode[];
  /** QuantizeLinear nodes that read the outputs; behind an implied Relu or Clip where there is one. */
  readonly qs: readonly LintNode[];
}

type Check = (graph: LintGraph, unit: Unit, options: RewriteOptions) => Why | undefined;

interface Rule {
  readonly runs: 'integer' | 'passes-through';
  readonly kernel: (unit: Unit) => string;
  readonly check: Check;
}

/** What the optimizer makes of the node, as the graph stands after the rewrites. */
export function judge(graph: LintGraph, node: LintNode, options: RewriteOptions): Verdict {
  const float = (why: Why): Verdict => ({ runs: 'float', kernel: operatorName(node), why });
  const rule = node.domain === '' ? RULES[node.op] : undefined;
  if (rule === undefined) return float({ code: 'no-integer-kernel' });
  const dqs = node.inputs.flatMap((wire) => {
    const producer = graph.producer(wire);
    return isDequantize(producer) ? [producer] : [];
  });
  const [only, ...more] = graph.children(node);
  const activation = only?.node.op === 'Relu' || only?.node.op === 'Clip' ? only.node : undefined;
  const behind =
    activation !== undefined && more.length === 0 && graph.hasOneReader(activation) ? activation : undefined;
  const qs = graph.children(behind ?? node).flatMap(({ node: next }) => (isQuantize(next) ? [next] : []));
  if (behind !== undefined && (qs[0] === undefined || !isImplied(behind, qs[0], options.clipBounds))) {
    // A product alone would take any output, but not with an activation that stays behind it.
    if (dqs.length > 0) return float({ code: 'activation-behind', node: behind });
  }
  const unit = { node, dqs, qs };
  const why = rule.check(graph, unit, options);
  if (why === undefined) return { runs: rule.runs, kernel: rule.kernel(unit) };
  const blocked = isProduct(node) && dqs.length < 2 ? onlyWeight(graph, unit) : undefined;
  if (blocked !== undefined) return { runs: 'float', kernel: blocked, why: { code: 'weight-only' } };
  return float(why);
}

export function operatorName({ domain, op }: Pick<LintNode, 'domain' | 'op'>): string {
  return domain === '' || domain === 'ai.onnx' ? op : `${domain}.${op}`;
}

function levelsOf(node: LintNode | undefined): DType | undefined {
  return node?.grid?.type;
}

function present(wires: readonly (number | null)[]): number {
  return wires.filter((wire) => wire !== null).length;
}

/** Every input (or `count` of them) from a DQ, and every edge out of the node into a Q. */
function surrounded(graph: LintGraph, unit: Unit, count: number, qOptional = false): Why | undefined {
  const { node, dqs, qs } = unit;
  if (dqs.length !== count) {
    const input = node.inputs.findIndex((wire) => wire !== null && !isDequantize(graph.producer(wire)));
    const wire = node.inputs[input];
    if (dqs.length > count) return { code: 'too-many-quantized', count };
    return { code: 'float-input', wire: wire ?? null, maker: graph.producer(wire) ?? null };
  }
  if (qs.length === 0 && qOptional) return undefined;
  return outputsQuantized(graph, unit);
}

function outputsQuantized(graph: LintGraph, { node, qs }: Unit): Why | undefined {
  if (node.outputs.some((wire) => wire !== null && graph.isOutput(wire))) return { code: 'graph-output', node };
  if (graph.givesOut(node)) return { code: 'read-inside', node };
  const children = graph.children(node);
  const other = children.find(({ node: next }) => !isQuantize(next) && !isClipping(next));
  if (qs.length === 0) return { code: 'output-not-quantized', reader: other?.node ?? children[0]?.node ?? null };
  if (present(node.outputs) !== qs.length || qs.length !== children.length) {
    return {
      code: 'float-reader',
      reader: other?.node ?? children.find(({ node: n }) => !isQuantize(n))?.node ?? null,
    };
  }
  return undefined;
}

/** All of one type, of the widths that the kernels have. */
function sameTypes(levels: readonly (DType | undefined)[], bits: readonly number[]): Why | undefined {
  const [first] = levels;
  const other = levels.find((type) => type !== first);
  if (first !== undefined && other !== undefined) return { code: 'types-differ', types: [first, other] };
  return first === undefined ? undefined : widthFits(first, bits);
}

function widthFits(type: DType, bits: readonly number[]): Why | undefined {
  return bits.includes(bitsOf(type)) ? undefined : { code: 'no-kernel-of-width', type };
}

const EIGHT = [8] as const;

const unary: Check = (graph, unit) =>
  surrounded(graph, unit, 1) ?? sameTypes([levelsOf(unit.dqs[0]), levelsOf(unit.qs[0])], EIGHT);

const all: Check = (graph, unit) =>
  surrounded(graph, unit, present(unit.node.inputs)) ?? sameTypes([...unit.dqs, ...unit.qs].map(levelsOf), EIGHT);

const where: Check = (graph, unit) =>
  surrounded(graph, unit, 2) ?? sameTypes([...unit.dqs, ...unit.qs].map(levelsOf), EIGHT);

/** Signed activations need signed weights, and a platform on which such kernels are used. */
function signsFit(data: DType, weight: DType, int8Allowed: boolean): Why | undefined {
  if (data !== 'i8') return undefined;
  if (weight !== 'i8') return { code: 'unsigned-weight' };
  return int8Allowed ? undefined : { code: 'signed-activation' };
}

function bias(node: LintNode, dqs: readonly LintNode[]): Why | undefined {
  const type = levelsOf(dqs[2]);
  if (type === undefined || type === 'i32') return undefined;
  return { code: 'bias-type', type, wire: node.inputs[2] ?? null };
}

const conv: Check = (graph, unit, { int8Allowed }) => {
  const around = surrounded(graph, unit, present(unit.node.inputs));
  if (around !== undefined) return around;
  const [data, weight, out] = [levelsOf(unit.dqs[0]), levelsOf(unit.dqs[1]), levelsOf(unit.qs[0])];
  if (data === undefined || weight === undefined) return { code: 'unknown' };
  return (
    sameTypes([data, out], [8, 16]) ??
    widthFits(weight, [8, 16]) ??
    signsFit(data, weight, int8Allowed) ??
    bias(unit.node, unit.dqs) ??
    widthFits(data, EIGHT) ??
    widthFits(weight, EIGHT)
  );
};

const matMul: Check = (graph, unit, { int8Allowed }) => {
  const { dqs, qs } = unit;
  const [data, weight] = [levelsOf(dqs[0]), levelsOf(dqs[1])];
  const missing = dqs.length === 2 ? undefined : surrounded(graph, unit, 2, true);
  if (missing !== undefined) return missing;
  if (data === undefined || weight === undefined) return { code: 'unknown' };
  const types = signsFit(data, weight, int8Allowed) ?? widthFits(data, EIGHT) ?? widthFits(weight, EIGHT);
  if (types !== undefined || qs.length === 0) return types;
  return outputsQuantized(graph, unit) ?? sameTypes([data, levelsOf(qs[0])], EIGHT);
};

const gemm: Check = (graph, unit) => {
  const { node, dqs, qs } = unit;
  const around = surrounded(graph, unit, present(node.inputs), true);
  if (around !== undefined) return around;
  const [data, weight] = [levelsOf(dqs[0]), levelsOf(dqs[1])];
  if (data === undefined || weight === undefined) return { code: 'unknown' };
  // QGemm is taken for signed levels on every platform.
  const types =
    signsFit(data, weight, true) ?? (qs.length === 0 ? undefined : sameTypes([data, levelsOf(qs[0])], [8, 16]));
  if (types !== undefined) return types;
  const widths = widthFits(data, EIGHT) ?? widthFits(weight, EIGHT);
  if (widths !== undefined || dqs.length < 3) return widths;
  if (numberAttr(node, 'beta', 1) !== 1) return { code: 'beta' };
  return bias(node, dqs);
};

/** Moves elements: runs on the integers where they mean the same before and after. */
function moves(bits: readonly number[], positive = false): Check {
  return (graph, unit) => {
    const around = surrounded(graph, unit, 1);
    if (around !== undefined) return around;
    const dq = unit.dqs[0];
    const type = levelsOf(dq);
    for (const q of unit.qs) {
      const types = sameTypes([type, levelsOf(q)], bits);
      if (types !== undefined) return types;
      const [from, to] = [dq?.grid, q.grid];
      if (from === undefined || to === undefined || from.scale === null || from.zero === null)
        return { code: 'not-one-scale' };
      if (to.scale === null || to.zero === null) return { code: 'not-one-scale' };
      if (!from.zeroGiven || !to.zeroGiven) return { code: 'zero-point-left-out' };
      if (from.scale !== to.scale || from.zero !== to.zero) return { code: 'grids-differ', from, to };
      if (positive && !(to.scale > 0)) return { code: 'negative-scale' };
    }
    return undefined;
  };
}

const maxPool: Check = (graph, unit, options) =>
  options.opset < 12 ? { code: 'old-opset', since: 12 } : moves(EIGHT, true)(graph, unit, options);

const argMax: Check = (graph, unit) => {
  const [dq] = unit.dqs;
  if (dq?.grid === undefined) return surrounded(graph, unit, 1, true);
  const { scale, zero, zeroGiven, type } = dq.grid;
  if (scale === null || zero === null) return { code: 'not-one-scale' };
  return zeroGiven ? widthFits(type, EIGHT) : { code: 'zero-point-left-out' };
};

function isProduct(node: LintNode): boolean {
  return node.op === 'MatMul' || node.op === 'Gemm';
}

/** A constant weight behind DQ, float activations, no Q: MatMulNBits where its layout fits. */
function onlyWeight(graph: LintGraph, { node, dqs, qs }: Unit): string | undefined {
  const weight = graph.producer(node.inputs[1]);
  if (!isDequantize(weight) || weight.grid === undefined || qs.length > 0 || !graph.hasOneReader(weight))
    return undefined;
  if (isDequantize(graph.producer(node.inputs[0])) || dqs.length > (node.op === 'Gemm' ? 2 : 1)) return undefined;
  const bits = bitsOf(weight.grid.type);
  const levels = graph.facts(weight.inputs[0]);
  const scale = graph.facts(weight.inputs[1]);
  if (![2, 4, 8].includes(bits) || kindOf(weight.grid.type) === 'float') return undefined;
  if (levels?.constant !== true || levels.shape?.length !== 2 || scale?.constant !== true) return undefined;
  if (weight.inputs[2] !== undefined && weight.inputs[2] !== null && !graph.isConstant(weight.inputs[2]))
    return undefined;
  if (!fitsBlocks(weight, levels.shape, scale.shape ?? [])) return undefined;
  return node.op === 'MatMul' || plainGemm(graph, node, levels.shape[1]) ? 'com.microsoft.MatMulNBits' : undefined;
}

function fitsBlocks(
  weight: LintNode,
  [rows, columns]: readonly (number | string | null)[],
  scale: readonly (number | string | null)[],
): boolean {
  const block = numberAttr(weight, 'block_size', 0);
  if (block > 0) {
    if (numberAttr(weight, 'axis', 1) !== 0 || block < 16 || (block & (block - 1)) !== 0 || block > 256) return false;
    return scale.length === 2 && scale[0] === Math.ceil(Number(rows) / block) && scale[1] === columns;
  }
  if (scale.length === 0) return true;
  return scale.length === 1 && scale[0] === columns && numberAttr(weight, 'axis', 1) === 1;
}

function plainGemm(graph: LintGraph, node: LintNode, columns: number | string | null | undefined): boolean {
  if (
    numberAttr(node, 'alpha', 1) !== 1 ||
    numberAttr(node, 'transA', 0) !== 0 ||
    numberAttr(node, 'transB', 0) !== 0
  ) {
    return false;
  }
  const added = node.inputs[2] ?? null;
  if (added === null) return true;
  const shape = graph.facts(added)?.shape;
  return numberAttr(node, 'beta', 1) === 1 && shape?.length === 1 && shape[0] === columns;
}

const qLinear =
  (domain: '' | 'com.microsoft.') =>
  ({ node }: Unit): string =>
    `${domain}QLinear${node.op}`;
const itself = ({ node }: Unit): string => node.op;

const UNARY: Rule = { runs: 'integer', kernel: qLinear('com.microsoft.'), check: unary };
const EVERY: Rule = { runs: 'integer', kernel: qLinear('com.microsoft.'), check: all };
const MOVES: Rule = { runs: 'passes-through', kernel: itself, check: moves([4, 8, 16]) };
const EXTREME: Rule = { runs: 'passes-through', kernel: itself, check: moves(EIGHT, true) };

const RULES: Readonly<Record<string, Rule | undefined>> = {
  Conv: { runs: 'integer', kernel: qLinear(''), check: conv },
  MatMul: {
    runs: 'integer',
    kernel: ({ qs }) => (qs.length > 0 ? 'QLinearMatMul' : 'com.microsoft.MatMulIntegerToFloat'),
    check: matMul,
  },
  Gemm: { runs: 'integer', kernel: () => 'com.microsoft.QGemm', check: gemm },
  Where: { runs: 'integer', kernel: qLinear('com.microsoft.'), check: where },
  AveragePool: UNARY,
  GlobalAveragePool: UNARY,
  LeakyRelu: UNARY,
  Sigmoid: UNARY,
  Softmax: UNARY,
  Add: EVERY,
  Mul: EVERY,
  Concat: EVERY,
  Expand: MOVES,
  Flatten: MOVES,
  Gather: MOVES,
  GatherElements: MOVES,
  Reshape: MOVES,
  Slice: MOVES,
  Squeeze: MOVES,
  Tile: MOVES,
  Transpose: MOVES,
  Unsqueeze: MOVES,
  Split: MOVES,
  Resize: { ...MOVES, check: moves([4, 8]) },
  MaxPool: { ...EXTREME, check: maxPool },
  ReduceMax: EXTREME,
  ReduceMin: EXTREME,
  ArgMax: { runs: 'integer', kernel: itself, check: argMax },
};
