/**
 * Which nodes of a quantized model onnxruntime 1.30 computes in integers, which run on integers without computing (they move
 * elements), and which in float, with the reason. Predicted from the graph as it is written: what its optimizer would do is
 * repeated on a light copy. For x64 the prediction is held to optimized models that onnxruntime-node saved; for ARM and
 * WebAssembly, which cannot be asked here, the platform's one difference is assumed: signed activations are used on ARM and
 * avoided elsewhere.
 */
import { decodeFloat16 } from '#base/float16.ts';
import { isFloat, type DType } from '#base/dtype.ts';
import type { Graph, Model, Node, Tensor, ValueId } from '#ir/model.ts';
import { allValues, graphsOf, nodesOf, subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { spellQuantization } from '#formats/onnx/quantization.ts';
import { checkShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import { LintGraph, isDequantize, type Grid, type LintNode, type Wire, type WireFacts } from './integer-lint/graph.ts';
import { builtIn } from './integer-lint/built-in.ts';
import { sentenceOf } from './integer-lint/reasons.ts';
import { rewrite, type RewriteOptions } from './integer-lint/rewrites.ts';
import { dropFolded, joinEqual } from './integer-lint/simplify.ts';
import { judge, operatorName, type Verdict } from './integer-lint/rules.ts';

export interface LintTarget {
  readonly provider: 'cpu' | 'wasm';
  readonly arch: 'x64' | 'arm64';
}

/** How the runtime will really run a node. */
export interface LintRow {
  readonly layer: string;
  readonly op: string;
  readonly runs: 'integer' | 'float' | 'passes-through';
  /** Why it is not computed in integers, and what would change that. */
  readonly reason: string | null;
  /** Kernel the runtime takes: `QLinearConv`. */
  readonly kernel: string;
}

/**
 * One row for every node that handles real or quantized numbers; QuantizeLinear and DequantizeLinear themselves, shape
 * arithmetic and what is folded when the model is loaded have none. The model may still hold its quantization on values.
 */
export async function lintIntegers(model: Model, store: WeightStore, target: LintTarget): Promise<readonly LintRow[]> {
  const { model: written, integers } = await checkShapes(await spellQuantization(model, store), store);
  const scalars = new Map<ValueId, number | null>();
  const opset = opsetOf(written.opsets, '');
  const values = allValues(written.graph);
  const constants = constantsOf(written, values);
  for (const id of scalarsWanted(written)) {
    const tensor = constants.get(id);
    scalars.set(id, tensor === undefined ? null : await scalarOf(tensor, store));
  }
  const int8Allowed = target.provider === 'cpu' && target.arch === 'arm64';
  const rows: LintRow[] = [];
  const order = new Map([...nodesOf(written.graph)].map(({ node }, index) => [node.name, index]));
  for (const graph of graphsOf(written.graph)) {
    const facts = factsOf(values, constants, integers);
    markFolded(graph, facts);
    const lint = new LintGraph(graph, facts, gridsOf(graph, values, scalars), readInside(graph));
    const shown = lint.nodes().filter((node) => hasRow(lint, node));
    dropFolded(lint);
    const joined = await joinEqual(lint, constants, store);
    rows.push(...lintGraph(lint, shown, joined, { opset, int8Allowed, clipBounds: (node) => boundsOf(node, scalars) }));
  }
  return rows.toSorted((a, b) => order.get(a.layer)! - order.get(b.layer)!);
}

/** How the target is named in a report. */
export function lintTargetName({ provider, arch }: LintTarget): string {
  return `onnxruntime 1.30, ${provider === 'cpu' ? `CPU, ${arch}` : 'WebAssembly'}`;
}

function lintGraph(
  graph: LintGraph,
  shown: readonly LintNode[],
  joined: ReadonlyMap<LintNode, LintNode>,
  options: RewriteOptions,
): readonly LintRow[] {
  const { implied } = rewrite(graph, options);
  const kept = (node: LintNode): LintNode => joined.get(node) ?? node;
  return shown.flatMap((node) => {
    if (implied.has(kept(node))) return [rowOf(graph, node, { runs: 'passes-through', kernel: 'QuantizeLinear' })];
    // Nobody reads it, so it is not run.
    if (!graph.has(kept(node))) return [];
    return [rowOf(graph, node, builtIn(graph, kept(node)) ?? judge(graph, kept(node), options))];
  });
}

function rowOf(graph: LintGraph, node: LintNode, verdict: Verdict): LintRow {
  const { runs, kernel } = verdict;
  const untouched =
    verdict.runs === 'float' &&
    !['no-integer-kernel', 'weight-only', 'scales-back'].includes(verdict.why.code) &&
    !node.inputs.some((wire) => isDequantize(graph.producer(wire))) &&
    !graph.children(node).some((reader) => reader.node.op === 'QuantizeLinear');
  const why = verdict.runs === 'float' ? (untouched ? ({ code: 'not-quantized' } as const) : verdict.why) : null;
  return {
    layer: node.source?.name ?? '',
    op: operatorName(node),
    runs,
    kernel,
    reason: why === null ? null : sentenceOf(graph, node, why),
  };
}

const WITHOUT_ROW = new Set(['QuantizeLinear', 'DequantizeLinear', 'Constant', 'Shape', 'Size', 'If', 'Loop', 'Scan']);

function hasRow(graph: LintGraph, node: LintNode): boolean {
  if (WITHOUT_ROW.has(node.op)) return false;
  if (node.outputs.every((wire) => wire === null || graph.isConstant(wire))) return false;
  const types = [...node.inputs, ...node.outputs].map((wire) => graph.facts(wire)?.dtype);
  return types.some((dtype) => dtype === null || (dtype !== undefined && holdsNumbers(dtype)));
}

/** Real numbers, or integers narrow enough to stand for them. */
function holdsNumbers(dtype: DType): boolean {
  return isFloat(dtype) || ['i16', 'u16', 'i8', 'u8', 'i4', 'u4', 'i2', 'u2'].includes(dtype);
}

/** Constants that cannot be overridden: initializers that are no inputs, and what Constant nodes hold. */
function constantsOf(model: Model, values: ReturnType<typeof allValues>): ReadonlyMap<ValueId, Tensor> {
  const inputs = new Set([...graphsOf(model.graph)].flatMap((graph) => graph.inputs));
  const constants = new Map<ValueId, Tensor>();
  for (const { id, constant } of values.values()) {
    if (constant !== undefined && (!inputs.has(id) || model.irVersion < 4)) constants.set(id, constant);
  }
  for (const { node } of nodesOf(model.graph)) {
    const held = node.op === 'Constant' && node.domain === '' ? node.attrs.get('value') : undefined;
    const [id] = node.outputs;
    if (held?.type === 'tensor' && id !== null && id !== undefined) constants.set(id, held.value);
  }
  return constants;
}

function factsOf(
  values: ReturnType<typeof allValues>,
  constants: ReadonlyMap<ValueId, Tensor>,
  integers: ReadonlyMap<ValueId, unknown>,
): Map<Wire, WireFacts> {
  const facts = new Map<Wire, WireFacts>();
  for (const { id, name, dtype, shape } of values.values()) {
    const constant = constants.get(id);
    facts.set(id, {
      name,
      dtype: constant?.dtype ?? dtype,
      shape: constant?.shape ?? shape,
      constant: constant !== undefined || integers.has(id),
    });
  }
  return facts;
}

/** What follows from constants alone is computed once when the model is loaded, DequantizeLinear apart. */
function markFolded(graph: Graph, facts: Map<Wire, WireFacts>): void {
  for (const node of graph.nodes) {
    if (node.op === 'DequantizeLinear' || subgraphsOf(node).length > 0 || node.op.startsWith('Random')) continue;
    const folded = node.inputs.every((id) => id === null || facts.get(id)?.constant === true);
    if (!folded || (node.inputs.length === 0 && node.op !== 'Constant')) continue;
    for (const id of node.outputs) {
      const known = id === null ? undefined : facts.get(id);
      if (id !== null && known !== undefined) facts.set(id, { ...known, constant: true });
    }
  }
}

function readInside(graph: Graph): ReadonlySet<Wire> {
  const found = new Set<Wire>();
  for (const node of graph.nodes) {
    for (const { graph: inner } of subgraphsOf(node)) {
      for (const one of graphsOf(inner)) {
        for (const id of [...one.nodes.flatMap((each) => each.inputs), ...one.outputs]) {
          if (id !== null && graph.values.has(id)) found.add(id);
        }
      }
    }
  }
  return found;
}

function scalarsWanted(model: Model): ReadonlySet<ValueId> {
  const wanted = new Set<ValueId>();
  for (const { node } of nodesOf(model.graph)) {
    if (!['QuantizeLinear', 'DequantizeLinear', 'Clip'].includes(node.op)) continue;
    for (const id of node.inputs.slice(1)) if (id !== null) wanted.add(id);
  }
  return wanted;
}

/** The one number that a tensor holds; null where it holds more or is no number. */
async function scalarOf(tensor: Tensor, store: WeightStore): Promise<number | null> {
  if (tensor.shape.some((size) => size !== 1)) return null;
  const bytes = await store.read(tensor);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (tensor.dtype) {
    case 'f32':
      return view.getFloat32(0, true);
    case 'f64':
      return view.getFloat64(0, true);
    case 'f16':
      return decodeFloat16(view.getUint16(0, true));
    case 'i8':
      return view.getInt8(0);
    case 'u8':
      return view.getUint8(0);
    case 'i16':
      return view.getInt16(0, true);
    case 'u16':
      return view.getUint16(0, true);
    case 'i32':
      return view.getInt32(0, true);
    case 'i4':
      return ((view.getUint8(0) & 15) << 28) >> 28;
    case 'u4':
      return view.getUint8(0) & 15;
    default:
      return null;
  }
}

function gridsOf(
  graph: Graph,
  values: ReturnType<typeof allValues>,
  scalars: ReadonlyMap<ValueId, number | null>,
): ReadonlyMap<Node, Grid> {
  const grids = new Map<Node, Grid>();
  const dtypeOf = (id: ValueId | null | undefined): DType | null =>
    id === null || id === undefined ? null : (values.get(id)?.dtype ?? values.get(id)?.constant?.dtype ?? null);
  for (const node of graph.nodes) {
    const quantizes = node.op === 'QuantizeLinear';
    if (!quantizes && node.op !== 'DequantizeLinear') continue;
    const [data, scale, zero] = node.inputs;
    const type = dtypeOf(quantizes ? node.outputs[0] : data) ?? dtypeOf(zero) ?? 'u8';
    const zeroGiven = zero !== null && zero !== undefined;
    grids.set(node, {
      type,
      real: dtypeOf(scale) ?? 'f32',
      scale: scale === null || scale === undefined ? null : (scalars.get(scale) ?? null),
      zero: zeroGiven ? (scalars.get(zero) ?? null) : 0,
      zeroGiven,
    });
  }
  return grids;
}

function boundsOf(node: LintNode, scalars: ReadonlyMap<ValueId, number | null>): readonly [number, number] | undefined {
  const [, low, high] = node.inputs;
  const bound = (wire: Wire | null | undefined, name: string, otherwise: number): number | null => {
    const attr = node.attrs.get(name);
    if (attr?.type === 'float') return attr.value;
    return wire === null || wire === undefined ? otherwise : (scalars.get(wire as ValueId) ?? null);
  };
  const [from, to] = [bound(low, 'min', -3.4028235e38), bound(high, 'max', 3.4028235e38)];
  return from === null || to === null ? undefined : [from, to];
}
