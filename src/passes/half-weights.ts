/**
 * Weights of half precision that a Cast widens when the model is loaded, shown to a lossy pass as the float weights that they stand
 * for. What the pass leaves alone is put back as it was.
 *
 * Given:  f = Cast<to=f32>(h), h: f16 constant; y = Conv(x, f)
 * Within: y = Conv(x, f), f: f32 constant, read from h
 * Result: y = Conv(x, f), f: what the pass made of it; or as given
 */
import { bytesFor, countOf } from '#base/dtype.ts';
import { decodeBfloat16, decodeFloat16 } from '#base/float16.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attrs, Node, Tensor, Value, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { dropUnread } from './constants.ts';
import type { Pass } from './pass.ts';
import { compressibleInputs } from './weight-roles.ts';

/** ONNX TensorProto.DataType FLOAT. */
const FLOAT = 1;

interface Widened {
  /** What layers read. */
  readonly value: ValueId;
  /** The constant of half precision. */
  readonly stored: ValueId;
  readonly half: Tensor;
  readonly wide: Tensor;
  readonly cast: { readonly name: string; readonly attrs: Attrs };
}

/** The pass, seeing through the Casts that widen weights. */
export function onWideWeights<Options extends object>(run: Pass<Options>['run']): Pass<Options>['run'] {
  return async (edit, options, desk) => {
    const widened = castsOf(edit).map((cast) => widen(edit, cast, desk.weights));
    if (widened.length === 0) return run(edit, options, desk);
    const result = await run(edit, options, { ...desk, weights: withStoredSizes(desk.weights, widened) });
    const left = allValues(edit.graph);
    for (const one of widened) settle(edit, one, left);
    return result;
  };
}

/** Casts of constants to float32 that some layer reads as its weight. */
function castsOf(edit: Editor): readonly Node[] {
  return edit.nodes().filter((node) => {
    const to = node.attrs.get('to');
    const [from = null, made = null] = [node.inputs[0], node.outputs[0]];
    if (node.op !== 'Cast' || node.domain !== '' || to?.type !== 'int' || Number(to.value) !== FLOAT) return false;
    const tensor = edit.constantOf(from);
    if (from === null || made === null || (tensor?.dtype !== 'f16' && tensor?.dtype !== 'bf16')) return false;
    if (edit.value(from).quantization !== undefined || edit.isOutput(made)) return false;
    return edit
      .users(made)
      .some((user) =>
        compressibleInputs(user, (input) => (user.inputs[input] === made ? tensor.shape : undefined)).some(
          (role) => user.inputs[role.input] === made,
        ),
      );
  });
}

function widen(edit: Editor, cast: Node, store: WeightStore): Widened {
  const [stored, value] = [cast.inputs[0]!, cast.outputs[0]!];
  const half = edit.constantOf(stored)!;
  const wide = wideTensor(store, half);
  // Its readers remain, so the value stays and becomes a constant; the stored one waits to be wanted again.
  edit.removeNode(cast);
  edit.setConstant(value, wide, undefined, 'f32');
  return { value, stored, half, wide, cast: { name: cast.name, attrs: cast.attrs } };
}

/** A weight that is still what was shown goes back behind its Cast; of one that was changed the stored form goes. */
function settle(edit: Editor, { value, stored, wide, cast }: Widened, left: ReadonlyMap<ValueId, Value>): void {
  const now = left.get(value);
  if (now?.constant?.key !== wide.key || now.quantization !== undefined) {
    dropUnread(edit, stored);
    return;
  }
  const home = edit.pathOf(edit.users(value)[0]!);
  const node = edit.addNode(
    {
      name: cast.name,
      op: 'Cast',
      inputs: [stored],
      outputs: [{ name: `${now.name}_f32`, dtype: 'f32', shape: now.shape }],
      attrs: cast.attrs,
    },
    { startOf: home },
  );
  const made = node.outputs[0]!;
  edit.replaceUses(value, made);
  edit.removeValue(value);
  edit.setValue(made, { name: now.name });
}

/** Read from the stored form when it is asked for. */
function wideTensor(store: WeightStore, half: Tensor): Tensor {
  const count = countOf(half.shape);
  const length = bytesFor('f32', count);
  const decode = half.dtype === 'f16' ? decodeFloat16 : decodeBfloat16;
  const floats = async (): Promise<Uint8Array> => {
    const bytes = await store.read(half);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Uint8Array(Float32Array.from({ length: count }, (_, at) => decode(view.getUint16(2 * at, true))).buffer);
  };
  const source = {
    name: 'weights',
    sizeBytes: length,
    read: async (offset: number, size: number) => (await floats()).subarray(offset, offset + size),
  };
  return store.link('f32', half.shape, { source, offset: 0, length });
}

/** Sizes in a report are those of the file: a widened weight takes what its stored form takes. */
function withStoredSizes(store: WeightStore, widened: readonly Widened[]): WeightStore {
  const halves = new Map(widened.map(({ wide, half }) => [wide.key, half]));
  return {
    read: (tensor) => store.read(tensor),
    chunks: (tensor) => store.chunks(tensor),
    sizeBytes: (tensor) => store.sizeBytes(halves.get(tensor.key) ?? tensor),
    put: (dtype, shape, bytes) => store.put(dtype, shape, bytes),
    link: (dtype, shape, place) => store.link(dtype, shape, place),
  };
}
