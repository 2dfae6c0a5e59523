/**
 * How layers are called: the `inbound_nodes` of Keras 2 (`[[["conv", 0, 0, {}]]]`, and unwrapped for operators of TensorFlow) and of
 * Keras 3 (`{ args, kwargs }` with tensors as objects) as one form.
 */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';
import { classOf, fieldOf, isList, isObject, type JsonObject } from './json.ts';

/** Output `output` of call `call` of a layer. */
export interface TensorRef {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
  /** What Keras 3 says of the tensor. */
  readonly type?: { readonly dtype: Json; readonly shape: Json };
}

export type Argument =
  | { readonly kind: 'tensor'; readonly tensor: TensorRef }
  | { readonly kind: 'list'; readonly items: readonly Argument[]; readonly keys?: readonly string[] }
  | { readonly kind: 'value'; readonly value: Json };

export interface CallRecord {
  readonly positional: readonly Argument[];
  readonly named: ReadonlyMap<string, Argument>;
}

const DEEPEST = 24;
const CONSTANT = '_CONSTANT_VALUE';

/** All calls of a layer. */
export function readCalls(nodes: Json | undefined, place: string): readonly CallRecord[] {
  if (nodes === undefined || nodes === null) return [];
  if (!isList(nodes)) throw malformed(place);
  return nodes.map((node) => readCall(node, place));
}

function readCall(node: Json, place: string): CallRecord {
  if (isObject(node)) {
    const args = fieldOf(node, 'args');
    const kwargs = fieldOf(node, 'kwargs');
    return {
      positional: (isList(args) ? args : []).map((one) => readArgument(one, place, 0)),
      named: readNamed(isObject(kwargs) ? kwargs : {}, (one) => readArgument(one, place, 0)),
    };
  }
  if (!isList(node)) throw malformed(place);
  // An operator called on one tensor is written without the list around it.
  if (isTensorList(node)) {
    const { argument, named } = readLegacy(node, place);
    return { positional: [argument], named };
  }
  const inputs = flattened(node, 0).map((one) => readLegacy(one, place));
  const items = inputs.map(({ argument }) => argument);
  return {
    positional: items.length === 1 ? items : [{ kind: 'list', items }],
    named: inputs[0]?.named ?? new Map(),
  };
}

/** `[name, call, output]` or `[name, call, output, kwargs]`. */
function isTensorList(value: Json): value is readonly Json[] {
  return (
    isList(value) &&
    (value.length === 3 || value.length === 4) &&
    typeof value[0] === 'string' &&
    typeof value[1] === 'number' &&
    (typeof value[2] === 'number' || value[0] === CONSTANT)
  );
}

function flattened(value: Json, depth: number): readonly (readonly Json[])[] {
  if (isTensorList(value)) return [value];
  if (depth > DEEPEST) return [];
  if (isList(value)) return value.flatMap((one) => flattened(one, depth + 1));
  if (isObject(value)) return Object.values(value).flatMap((one) => flattened(one, depth + 1));
  return [];
}

function readLegacy(
  record: readonly Json[],
  place: string,
): { readonly argument: Argument; readonly named: ReadonlyMap<string, Argument> } {
  const kwargs = record[3];
  const named = readNamed(isObject(kwargs) ? kwargs : {}, (one) => readLegacyValue(one, 0));
  if (record[0] === CONSTANT) return { argument: { kind: 'value', value: record[2] ?? null }, named };
  return { argument: { kind: 'tensor', tensor: refOf(record, place) }, named };
}

/** A value among the named arguments of Keras 2: tensors are lists of a layer's name and two numbers. */
function readLegacyValue(value: Json, depth: number): Argument {
  if (isList(value) && value.length === 3 && isTensorList(value)) {
    const [layer, call, output] = value as readonly [string, number, number];
    return { kind: 'tensor', tensor: { layer, call, output } };
  }
  if (isList(value) && depth < DEEPEST) {
    const items = value.map((one) => readLegacyValue(one, depth + 1));
    if (items.some((one) => one.kind !== 'value')) return { kind: 'list', items };
  }
  return { kind: 'value', value };
}

function readArgument(value: Json, place: string, depth: number): Argument {
  const made = classOf(value);
  if (made?.name === '__keras_tensor__' && isObject(made.config)) {
    const history = fieldOf(made.config, 'keras_history');
    if (!isList(history)) throw malformed(place);
    const type = { dtype: fieldOf(made.config, 'dtype') ?? null, shape: fieldOf(made.config, 'shape') ?? null };
    return { kind: 'tensor', tensor: { ...refOf(history, place), type } };
  }
  if (isList(value) && depth < DEEPEST) {
    const items = value.map((one) => readArgument(one, place, depth + 1));
    if (items.some((one) => one.kind !== 'value')) return { kind: 'list', items };
  }
  // Tuples and other objects of Python carry their content along.
  if (isObject(value) && made !== undefined && depth < DEEPEST) {
    const inner = made.name === '__tuple__' ? fieldOf(value, 'items') : undefined;
    if (inner !== undefined) return readArgument(inner, place, depth + 1);
  }
  if (isObject(value) && made === undefined && depth < DEEPEST) {
    const items = Object.values(value).map((one) => readArgument(one, place, depth + 1));
    if (items.some((one) => one.kind !== 'value')) return { kind: 'list', items, keys: Object.keys(value) };
  }
  return { kind: 'value', value };
}

function readNamed(object: JsonObject, read: (value: Json) => Argument): ReadonlyMap<string, Argument> {
  return new Map(Object.entries(object).map(([name, value]) => [name, read(value)]));
}

function refOf(list: readonly Json[], place: string): TensorRef {
  const [layer, call, output] = list;
  if (typeof layer === 'string' && typeof call === 'number' && typeof output === 'number') {
    return { layer, call, output };
  }
  throw malformed(place);
}

/** `["x", 0, 0]`, a list of such, or an object of such: the inputs or outputs of a model, in order. */
export function readRefs(value: Json | undefined, place: string): readonly TensorRef[] {
  const found = flattened(value ?? null, 0).map((one) => refOf(one, place));
  if (found.length > 0) return found;
  throw malformed(place);
}

/** All tensors in an argument, in order. */
export function tensorsOf(argument: Argument): readonly TensorRef[] {
  if (argument.kind === 'tensor') return [argument.tensor];
  return argument.kind === 'list' ? argument.items.flatMap(tensorsOf) : [];
}

export function tensorsOfCall(call: CallRecord): readonly TensorRef[] {
  return [...call.positional, ...call.named.values()].flatMap(tensorsOf);
}

function malformed(place: string): PareError {
  return new PareError({
    code: 'keras/connections',
    place,
    problem: 'The record of what it is connected to cannot be understood.',
    hint: 'The configuration is damaged: save the model again.',
  });
}
