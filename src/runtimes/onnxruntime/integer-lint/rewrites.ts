/**
 * What onnxruntime 1.30 does to QuantizeLinear and DequantizeLinear before it looks for operators to run in integers, in its
 * own order. After onnxruntime/core/optimizer: ensure_unique_dq_for_node_unit, qdq_propagation, weight_bias_quantization,
 * relu_quantizelinear, clip_quantizelinear, qdq_s8_to_u8, where_dummy_dq. Verified against optimized models that it saved.
 */
import { roundHalfEven } from '#kernels/arithmetic.ts';
import type { LintGraph, LintNode, Reader, Wire } from './graph.ts';
import { isDequantize, isQuantize, numberAttr, type Grid } from './graph.ts';

export interface Rewritten {
  /** Relu and Clip that the next QuantizeLinear already implies. */
  readonly implied: ReadonlySet<LintNode>;
}

export interface RewriteOptions {
  /** ARM keeps signed activations; elsewhere pairs are turned into unsigned ones where that is possible. */
  readonly int8Allowed: boolean;
  readonly opset: number;
  /** Constant bounds of a Clip, where they are known. */
  readonly clipBounds: (node: LintNode) => readonly [number, number] | undefined;
}

export function rewrite(graph: LintGraph, options: RewriteOptions): Rewritten {
  giveEachReaderItsDequantize(graph);
  quantizeBackward(graph, options.opset);
  dequantizeForward(graph, options.opset);
  quantizeWeightsAndBiases(graph);
  giveEachReaderItsDequantize(graph);
  const implied = dropImpliedActivations(graph, options);
  dequantizeWhereConstants(graph);
  if (!options.int8Allowed) signedPairsToUnsigned(graph);
  return { implied };
}

/** Every reader of a DequantizeLinear gets one of its own. */
function giveEachReaderItsDequantize(graph: LintGraph): void {
  for (const node of graph.nodes()) {
    const [wire] = node.outputs;
    if (!isDequantize(node) || wire === null || wire === undefined) continue;
    const kept = graph.givesOut(node) ? 0 : 1;
    for (const { node: reader, input } of graph.readers(wire).slice(kept)) {
      const copy = graph.makeWire(wire, graph.facts(wire)?.dtype ?? null);
      graph.add({ ...node, source: null, outputs: [copy] });
      graph.setInput(reader, input, copy);
    }
  }
}

/** Operators that only move elements, across which Q and DQ are carried. */
function carries(node: LintNode, opset: number): boolean {
  if (node.domain !== '') return false;
  if (node.op === 'MaxPool') return opset >= 12;
  return ['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice'].includes(node.op);
}

function constantScalar(grid: Grid | undefined): grid is Grid {
  return grid !== undefined && grid.scale !== null && grid.zero !== null;
}

/** X -> Reshape -> Q becomes X -> Q -> DQ -> Reshape -> Q. */
function quantizeBackward(graph: LintGraph, opset: number): void {
  for (const q of graph.nodes()) {
    if (!isQuantize(q) || !constantScalar(q.grid)) continue;
    // As onnxruntime does, the way up is that of the graph as it was: pairs put in on the way are stepped over.
    for (let wire = onlyRead(graph, q); wire !== undefined;) {
      const node = graph.producer(wire);
      if (node === undefined || !carries(node, opset)) break;
      const before = onlyRead(graph, node);
      if (before === undefined || isDequantize(graph.producer(before))) break;
      insertPair(graph, before, [{ node, input: 0 }], q.grid, q.domain);
      wire = before;
    }
  }
}

/** The node's first input, where nothing else reads it. A value from outside may have other readers. */
function onlyRead(graph: LintGraph, node: LintNode): Wire | undefined {
  const [wire] = node.inputs;
  if (wire === null || wire === undefined) return undefined;
  if (graph.producer(wire) === undefined) return wire;
  return graph.readers(wire).length === 1 && !graph.isOutput(wire) ? wire : undefined;
}

/** DQ -> Reshape -> X becomes DQ -> Reshape -> Q -> DQ -> X, and so on behind it. */
function dequantizeForward(graph: LintGraph, opset: number): void {
  for (const dq of graph.nodes()) {
    if (!isDequantize(dq) || !constantScalar(dq.grid) || !graph.hasOneReader(dq)) continue;
    const queue: Reader[] = [...graph.children(dq)];
    for (let reader = queue.shift(); reader !== undefined; reader = queue.shift()) {
      const { node } = reader;
      const [wire] = node.outputs;
      if (!carries(node, opset) || reader.input !== 0 || wire === null || wire === undefined) continue;
      const readers = [...graph.readers(wire)];
      const leaves = graph.isOutput(wire);
      if ((readers.length === 0 && !leaves) || readers.some(({ node: next }) => isQuantize(next))) continue;
      insertPair(graph, wire, readers, dq.grid, dq.domain);
      queue.push(...readers);
    }
  }
}

function insertPair(graph: LintGraph, wire: Wire, readers: readonly Reader[], grid: Grid, domain: string): void {
  const levels = graph.makeWire(wire, grid.type);
  const maker = graph.producer(wire);
  let from = wire;
  const leaves = graph.isOutput(wire);
  if (leaves && maker !== undefined) {
    // The pair ends in the output's own value, so what made it makes another.
    from = graph.makeWire(wire, graph.facts(wire)?.dtype ?? null);
    graph.setOutput(maker, maker.outputs.indexOf(wire), from);
  }
  const made = { domain, attrs: new Map(), source: null, grid } as const;
  graph.add({ ...made, op: 'QuantizeLinear', inputs: [from], outputs: [levels] });
  for (const { node, input } of readers) {
    const real = graph.makeWire(wire, graph.facts(wire)?.dtype ?? null);
    graph.add({ ...made, op: 'DequantizeLinear', inputs: [levels], outputs: [real] });
    graph.setInput(node, input, real);
  }
  if (leaves) graph.add({ ...made, op: 'DequantizeLinear', inputs: [levels], outputs: [wire] });
}

/** Conv, ConvTranspose and Gemm between DQ and Q get a constant float bias as int32 and a constant float weight as int8. */
function quantizeWeightsAndBiases(graph: LintGraph): void {
  for (const node of graph.nodes()) {
    if (node.domain !== '' || !['Conv', 'ConvTranspose', 'Gemm'].includes(node.op)) continue;
    const [data, weight, bias = null] = node.inputs;
    const input = graph.producer(data);
    if (!isDequantize(input) || input.grid?.scale === null || !leadsToQuantize(graph, node)) continue;
    const dq = graph.producer(weight);
    const quantized = isDequantize(dq);
    if (!quantized && !(graph.isConstant(weight) && graph.facts(weight)?.dtype === 'f32')) continue;
    const biasShape = graph.facts(bias)?.shape;
    const plainBias = bias !== null && graph.isConstant(bias) && graph.producer(bias) === undefined;
    if (bias !== null && (!plainBias || biasShape?.length !== 1)) continue;
    if (quantized && bias === null) continue;
    if (!quantized && weight !== null && weight !== undefined) {
      addDequantize(graph, node, 1, { type: 'i8', real: 'f32', scale: 1, zero: 0, zeroGiven: true });
    }
    if (bias === null) continue;
    const perChannel = quantized && dq.grid?.scale === null;
    if (perChannel && numberAttr(dq, 'block_size', 0) !== 0) continue;
    if (perChannel && !alongOutputs(node, dq)) continue;
    addDequantize(graph, node, 2, { type: 'i32', real: 'f32', scale: null, zero: 0, zeroGiven: false });
  }
}

/** Whether the weight's scales lie along the axis of output channels. */
function alongOutputs(node: LintNode, dq: LintNode): boolean {
  const axis = numberAttr(dq, 'axis', 1);
  return axis === (node.op === 'Gemm' && numberAttr(node, 'transB', 0) === 0 ? 1 : 0);
}

function addDequantize(graph: LintGraph, node: LintNode, input: number, grid: Grid): void {
  const wire = node.inputs[input] ?? null;
  const levels = graph.makeWire(wire, grid.type);
  const real = graph.makeWire(wire, grid.real);
  const made = { op: 'DequantizeLinear', domain: '', attrs: new Map(), source: null, grid } as const;
  graph.add({ ...made, inputs: [levels], outputs: [real] });
  graph.setInput(node, input, real);
}

/** Without branching, with at most Relu and Clip in between. */
function leadsToQuantize(graph: LintGraph, node: LintNode): boolean {
  for (let current: LintNode = node; ;) {
    if (current.outputs.length !== 1 || !graph.hasOneReader(current)) return false;
    const next = graph.children(current)[0]?.node;
    if (isQuantize(next)) return true;
    if (next === undefined || !isClipping(next)) return false;
    current = next;
  }
}

const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32768, 32767],
  u16: [0, 65535],
};

export function isClipping(node: LintNode): boolean {
  return node.op === 'Relu' || node.op === 'Clip';
}

/** Whether clipping to the levels of the Q that follows does what the activation does. */
export function isImplied(node: LintNode, q: LintNode, clipBounds: RewriteOptions['clipBounds']): boolean {
  const { grid } = q;
  const limits = grid === undefined ? undefined : LIMITS[grid.type];
  if (grid === undefined || limits === undefined || grid.scale === null || grid.zero === null) return false;
  if (node.op === 'Relu') return grid.zero === limits[0];
  const bounds = clipBounds(node);
  if (bounds === undefined) return false;
  const level = (real: number): number => roundHalfEven(Math.fround(real / grid.scale!)) + grid.zero!;
  return level(bounds[0]) <= limits[0] && level(bounds[1]) >= limits[1];
}

function dropImpliedActivations(graph: LintGraph, { clipBounds }: RewriteOptions): ReadonlySet<LintNode> {
  const implied = new Set<LintNode>();
  for (const node of graph.nodes()) {
    if (node.domain !== '' || (node.op !== 'Relu' && node.op !== 'Clip') || !graph.hasOneReader(node)) continue;
    const next = graph.children(node)[0]?.node;
    if (!isQuantize(next) || !isImplied(node, next, clipBounds)) continue;
    implied.add(node);
    graph.bypass(node);
  }
  return implied;
}

/** Where with one quantized branch and a constant number as the other: the number gets a DequantizeLinear. */
function dequantizeWhereConstants(graph: LintGraph): void {
  for (const node of graph.nodes()) {
    if (node.op !== 'Where' || node.domain !== '') continue;
    for (const [input, other] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const quantized = graph.producer(node.inputs[other]);
      const facts = graph.facts(node.inputs[input]);
      if (!isDequantize(quantized) || quantized.grid === undefined || facts?.constant !== true) continue;
      if (graph.producer(node.inputs[input]) !== undefined || facts.shape?.some((size) => size !== 1) !== false)
        continue;
      addDequantize(graph, node, input, { ...quantized.grid, scale: 1, zero: 0 });
    }
  }
}

/** Q -> DQ of int8 becomes uint8 where the Q has no other reader. */
function signedPairsToUnsigned(graph: LintGraph): void {
  for (const q of graph.nodes()) {
    if (!isQuantize(q) || q.domain !== '' || !graph.hasOneReader(q)) continue;
    const dq = graph.children(q)[0]?.node;
    if (!isDequantize(dq) || dq.domain !== '' || q.grid === undefined || dq.grid === undefined) continue;
    const { grid } = q;
    if (grid.type !== 'i8' || dq.grid.type !== 'i8' || !grid.zeroGiven || !dq.grid.zeroGiven) continue;
    if (grid.zero === null || grid.zero !== dq.grid.zero) continue;
    q.grid = { ...grid, type: 'u8', zero: grid.zero + 128 };
    dq.grid = { ...dq.grid, type: 'u8', zero: grid.zero + 128 };
  }
}
