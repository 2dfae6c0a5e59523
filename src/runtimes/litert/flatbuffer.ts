/**
 * The few facts of a .tflite file that running it needs, read straight from its bytes. It shares nothing with the reader in
 * `#formats`, so that what LiteRT says of a file is no echo of how we read it.
 */
import { PareError } from '#base/failure.ts';

/** What the file's own tables say of one entry point. */
export interface Signature {
  readonly key: string;
  /** Names of tensors by the name that the signature gives them. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
}

/** How levels of a tensor stand for real numbers: real = scale * (level - zeroPoint). */
export interface Grid {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface Facts {
  /** Tensor names of the first subgraph's inputs and outputs, in order. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly signatures: readonly Signature[];
  /** Of tensors with one scale, by name. */
  readonly grids: ReadonlyMap<string, Grid>;
}

/** Fields by their number in the schema of TFLite. */
const MODEL = { subgraphs: 2, signatures: 7 } as const;
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2 } as const;
const TENSOR = { shape: 0, name: 3, quantization: 4, shapeSignature: 7 } as const;
const QUANTIZATION = { scale: 2, zeroPoint: 3 } as const;
const SIGNATURE = { inputs: 0, outputs: 1, key: 2, subgraph: 4 } as const;
const TENSOR_MAP = { name: 0, tensor: 1 } as const;

/** Names of tensors and signatures. Throws a `PareError` when offsets lead out of the file. */
export function factsOf(bytes: Uint8Array, file: string): Facts {
  return guarded(file, () => {
    const view = viewOf(bytes);
    const model = root(view);
    const graphs = tables(view, model, MODEL.subgraphs);
    const namesOf = (graph: number, field: number): string[] => {
      const names = tables(view, graph, SUBGRAPH.tensors).map((tensor) => text(view, tensor, TENSOR.name));
      return ints(view, graph, field).map((index) => names[index] ?? `tensor ${index}`);
    };
    const signatures = tables(view, model, MODEL.signatures).map((signature) => {
      const graph = graphs[unsigned(view, signature, SIGNATURE.subgraph)] ?? fail();
      const tensors = tables(view, graph, SUBGRAPH.tensors);
      const named = (field: number): ReadonlyMap<string, string> =>
        new Map(
          tables(view, signature, field).map((entry) => {
            const tensor = tensors[unsigned(view, entry, TENSOR_MAP.tensor)] ?? fail();
            return [text(view, entry, TENSOR_MAP.name), text(view, tensor, TENSOR.name)];
          }),
        );
      return {
        key: text(view, signature, SIGNATURE.key),
        inputs: named(SIGNATURE.inputs),
        outputs: named(SIGNATURE.outputs),
      };
    });
    const first = graphs[0] ?? fail();
    return {
      inputs: namesOf(first, SUBGRAPH.inputs),
      outputs: namesOf(first, SUBGRAPH.outputs),
      signatures,
      grids: gridsOf(view, graphs),
    };
  });
}

function gridsOf(view: DataView, graphs: readonly number[]): ReadonlyMap<string, Grid> {
  const grids = new Map<string, Grid>();
  for (const tensor of graphs.flatMap((graph) => tables(view, graph, SUBGRAPH.tensors))) {
    const at = field(view, tensor, TENSOR.quantization);
    if (at === undefined) continue;
    const quantization = at + view.getUint32(at, true);
    const scale = vector(view, quantization, QUANTIZATION.scale);
    const zeroPoint = vector(view, quantization, QUANTIZATION.zeroPoint);
    if (scale.length !== 1) continue;
    grids.set(text(view, tensor, TENSOR.name), {
      scale: view.getFloat32(scale.at, true),
      zeroPoint: zeroPoint.length === 0 ? 0 : Number(view.getBigInt64(zeroPoint.at, true)),
    });
  }
  return grids;
}

/**
 * A copy in which every size is fixed: where `shape_signature` says -1, the size that `shape` holds stands instead. LiteRT
 * cannot be told sizes, and refuses a model that leaves one open.
 */
export function withFixedShapes(bytes: Uint8Array, file: string): Uint8Array {
  return guarded(file, () => {
    const copy = Uint8Array.from(bytes);
    const view = viewOf(copy);
    for (const graph of tables(view, root(view), MODEL.subgraphs)) {
      for (const tensor of tables(view, graph, SUBGRAPH.tensors)) {
        const shape = ints(view, tensor, TENSOR.shape);
        const signature = vector(view, tensor, TENSOR.shapeSignature);
        for (let axis = 0; axis < signature.length; axis++) {
          view.setInt32(signature.at + 4 * axis, shape[axis] ?? 1, true);
        }
      }
    }
    return copy;
  });
}

/** A copy whose first output is another tensor of its first graph: the only way to see what LiteRT has in between. */
export function withOutput(bytes: Uint8Array, file: string, name: string): Uint8Array {
  return guarded(file, () => {
    const copy = Uint8Array.from(bytes);
    const view = viewOf(copy);
    const model = root(view);
    const graph = tables(view, model, MODEL.subgraphs)[0] ?? fail();
    const tensor = tables(view, graph, SUBGRAPH.tensors).findIndex((one) => text(view, one, TENSOR.name) === name);
    const outputs = vector(view, graph, SUBGRAPH.outputs);
    if (tensor < 0 || outputs.length === 0) fail();
    view.setInt32(outputs.at, tensor, true);
    for (const signature of tables(view, model, MODEL.signatures)) {
      const [entry] = tables(view, signature, SIGNATURE.outputs);
      const at = entry === undefined ? undefined : field(view, entry, TENSOR_MAP.tensor);
      if (at !== undefined) view.setUint32(at, tensor, true);
    }
    return copy;
  });
}

function guarded<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PareError(
      {
        code: 'runtime/not-a-model',
        file,
        problem: 'its tables lead out of the file: it is no .tflite model.',
        hint: 'The file is cut short or damaged: fetch or convert it again.',
      },
      { cause: error },
    );
  }
}

function fail(): never {
  throw new RangeError('an index leads out of its table');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function root(view: DataView): number {
  return view.getUint32(0, true);
}

/** Where a field lies, or undefined where the table leaves it out. */
function field(view: DataView, table: number, number: number): number | undefined {
  const layout = table - view.getInt32(table, true);
  const slot = 4 + 2 * number;
  if (slot >= view.getUint16(layout, true)) return undefined;
  const offset = view.getUint16(layout + slot, true);
  return offset === 0 ? undefined : table + offset;
}

function vector(view: DataView, table: number, number: number): { readonly at: number; readonly length: number } {
  const at = field(view, table, number);
  if (at === undefined) return { at: 0, length: 0 };
  const start = at + view.getUint32(at, true);
  const length = view.getUint32(start, true);
  if (length > view.byteLength / 4) fail();
  return { at: start + 4, length };
}

function tables(view: DataView, table: number, number: number): number[] {
  const { at, length } = vector(view, table, number);
  return Array.from({ length }, (_, i) => at + 4 * i + view.getUint32(at + 4 * i, true));
}

function ints(view: DataView, table: number, number: number): number[] {
  const { at, length } = vector(view, table, number);
  return Array.from({ length }, (_, i) => view.getInt32(at + 4 * i, true));
}

function unsigned(view: DataView, table: number, number: number): number {
  const at = field(view, table, number);
  return at === undefined ? 0 : view.getUint32(at, true);
}

function text(view: DataView, table: number, number: number): string {
  const at = field(view, table, number);
  if (at === undefined) return '';
  const start = at + view.getUint32(at, true);
  const length = view.getUint32(start, true);
  if (length > view.byteLength) fail();
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + start + 4, length));
}
