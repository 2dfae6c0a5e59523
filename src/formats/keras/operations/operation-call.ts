/**
 * A call of a function between layers: an operation of keras.ops in Keras 3, a function of TensorFlow in Keras 2. Its parameters come by
 * position, by name, or from the configuration.
 */
import { isFloat, kindOf, type DType } from '#base/dtype.ts';
import type { Json } from '#formats/keras/archive.ts';
import { classOf, fieldOf, isList, isObject } from '#formats/keras/config/json.ts';
import { Settings } from '#formats/keras/config/settings.ts';
import { tensorDtype } from '#formats/keras/lower/dtype.ts';
import { operandsOf, type Given, type LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { AttrInput, Lowering, Operand } from '#formats/lowering/lowering.ts';

export type Operation = (o: OperationCall) => Operand | readonly Operand[];
export type Operations = Readonly<Record<string, Operation>>;

export class OperationCall {
  readonly call: LayerCall;
  readonly lowering: Lowering;
  /** Called as keras.ops does, not as TensorFlow. */
  readonly isKeras: boolean;
  readonly #positional: readonly Given[];
  readonly #named: ReadonlyMap<string, Given>;

  constructor(call: LayerCall, isKeras: boolean, positional: readonly Given[], named: ReadonlyMap<string, Given>) {
    this.call = call;
    this.lowering = call.lowering;
    this.isKeras = isKeras;
    this.#positional = positional;
    this.#named = named;
  }

  /** A parameter by its place in the call (-1: never by place) or by any of its names. */
  given(at: number, ...names: readonly string[]): Given | undefined {
    const placed = at >= 0 ? this.#positional[at] : undefined;
    if (placed !== undefined) return placed;
    for (const name of names) {
      const named = this.#named.get(name);
      if (named !== undefined) return named;
      const setting = this.call.settings.raw(name);
      if (setting !== undefined && name !== 'name') return { kind: 'value', value: setting };
    }
    return undefined;
  }

  #value(at: number, names: readonly string[]): Json | undefined {
    const given = this.given(at, ...names);
    if (given === undefined) return undefined;
    const plain = plainOf(given);
    if (plain === undefined) throw new Unsupported(`its argument "${names[0] ?? ''}" is computed by the model.`);
    return plain;
  }

  /** Settings with one field, to read it with types. */
  #one(at: number, names: readonly string[]): Settings {
    const value = this.#value(at, names);
    return new Settings(this.call.name, value === undefined ? {} : { [names[0] ?? '']: value });
  }

  raw(at: number, ...names: readonly string[]): Json | undefined {
    return this.#value(at, names);
  }

  whole(at: number, name: string, otherwise?: number): number {
    return this.#one(at, [name]).whole(name, otherwise);
  }

  real(at: number, names: readonly string[], otherwise?: number): number {
    return this.#one(at, names).real(names[0] ?? '', otherwise);
  }

  flag(at: number, names: readonly string[], otherwise: boolean): boolean {
    return this.#one(at, names).flag(names[0] ?? '', otherwise);
  }

  text(at: number, name: string, otherwise?: string): string {
    return this.#one(at, [name]).text(name, otherwise);
  }

  /** One number or several; undefined where None. */
  wholes(at: number, ...names: readonly string[]): readonly number[] | undefined {
    const value = this.#value(at, names);
    if (value === undefined || value === null) return undefined;
    return this.#one(at, names).wholes(names[0] ?? '');
  }

  dtype(at: number, name: string, otherwise: DType): DType {
    const value = this.#value(at, [name]);
    if (value === undefined || value === null) return otherwise;
    const dtype = tensorDtype(value);
    if (dtype === undefined) throw new Unsupported('it makes a type of number that is not known here.');
    return dtype;
  }

  /** The first argument as a tensor. */
  get x(): Operand {
    return this.operand(
      0,
      'f32',
      'x',
      'input',
      'inputs',
      'a',
      'x1',
      'tensor',
      'images',
      'features',
      'logits',
      'value',
      'params',
      'input_tensor',
      'condition',
    );
  }

  /** A tensor, or a constant as one of that type. */
  operand(at: number, dtype: DType, ...names: readonly string[]): Operand {
    const found = this.optional(at, dtype, ...names);
    if (found !== undefined) return found;
    throw new Unsupported(`its argument ${at < 0 ? (names[0] ?? '') : at + 1} is not in the configuration.`);
  }

  optional(at: number, dtype: DType, ...names: readonly string[]): Operand | undefined {
    const given = this.given(at, ...names);
    if (given === undefined || (given.kind === 'value' && given.value === null)) return undefined;
    if (given.kind === 'tensor') return given.operand;
    if (given.kind === 'list') throw new Unsupported('one of its arguments is a list of tensors.');
    return this.constant(given.value, dtype);
  }

  constant(value: Json, dtype: DType): Operand {
    if (typeof value === 'number') return this.lowering.small(value, dtype);
    if (typeof value === 'boolean') return this.lowering.small(value ? 1 : 0, dtype);
    const { values, shape } = new Settings(this.call.name, { value: arrayOf(value) }).array('value');
    const flat = this.lowering.small(values, dtype);
    return shape.length === 1 ? flat : this.lowering.reshape(flat, shape, { name: this.call.part('constant') });
  }

  /** All tensors of a list argument. */
  list(at: number, ...names: readonly string[]): readonly Operand[] {
    const given = this.given(at, ...names);
    return given === undefined ? [] : operandsOf(given);
  }

  /** Two arguments of one type, as they are combined element by element. */
  pair(): readonly [Operand, Operand] {
    const first = this.given(0, 'x', 'x1', 'a', 'input');
    const second = this.given(1, 'y', 'x2', 'b', 'other');
    const types = [first, second].flatMap((one) => (one?.kind === 'tensor' ? [this.lowering.dtype(one.operand)] : []));
    const reals = [first, second].some((one) => one?.kind === 'value' && hasFraction(one.value));
    const dtype = common(types, reals);
    const a = this.operand(0, dtype, 'x', 'x1', 'a', 'input');
    const b = this.operand(1, dtype, 'y', 'x2', 'b', 'other');
    return [this.call.cast(a, dtype, 'a'), this.call.cast(b, dtype, 'b')];
  }

  own(op: string, inputs: readonly (Operand | null)[], attrs: Readonly<Record<string, AttrInput>> = {}): Operand {
    return this.call.own(op, inputs, attrs);
  }

  node(
    op: string,
    inputs: readonly (Operand | null)[],
    part: string,
    attrs: Readonly<Record<string, AttrInput>> = {},
  ): Operand {
    return this.call.node(op, inputs, part, attrs);
  }

  /** In float32. */
  real32(operand: Operand): Operand {
    return this.call.real(operand, 'x');
  }
}

/** Numbers inside objects of Python: numpy arrays, tuples, tensors. */
export function arrayOf(value: Json): Json {
  const made = classOf(value);
  if (made === undefined || !isObject(made.config)) return value;
  return fieldOf(made.config, 'value') ?? value;
}

function plainOf(given: Given): Json | undefined {
  if (given.kind === 'value') return arrayOf(given.value);
  if (given.kind === 'tensor') return undefined;
  const items = given.items.map(plainOf);
  return items.every((one) => one !== undefined) ? items : undefined;
}

function hasFraction(value: Json): boolean {
  if (typeof value === 'number') return !Number.isInteger(value);
  return isList(value) && value.some(hasFraction);
}

function common(types: readonly (DType | null)[], reals: boolean): DType {
  const known = types.filter((type) => type !== null);
  if (known.length === 0 || known.some(isFloat)) return 'f32';
  if (reals) return 'f32';
  const [first = 'f32'] = known;
  const numeric = known.filter((type) => kindOf(type) !== 'bool');
  if (numeric.length === 0) return first;
  return numeric.includes('i64') ? 'i64' : (numeric[0] ?? first);
}
