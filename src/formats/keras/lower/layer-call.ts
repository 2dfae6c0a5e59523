/** One call of a layer, as a row of the layer table sees it: inputs, settings, weights, and the lowering to say it in. */
import { isFloat, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';
import type { Settings } from '#formats/keras/config/settings.ts';
import type { AttrInput, Lowering, Operand } from '#formats/lowering/lowering.ts';
import { codeOfDtype } from '#ops/dtype-code.ts';
import { Unsupported } from './unsupported.ts';
import type { LayerWeights } from './weights.ts';

/** An argument of a call with its tensors in place. */
export type Given =
  | { readonly kind: 'tensor'; readonly operand: Operand }
  | { readonly kind: 'list'; readonly items: readonly Given[]; readonly keys?: readonly string[] }
  | { readonly kind: 'value'; readonly value: Json };

/** What a layer has once, however often it is called. */
export interface LayerState {
  readonly weights: LayerWeights;
  readonly made: Map<string, Operand>;
}

export interface LayerCallParts {
  readonly lowering: Lowering;
  /** Major version of Keras that wrote the model. */
  readonly version: number;
  /** Name of the call: the layer's own, with its number where the layer is called again. */
  readonly name: string;
  readonly className: string;
  readonly settings: Settings;
  readonly state: LayerState;
  readonly positional: readonly Given[];
  readonly named: ReadonlyMap<string, Given>;
  /** Which steps of a sequence count, of tensors that carry it. */
  readonly masks: WeakMap<Operand, Operand>;
  /** Lowers another layer in the place of this one: a wrapped layer, an activation that is a layer. */
  readonly inner: (part: InnerLayer) => readonly Operand[];
}

export interface InnerLayer {
  readonly name: string;
  readonly className: string;
  readonly config: Json;
  readonly weights: LayerWeights;
  readonly inputs: readonly Operand[];
  readonly named?: ReadonlyMap<string, Given>;
  /** Tells layers inside one layer apart. */
  readonly key: string;
}

export class LayerCall {
  readonly parts: LayerCallParts;
  readonly lowering: Lowering;
  readonly name: string;
  readonly settings: Settings;
  readonly version: number;
  /** Tensors among the positional arguments, lists opened. */
  readonly inputs: readonly Operand[];

  constructor(parts: LayerCallParts) {
    this.parts = parts;
    this.lowering = parts.lowering;
    this.name = parts.name;
    this.settings = parts.settings;
    this.version = parts.version;
    this.inputs = parts.positional.flatMap(operandsOf);
  }

  get weights(): LayerWeights {
    return this.parts.state.weights;
  }

  /** Every tensor of the call. */
  get tensors(): readonly Operand[] {
    return [...this.inputs, ...[...this.parts.named.values()].flatMap(operandsOf)];
  }

  /** The first input as it is. */
  get first(): Operand {
    const [first] = this.inputs.length > 0 ? this.inputs : this.tensors;
    if (first !== undefined) return first;
    throw new PareError({
      code: 'keras/no-input',
      place: this.name,
      problem: 'It is called on nothing.',
      hint: 'The configuration is damaged: save the model again.',
    });
  }

  /** The first input in float32, as layers with weights compute. */
  get x(): Operand {
    return this.real(this.first, 'input');
  }

  real(operand: Operand, part: string): Operand {
    const dtype = this.lowering.dtype(operand);
    if (dtype === null || isFloat(dtype)) return operand;
    return this.cast(operand, 'f32', `${part}_float`);
  }

  cast(operand: Operand, to: DType, part: string): Operand {
    if (this.lowering.dtype(operand) === to) return operand;
    return this.node('Cast', [operand], part, { to: codeOfDtype(to) });
  }

  /** A constant that follows from the weights, made once for all calls. */
  once(key: string, make: () => Operand): Operand {
    const { made } = this.parts.state;
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = make();
    made.set(key, fresh);
    return fresh;
  }

  /** Name of a part of this call. */
  part(name: string): string {
    return `${this.name}/${name}`;
  }

  /** An operator that is part of this call. */
  node(
    op: string,
    inputs: readonly (Operand | null)[],
    part: string,
    attrs: Readonly<Record<string, AttrInput>> = {},
  ): Operand {
    return this.lowering.apply(op, inputs, { name: this.part(part), attrs });
  }

  /** The operator that gives the layer its name. */
  own(op: string, inputs: readonly (Operand | null)[], attrs: Readonly<Record<string, AttrInput>> = {}): Operand {
    return this.lowering.apply(op, inputs, { name: this.name, attrs });
  }

  /** A number of type float32. */
  number(value: number): Operand {
    return this.lowering.small(value, 'f32');
  }

  /** Sizes of an operand; refused where not even the rank is known. */
  sizes(operand: Operand): readonly (number | undefined)[] {
    this.lowering.rank(operand);
    return (this.lowering.shape(operand) ?? []).map((size) => (typeof size === 'number' ? size : undefined));
  }

  /** A size that must be known. */
  size(operand: Operand, axis: number): number {
    const size = this.sizes(operand).at(axis);
    if (size !== undefined) return size;
    throw new Unsupported(`the size of axis ${axis} of its input is only known when it is run.`, FIX_SIZES);
  }

  /** An axis counted from the front. */
  axis(operand: Operand, axis: number): number {
    const rank = this.lowering.rank(operand);
    const front = axis < 0 ? axis + rank : axis;
    if (front >= 0 && front < rank) return front;
    throw new PareError({
      code: 'keras/axis',
      place: this.name,
      problem: `It works on axis ${axis} of an input that has ${rank} axes.`,
      hint: 'The configuration is damaged: save the model again.',
    });
  }

  /** A named argument that is a tensor. */
  tensor(name: string): Operand | undefined {
    const given = this.parts.named.get(name);
    return given === undefined ? undefined : operandsOf(given)[0];
  }

  /** A named argument that is true. */
  asks(name: string): boolean {
    const given = this.parts.named.get(name);
    return given?.kind === 'value' && given.value === true;
  }

  /** Which steps count: given by name, or carried by the input. */
  mask(at = 0): Operand | undefined {
    const input = this.inputs[at];
    return this.tensor('mask') ?? (input === undefined ? undefined : this.parts.masks.get(input));
  }
}

const FIX_SIZES = 'Save the model with a fixed input size.';

export function operandsOf(given: Given): readonly Operand[] {
  if (given.kind === 'tensor') return [given.operand];
  return given.kind === 'list' ? given.items.flatMap(operandsOf) : [];
}
