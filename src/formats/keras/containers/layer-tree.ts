/** The layers of a configuration as a tree of names and classes: what weights are matched to. */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';

export interface TreeLayer {
  readonly name: string;
  readonly className: string;
  /** Layers of a model, in the order of the file; undefined for other layers. */
  readonly layers?: readonly TreeLayer[];
  /** The layer that a wrapper such as TimeDistributed holds. */
  readonly wrapped?: TreeLayer;
}

const MAX_LAYERS = 50_000;
const MAX_DEPTH = 32;

/** The model itself as the root of the tree. */
export function readLayerTree(file: string, config: Json): TreeLayer {
  let count = 0;
  const read = (entry: Json, at: number, depth: number): TreeLayer => {
    count += 1;
    if (count > MAX_LAYERS || depth > MAX_DEPTH) {
      throw new PareError({
        code: 'keras/too-large',
        file,
        problem: `The configuration has more than ${MAX_LAYERS} layers, or nests more than ${MAX_DEPTH} models.`,
      });
    }
    const className = textOf(entry, 'class_name') ?? '';
    const own = fieldOf(entry, 'config') ?? null;
    // The Sequential of Keras before 2.2 is a bare list of layers.
    const list = Array.isArray(own) ? (own as readonly Json[]) : fieldOf(own, 'layers');
    const inner = fieldOf(own, 'layer');
    return {
      name: textOf(entry, 'name') ?? textOf(own, 'name') ?? `${className.toLowerCase()}_${at + 1}`,
      className,
      ...(Array.isArray(list) ? { layers: list.map((one: Json, index) => read(one, index, depth + 1)) } : {}),
      ...(textOf(inner, 'class_name') === undefined ? {} : { wrapped: read(inner ?? null, 0, depth + 1) }),
    };
  };
  return read(config, 0, 0);
}

/** Layers that are no models below a model, with the names that lead to them from it. */
export interface Leaf {
  readonly path: readonly string[];
  readonly layer: TreeLayer;
}

export function leavesOf(layers: readonly TreeLayer[], path: readonly string[] = []): readonly Leaf[] {
  return layers.flatMap((layer) => {
    const here = [...path, layer.name];
    return layer.layers === undefined ? [{ path: here, layer }] : leavesOf(layer.layers, here);
  });
}

function fieldOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined;
  return (value as { readonly [key: string]: Json })[name];
}

function textOf(value: Json | undefined, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === 'string' ? text : undefined;
}
