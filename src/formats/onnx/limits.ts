/** Versions that are read and what the runtime takes: onnxruntime 1.30 loads IR up to 13 and default operator sets up to 26. */
import { PareError } from '#base/failure.ts';
import type { DType } from '#base/dtype.ts';
import type { Graph, Model } from '#ir/model.ts';
import { graphsOf } from '#ir/walk.ts';

export const NEWEST_IR = 13;
export const OLDEST_OPSET = 7;
export const NEWEST_OPSET = 26;

/** Refuses versions whose meaning is not known here. */
export function checkVersions(file: string, irVersion: number, opsets: ReadonlyMap<string, number>): void {
  if (irVersion > NEWEST_IR) {
    throw new PareError({
      code: 'onnx/ir-version',
      file,
      place: 'ir_version',
      problem: `The file has IR version ${irVersion}, and versions up to ${NEWEST_IR} are read (as by onnxruntime 1.30).`,
      hint: `Export it again with an older onnx package or set model.ir_version to ${NEWEST_IR} if it uses nothing newer.`,
    });
  }
  const opset = opsets.get('');
  if (opset !== undefined && opset > NEWEST_OPSET) {
    throw new PareError({
      code: 'onnx/opset',
      file,
      place: 'opset_import',
      problem: `The file uses operator set ${opset}, and sets ${OLDEST_OPSET} to ${NEWEST_OPSET} are read (as by onnxruntime 1.30).`,
      hint: `Export it again with opset_version=${NEWEST_OPSET} or lower.`,
    });
  }
  if (opset !== undefined && opset < OLDEST_OPSET) {
    throw new PareError({
      code: 'onnx/opset',
      file,
      place: 'opset_import',
      problem: `The file uses operator set ${opset}, and sets ${OLDEST_OPSET} to ${NEWEST_OPSET} are read.`,
      hint: `Convert it with onnx.version_converter to operator set ${OLDEST_OPSET} or later.`,
    });
  }
}

/** IR version in which an element type came. */
const IR_OF_DTYPE: Partial<Record<DType, number>> = {
  f8e4m3fn: 9,
  f8e4m3fnuz: 9,
  f8e5m2: 9,
  f8e5m2fnuz: 9,
  i4: 10,
  u4: 10,
  f4e2m1: 11,
  f8e8m0: 12,
  i2: 13,
  u2: 13,
};

/** The lowest IR version that can hold the model; the model's own where that is enough. */
export function neededIrVersion(model: Model): number {
  let needed = model.irVersion;
  for (const graph of graphsOf(model.graph)) {
    for (const value of graph.values.values()) {
      for (const dtype of [value.dtype, value.constant?.dtype]) {
        needed = Math.max(needed, (dtype == null ? undefined : IR_OF_DTYPE[dtype]) ?? 0);
      }
    }
    for (const node of graph.nodes)
      if (node.attrs.has('block_size') && node.domain === '') needed = Math.max(needed, 10);
    if (needed < 4 && hasConstantBesideInputs(graph)) needed = 4;
  }
  return needed;
}

/** Before IR 4 every initializer had to be listed as an input too. */
function hasConstantBesideInputs(graph: Graph): boolean {
  const inputs = new Set(graph.inputs);
  for (const value of graph.values.values()) if (value.constant !== undefined && !inputs.has(value.id)) return true;
  return false;
}
