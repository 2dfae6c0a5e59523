/** Sizes for reshapes that hold for every run, and bytes as numbers. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerCall } from './layer-call.ts';

/** A size of the result: a number, or the size of an axis of the input. */
export type Target = number | { readonly axis: number };

/**
 * Sizes for a reshape of `x`: 0 at place `i` or a place's own number copies; here simply numbers with 0 for "the batch". See
 * `sizesFor` for axes by name.
 */
export function keptSizes(
  call: LayerCall,
  x: Operand,
  places: readonly number[],
  name: string,
): readonly number[] | Operand {
  if (places.includes(-1))
    return sizesFor(
      call,
      x,
      places.map((one, at) => (one === 0 && at === 0 ? { axis: 0 } : one)),
      name,
    );
  return sizesFor(
    call,
    x,
    places.map((axis) => ({ axis })),
    name,
  );
}

/** The list itself where at most one size is open, else the sizes as the model computes them when it is run. */
export function sizesFor(
  call: LayerCall,
  x: Operand,
  targets: readonly Target[],
  name: string,
): readonly number[] | Operand {
  const sizes = call.sizes(x);
  const list = targets.map((target) => (typeof target === 'number' ? target : (sizes[target.axis] ?? -1)));
  if (list.filter((size) => size < 0).length <= 1) return list;
  const { lowering } = call;
  const shape = call.node('Shape', [x], `${name}_of`);
  const pieces: Operand[] = [];
  for (const [at, target] of targets.entries()) {
    const part = `${name}_${at}`;
    pieces.push(
      typeof target === 'number'
        ? lowering.small([target])
        : call.node(
            'Slice',
            [shape, lowering.small([target.axis]), lowering.small([target.axis + 1]), lowering.small([0])],
            part,
          ),
    );
  }
  return call.node('Concat', pieces, name, { axis: 0 });
}

export function floatsOf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(bytes.slice().buffer);
}
