/**
 * Operators that are written as integer operators in the file itself, and chains that onnxruntime 1.30 joins into one:
 * QOperator form, dynamic quantization, packed weights. After onnxruntime/core/optimizer dynamic_quantize_matmul_fusion and
 * matmul_integer_to_float.
 */
import type { DType } from '#base/dtype.ts';
import type { LintGraph, LintNode } from './graph.ts';
import { operatorName, type Verdict } from './rules.ts';

const INTEGER = new Set([
  'DynamicQuantizeLinear',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'MatMulInteger16',
  'ConvInteger',
  'DynamicQuantizeLSTM',
  'QAttention',
  'QGemm',
  'QEmbedLayerNormalization',
  'QOrderedMatMul',
]);

const PACKED = new Set(['MatMulNBits', 'MatMulBnb4', 'GatherBlockQuantized']);

/** The verdict on a node that is no matter of Q and DQ around it; undefined for every other. */
export function builtIn(graph: LintGraph, node: LintNode): Verdict | undefined {
  const kernel = operatorName(node);
  if (node.op === 'MatMulInteger') return { runs: 'integer', kernel: joinedInto(graph, node) ?? kernel };
  if (node.op === 'DynamicQuantizeLinear') return { runs: 'integer', kernel: dynamicKernel(graph, node) };
  if (INTEGER.has(node.op) || node.op.startsWith('QLinear')) return { runs: 'integer', kernel };
  if (PACKED.has(node.op)) {
    const level = node.attrs.get('accuracy_level');
    const integer = node.op === 'MatMulNBits' && level?.type === 'int' && Number(level.value) === 4;
    return integer ? { runs: 'integer', kernel } : { runs: 'float', kernel, why: { code: 'weight-only' } };
  }
  const joined = joinedUpwards(graph, node);
  if (joined !== undefined) return { runs: 'integer', kernel: joined };
  if (scalesBack(graph, node)) return { runs: 'float', kernel, why: { code: 'scales-back' } };
  const type = graph.facts(node.inputs[0])?.dtype;
  if (type !== null && type !== undefined && isNarrow(type)) return { runs: 'passes-through', kernel };
  return undefined;
}

function isNarrow(type: DType): boolean {
  return ['i8', 'u8', 'i16', 'u16', 'i4', 'u4', 'i2', 'u2'].includes(type);
}

/** Cast, Mul and Add behind MatMulInteger become part of it. */
function joinedUpwards(graph: LintGraph, node: LintNode): string | undefined {
  if (node.domain !== '' || !['Cast', 'Mul', 'Add'].includes(node.op)) return undefined;
  for (const wire of node.inputs) {
    const maker = graph.producer(wire);
    if (maker === undefined || !graph.hasOneReader(maker)) continue;
    if (node.op === 'Cast' && maker.op === 'MatMulInteger') return joinedInto(graph, maker);
    if (node.op === 'Mul' && maker.op === 'Cast') return joinedUpwards(graph, maker);
    if (node.op === 'Add' && maker.op === 'Mul' && isBias(graph, node, wire)) return joinedUpwards(graph, maker);
  }
  // The product of the two scales goes in as well.
  const scaled = node.op === 'Mul' ? onlyReader(graph, node) : undefined;
  const cast = scaled?.op === 'Mul' ? castOf(graph, scaled) : undefined;
  return cast === undefined ? undefined : joinedUpwards(graph, cast);
}

function castOf(graph: LintGraph, node: LintNode): LintNode | undefined {
  return node.inputs.map((wire) => graph.producer(wire)).find((maker) => maker?.op === 'Cast');
}

/** Cast and Mul that make real numbers of integer sums, where no kernel takes them in. */
function scalesBack(graph: LintGraph, node: LintNode): boolean {
  if (node.op === 'Cast') return graph.producer(node.inputs[0])?.op.endsWith('Integer') === true;
  if (node.op !== 'Mul') return false;
  const cast = castOf(graph, node);
  if (cast !== undefined) return scalesBack(graph, cast);
  const reader = onlyReader(graph, node);
  return reader?.op === 'Mul' && castOf(graph, reader) !== undefined && scalesBack(graph, reader);
}

function isBias(graph: LintGraph, add: LintNode, sum: number | null): boolean {
  const other = add.inputs.find((wire) => wire !== sum);
  return graph.isConstant(other) && graph.facts(other)?.shape?.length === 1;
}

/** DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul with Mul of the two scales. */
function joinedInto(graph: LintGraph, node: LintNode): string | undefined {
  const cast = onlyReader(graph, node);
  const mul = cast?.op === 'Cast' ? onlyReader(graph, cast) : undefined;
  if (cast === undefined || mul?.op !== 'Mul') return undefined;
  const scales = mul.inputs.map((wire) => graph.producer(wire)).find((maker) => maker !== cast);
  if (scales?.op !== 'Mul') return undefined;
  const source = graph.producer(node.inputs[0]);
  const dynamic = source?.op === 'DynamicQuantizeLinear' && scales.inputs.includes(source.outputs[1] ?? null);
  if (!dynamic) return 'com.microsoft.MatMulIntegerToFloat';
  const alone = source.outputs.every((wire) => wire === null || graph.readers(wire).length === 1);
  return alone && graph.isConstant(node.inputs[1])
    ? 'com.microsoft.DynamicQuantizeMatMul'
    : 'com.microsoft.MatMulIntegerToFloat';
}

/** Every product that reads the levels may take the quantization in, if it is alone. */
function dynamicKernel(graph: LintGraph, node: LintNode): string {
  const [levels] = node.outputs;
  const reader = levels === null || levels === undefined ? undefined : graph.readers(levels)[0]?.node;
  const joined = reader?.op === 'MatMulInteger' ? joinedInto(graph, reader) : undefined;
  return joined?.endsWith('DynamicQuantizeMatMul') === true ? joined : operatorName(node);
}

function onlyReader(graph: LintGraph, node: LintNode): LintNode | undefined {
  return graph.hasOneReader(node) ? graph.children(node)[0]?.node : undefined;
}
