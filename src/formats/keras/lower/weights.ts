/**
 * The weights of one layer, found by name where the file names them (`kernel`, `cell/bias`), by their order where it only counts
 * (`vars/0`). Half-precision weights become float32 when they are read.
 */
import { countOf, isFloat } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { decodeBfloat16, decodeFloat16 } from '#base/float16.ts';
import type { KerasWeight } from '#formats/keras/archive.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';

/** Operands of weights that were made already: a shared layer has one set of constants. */
export type MadeWeights = Map<KerasWeight, Operand>;

interface Named {
  /** Path below the layer or below the part of it that is looked at. */
  readonly parts: readonly string[];
  readonly weight: KerasWeight;
}

export class LayerWeights {
  readonly #lowering: Lowering;
  readonly #place: string;
  readonly #list: readonly Named[];
  readonly #made: MadeWeights;

  constructor(lowering: Lowering, place: string, list: readonly Named[], made: MadeWeights) {
    this.#lowering = lowering;
    this.#place = place;
    this.#list = list;
    this.#made = made;
  }

  static of(lowering: Lowering, place: string, weights: readonly KerasWeight[], made: MadeWeights): LayerWeights {
    // Generators of chance keep a state, which inference has no use for.
    const list = weights
      .filter(({ name }) => !name.includes('seed_generator'))
      .map((weight) => ({ parts: weight.name.split('/'), weight }));
    return new LayerWeights(lowering, place, list, made);
  }

  get count(): number {
    return this.#list.length;
  }

  /** One operand for each name, in the order in which the class makes them. */
  take(...names: readonly string[]): readonly Operand[] {
    return names.map((name, at) => this.#operand(this.#find(name, at, names.length), name));
  }

  /** Of a layer that may lack them, as a Normalization with its numbers in the configuration. */
  has(...names: readonly string[]): boolean {
    return this.#list.length >= names.length;
  }

  #find(name: string, at: number, total: number): KerasWeight {
    const named = this.#list.filter(({ parts }) => parts.at(-1) === name);
    const counted = this.#list.length > 0 && this.#list.every(({ parts }) => parts.at(-2) === 'vars');
    const found = named.length === 1 ? named[0] : counted || this.#list.length === total ? this.#list[at] : undefined;
    if (found !== undefined) return found.weight;
    throw new PareError({
      code: 'keras/missing-weight',
      place: this.#place,
      problem: `The file holds no weight "${name}" for it${this.#known()}.`,
      hint: 'Save the whole model again with its weights.',
    });
  }

  #known(): string {
    if (this.#list.length === 0) return '';
    const names = this.#list.slice(0, 8).map(({ parts }) => parts.join('/'));
    return `, only ${names.join(', ')}`;
  }

  #operand(weight: KerasWeight, name: string): Operand {
    const known = this.#made.get(weight);
    if (known !== undefined) return known;
    const full = `${this.#place}/${weight.name.includes('vars/') ? name : weight.name}`;
    const { tensor, bytes } = weight;
    const given = this.#lowering.constant(full, tensor, bytes === undefined ? {} : { bytes });
    const operand = isFloat(tensor.dtype) && tensor.dtype !== 'f32' ? widened(this.#lowering, full, given) : given;
    this.#made.set(weight, operand);
    return operand;
  }

  /** The weights of a part of the layer, by the first word of their path; all of them where no path begins so. */
  under(begins: (head: string) => boolean): LayerWeights {
    const inside = this.#list.filter(({ parts }) => parts.length > 1 && begins(parts[0] ?? ''));
    if (inside.length === 0) return this;
    return this.#with(inside.map(({ parts, weight }) => ({ parts: parts.slice(1), weight })));
  }

  /** Whether any path begins so. */
  begins(begins: (head: string) => boolean): boolean {
    return this.#list.some(({ parts }) => parts.length > 1 && begins(parts[0] ?? ''));
  }

  slice(from: number, to: number): LayerWeights {
    return this.#with(this.#list.slice(from, to));
  }

  /** The weights by the path that leads to them, in order. */
  groups(): ReadonlyMap<string, LayerWeights> {
    const lists = new Map<string, Named[]>();
    for (const one of this.#list) {
      const { parts } = one;
      const end = parts.at(-2) === 'vars' ? -2 : -1;
      const group = parts.slice(0, end).at(-1) ?? '';
      lists.set(group, [...(lists.get(group) ?? []), one]);
    }
    return new Map([...lists].map(([name, list]) => [name, this.#with(list)]));
  }

  /** As the container would give them, for a layer inside this one. */
  records(): readonly KerasWeight[] {
    return this.#list.map(({ parts, weight }) => ({ ...weight, name: parts.join('/') }));
  }

  #with(list: readonly Named[]): LayerWeights {
    return new LayerWeights(this.#lowering, this.#place, list, this.#made);
  }
}

function widened(lowering: Lowering, name: string, given: Operand): Operand {
  const tensor = lowering.constantOf(given)?.tensor;
  if (tensor === undefined) return given;
  const { dtype, shape } = tensor;
  const count = countOf(shape);
  return lowering.derived(name, 'f32', shape, [given], ([bytes = new Uint8Array(0)]) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = Float32Array.from({ length: count }, (_, at) => {
      if (dtype === 'f64') return view.getFloat64(at * 8, true);
      const half = view.getUint16(at * 2, true);
      return dtype === 'bf16' ? decodeBfloat16(half) : decodeFloat16(half);
    });
    return new Uint8Array(values.buffer);
  });
}
