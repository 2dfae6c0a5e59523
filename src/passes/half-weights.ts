/**
 * Weights of half precision that a Cast widens when the model is loaded, shown to a lossy pass as the float weights that they stand
 * for. What the pass leaves alone is put back as it was.
 *
 * Given:  f = Cast<to=f32>(h), h: f16 constant; y = Conv(x, f)
 * Within: y = Conv(x, f), f: f32 constant, read from h
 * Result: y = Conv(x, f), f: what the pass made of it; or as given
 */
import { derivedTensor } from '#ir/derived-tensor.ts';
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Node, Tensor, Value, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decode, encode } from '#ops/dense.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import { dropUnread } from './constants.ts';
import { putBehindCast } from './convert/casts.ts';
import type { Pass } from './pass.ts';
import { compressibleInputs } from './weight-roles.ts';

interface Widened {
  /** What layers read. */
  readonly value: ValueId;
  /** The constant of half precision. */
  readonly stored: ValueId;
  readonly half: Tensor;
  readonly wide: Tensor;
  /** Name and place of the node between them. */
  readonly cast: { readonly name: string; readonly home: GraphPath };
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
    if (node.op !== 'Cast' || node.domain !== '' || to?.type !== 'int' || dtypeOfCode(Number(to.value)) !== 'f32') {
      return false;
    }
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
  const wide = derivedTensor(store, 'f32', half.shape, [half], ([bytes]) => {
    const { shape, data } = decode(half.dtype, half.shape, bytes!)!;
    return encode({ dtype: 'f32', shape, data });
  });
  const home = edit.pathOf(cast);
  // Its readers remain, so the value stays and becomes a constant; the stored one waits to be wanted again.
  edit.removeNode(cast);
  edit.setConstant(value, wide, undefined, 'f32');
  return { value, stored, half, wide, cast: { name: cast.name, home } };
}

/** A weight that is still what was shown goes back behind its Cast; of one that was changed the stored form goes. */
function settle(edit: Editor, { value, stored, wide, cast }: Widened, left: ReadonlyMap<ValueId, Value>): void {
  const now = left.get(value);
  const untouched = now?.constant?.key === wide.key && now.quantization === undefined;
  if (untouched) putBehindCast(edit, value, stored, cast);
  else dropUnread(edit, stored);
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
