/**
 * Writes tiny ONNX files by hand, for tests that must not depend on our own writer: just enough protobuf for float32, int64
 * and integer tensors, plain attributes and one graph. Field numbers are those of onnx.proto.
 */

type Field = readonly [number, number | string | Uint8Array | readonly Uint8Array[]];

const encoder = new TextEncoder();

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if (rest === 0n) {
      out.push(low);
      return out;
    }
    out.push(low | 0x80);
  }
}

/** Numbers become varints; strings, bytes and lists of messages become length-delimited fields. */
export function message(...fields: readonly Field[]): Uint8Array {
  const out: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === 'number') {
      out.push(...varint(number << 3), ...varint(value));
      continue;
    }
    const parts = typeof value === 'string' ? [encoder.encode(value)] : value instanceof Uint8Array ? [value] : value;
    for (const part of parts) out.push(...varint((number << 3) | 2), ...varint(part.length), ...part);
  }
  return Uint8Array.from(out);
}

export const ELEM = { f32: 1, u8: 2, i8: 3, i64: 7, f16: 10, u4: 21, i4: 22 } as const;

/** A TensorProto with raw data. */
export function tensorProto(name: string, type: number, dims: readonly number[], raw: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  return message(...dims.map((dim): Field => [1, dim]), [2, type], [8, name], [9, bytes]);
}

/** A ValueInfoProto; names stand for open sizes. */
export function valueProto(name: string, type: number, dims: readonly (number | string)[]): Uint8Array {
  const sizes = dims.map((dim) => (typeof dim === 'number' ? message([1, dim]) : message([2, dim])));
  return message([1, name], [2, message([1, message([1, type], [2, message([1, sizes])])])]);
}

export interface TinyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly ints?: Readonly<Record<string, number>>;
}

export function nodeProto(node: TinyNode): Uint8Array {
  return message(
    ...node.inputs.map((name): Field => [1, name]),
    ...node.outputs.map((name): Field => [2, name]),
    [3, node.name ?? node.op],
    [4, node.op],
    ...Object.entries(node.ints ?? {}).map(([name, value]): Field => [5, message([1, name], [3, value], [20, 2])]),
  );
}

export interface TinyModel {
  readonly nodes: readonly TinyNode[];
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
  readonly initializers?: readonly Uint8Array[];
  readonly opset?: number;
  readonly irVersion?: number;
}

/** A ModelProto. Default opset 17, IR version 8. */
export function modelProto(model: TinyModel): Uint8Array {
  const graph = message(
    [1, model.nodes.map(nodeProto)],
    [2, 'tiny'],
    [5, model.initializers ?? []],
    [11, model.inputs],
    [12, model.outputs],
  );
  return message([1, model.irVersion ?? 8], [7, graph], [8, message([1, ''], [2, model.opset ?? 17])]);
}
