/** Functions between layers, as rows of the layer table: operations of Keras 3, TFOpLambda, SlicingOpLambda, TensorFlowOpLayer. */
import { fieldOf, isObject } from '#formats/keras/config/json.ts';
import type { Json } from '#formats/keras/archive.ts';
import type { Given, LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { LayerRow } from '#formats/keras/layers/row.ts';
import { ARRANGING } from './arranging.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { IMAGES } from './images.ts';
import { OperationCall, type Operation, type Operations } from './operation-call.ts';
import { REDUCTIONS } from './reductions.ts';

export const OPERATIONS: Operations = { ...ELEMENTWISE, ...REDUCTIONS, ...ARRANGING, ...IMAGES };

function operationOf(name: string): Operation | undefined {
  return Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
}

/** `TrueDivide` to `true_divide`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** An operation of keras.ops by its class name. */
export function kerasOperation(className: string): LayerRow | undefined {
  const operation = operationOf(snakeCase(className));
  if (operation === undefined) return undefined;
  return { lower: (call) => operation(new OperationCall(call, true, call.parts.positional, call.parts.named)) };
}

function unknown(name: string): Unsupported {
  return new Unsupported(
    `the function ${name} of TensorFlow is not known here.`,
    'Replace it by a layer of Keras, or export the model as a SavedModel or TFLite file and open that.',
  );
}

/** `math.add`, `__operators__.add`, `compat.v1.transpose`: the last word tells. */
function tensorflowFunction(call: LayerCall): ReturnType<Operation> {
  const name = call.settings.text('function');
  const operation = operationOf(name.slice(name.lastIndexOf('.') + 1));
  if (operation === undefined) throw unknown(`tf.${name}`);
  return operation(new OperationCall(call, false, call.parts.positional, call.parts.named));
}

/** TensorFlow 2.0 to 2.3 kept the operator itself: its record, and the inputs that are constants by their place. */
function tensorflowOperator(call: LayerCall): ReturnType<Operation> {
  const given = call.settings.raw('node_def');
  const record: Json | undefined = typeof given === 'string' ? parsed(given) : given;
  if (!isObject(record)) throw new Unsupported('its operator is not written in a form that is known here.');
  const op = fieldOf(record, 'op');
  const operation = typeof op === 'string' ? operationOf(snakeCase(op)) : undefined;
  if (operation === undefined) throw unknown(String(op));
  const constants = call.settings.raw('constants');
  const placed = new Map<number, Given>();
  if (isObject(constants)) {
    for (const [at, value] of Object.entries(constants)) placed.set(Number(at), { kind: 'value', value });
  }
  const tensors = [...call.inputs];
  const count = tensors.length + placed.size;
  const inputs = Array.from({ length: count }, (_, at): Given => {
    const constant = placed.get(at);
    const operand = constant === undefined ? tensors.shift() : undefined;
    return constant ?? (operand === undefined ? { kind: 'value', value: null } : { kind: 'tensor', operand });
  });
  const joined =
    op === 'ConcatV2' ? [{ kind: 'list' as const, items: inputs.slice(0, -1) }, ...inputs.slice(-1)] : inputs;
  return operation(new OperationCall(call, false, joined, attributes(fieldOf(record, 'attr'))));
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_BOOL: 'bool',
  DT_UINT8: 'uint8',
};

/** Texts are base64 in the JSON of a record. */
function decoded(text: string): string {
  try {
    return atob(text);
  } catch {
    return text;
  }
}

/** Attributes of an operator as named arguments. */
function attributes(record: Json | undefined): ReadonlyMap<string, Given> {
  const named = new Map<string, Given>();
  if (!isObject(record)) return named;
  const names: Readonly<Record<string, string>> = { DstT: 'dtype', keep_dims: 'keepdims', squeeze_dims: 'axis' };
  for (const [name, attribute] of Object.entries(record)) {
    if (!isObject(attribute)) continue;
    const [[kind, value] = []] = Object.entries(attribute);
    if (value === undefined || isObject(value)) continue;
    let plain = value;
    if (typeof value === 'string' && Object.hasOwn(TYPES, value)) plain = TYPES[value] ?? value;
    else if (kind === 's' && typeof value === 'string') plain = decoded(value);
    // Numbers of 64 bits are texts in the JSON of a record.
    else if (kind === 'i' && typeof value === 'string') plain = Number(value);
    named.set(Object.hasOwn(names, name) ? (names[name] ?? name) : name, { kind: 'value', value: plain });
  }
  return named;
}

export const FUNCTION_LAYERS: Readonly<Record<string, LayerRow>> = {
  TFOpLambda: { lower: tensorflowFunction },
  SlicingOpLambda: { lower: tensorflowFunction },
  TensorFlowOpLayer: { lower: tensorflowOperator },
};
