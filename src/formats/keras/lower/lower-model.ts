/** Walks a model from its outputs back to its inputs and lowers each call of each layer once, nested models in their place. */
import { PareError } from '#base/failure.ts';
import type { Json, KerasWeights } from '#formats/keras/archive.ts';
import { tensorsOfCall, type Argument, type CallRecord, type TensorRef } from '#formats/keras/config/calls.ts';
import { fieldOf } from '#formats/keras/config/json.ts';
import {
  isModelRecord,
  readModelRecord,
  type LayerRecord,
  type ModelRecord,
} from '#formats/keras/config/model-config.ts';
import { Settings } from '#formats/keras/config/settings.ts';
import { rowOf } from '#formats/keras/layers/table.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import { dtypeName, isQuantized } from './dtype.ts';
import { LayerCall, operandsOf, type Given, type InnerLayer, type LayerState } from './layer-call.ts';
import { passMasks } from './masks.ts';
import { quantizedByKeras, refusalOf, typeOf, unknownClass } from './refusal.ts';
import { LayerWeights, type MadeWeights } from './weights.ts';

const DEEPEST = 32;
/** Calls of layers in all: models that call each other twice at every level double with each. */
const MOST_CALLS = 50_000;

/** What all layers of a file share. */
export class ModelScope {
  readonly lowering: Lowering;
  readonly version: number;
  readonly masks = new WeakMap<Operand, Operand>();
  readonly made: MadeWeights = new Map();
  readonly #weights: KerasWeights;
  readonly #states = new Map<string, LayerState>();
  /** Types other than float32 that layers were meant to compute in. */
  readonly otherTypes = new Set<string>();
  readonly calls = { count: 0 };

  constructor(lowering: Lowering, version: number, weights: KerasWeights) {
    this.lowering = lowering;
    this.version = version;
    this.#weights = weights;
  }

  stateOf(path: readonly string[]): LayerState {
    const key = path.join('\n');
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const weights = LayerWeights.of(this.lowering, path.join('/'), this.#weights.layer(path), this.made);
    const state = { weights, made: new Map<string, Operand>() };
    this.#states.set(key, state);
    return state;
  }

  /** As this one, with the weights of a model inside a layer. */
  within(weights: KerasWeights): ModelScope {
    const inner = new ModelScope(this.lowering, this.version, weights);
    return Object.assign(inner, { masks: this.masks, otherTypes: this.otherTypes, calls: this.calls });
  }
}

interface Place {
  /** Names of the models around, outermost first. */
  readonly path: readonly string[];
  /** What names of nodes begin with. */
  readonly prefix: string;
}

/** A call of a layer in the walk. */
interface Step {
  readonly layer: LayerRecord;
  readonly at: number;
  readonly key: string;
}

/** Gives the outputs of a model for its inputs. */
export function lowerModel(
  scope: ModelScope,
  model: ModelRecord,
  inputs: readonly Operand[],
  place: Place = { path: [], prefix: '' },
): readonly Operand[] {
  if (place.path.length > DEEPEST) {
    throw new PareError({ code: 'keras/too-deep', place: model.name, problem: 'Models are nested too deeply.' });
  }
  const results = new Map<string, readonly Operand[]>();
  for (const [at, ref] of model.inputs.entries()) {
    const input = inputs[at];
    if (input === undefined) {
      throw damaged(model.name, `It takes ${model.inputs.length} inputs, but is called on ${inputs.length}.`);
    }
    results.set(stepKey(ref.layer, ref.call), [input]);
  }
  const walk: Walk = { scope, model, results, wanted: outputsWanted(model), types: typesTold(model), place };
  for (const output of model.outputs) {
    for (const step of stepsBefore(model, output, results)) {
      results.set(step.key, lowerStep(walk, step));
    }
  }
  return model.outputs.map((ref) => resultOf(results, ref, model.name));
}

function stepKey(layer: string, call: number): string {
  return `${layer}\n${call}`;
}

function resultOf(results: ReadonlyMap<string, readonly Operand[]>, ref: TensorRef, place: string): Operand {
  const operand = results.get(stepKey(ref.layer, ref.call))?.[ref.output];
  if (operand !== undefined) return operand;
  throw damaged(place, `It uses output ${ref.output} of layer "${ref.layer}", which has no such output.`);
}

/** How many outputs of each call others refer to. */
function outputsWanted(model: ModelRecord): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  const all = [...model.layers.values()].flatMap((layer) => layer.calls.flatMap(tensorsOfCall));
  for (const { layer, call, output } of [...all, ...model.outputs]) {
    const key = stepKey(layer, call);
    wanted.set(key, Math.max(wanted.get(key) ?? 1, Math.min(output, 1000) + 1));
  }
  return wanted;
}

/** The calls that a tensor needs and that have no result yet, in an order in which each finds its inputs. */
function* stepsBefore(
  model: ModelRecord,
  output: TensorRef,
  results: ReadonlyMap<string, readonly Operand[]>,
): Generator<Step> {
  const open = new Set<string>();
  const stack: { readonly step: Step; readonly needs: TensorRef[] }[] = [];
  const enter = (ref: TensorRef): void => {
    const step = stepOf(model, ref);
    if (open.has(step.key)) throw damaged(step.layer.name, 'It takes part in a circle: it needs its own result.');
    open.add(step.key);
    const call = step.layer.calls[step.at];
    stack.push({ step, needs: call === undefined ? [] : tensorsOfCall(call).toReversed() });
  };
  if (!results.has(stepKey(output.layer, output.call))) enter(output);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.needs.pop();
    if (next === undefined) {
      stack.pop();
      open.delete(top.step.key);
      yield top.step;
    } else if (!results.has(stepKey(next.layer, next.call))) enter(next);
  }
}

function stepOf(model: ModelRecord, ref: TensorRef): Step {
  const layer = model.layers.get(ref.layer);
  if (layer === undefined) throw damaged(model.name, `It refers to a layer "${ref.layer}", which it does not list.`);
  const at = ref.call - layer.firstCall;
  if (layer.className === 'InputLayer') {
    throw damaged(model.name, `Its layer "${layer.name}" is an input that the model does not name as one.`);
  }
  if (layer.calls[at] === undefined) {
    throw damaged(
      model.name,
      `It refers to call ${ref.call} of layer "${ref.layer}", which is called ${layer.calls.length} times.`,
    );
  }
  return { layer, at, key: stepKey(ref.layer, ref.call) };
}

function damaged(place: string, problem: string): PareError {
  return new PareError({
    code: 'keras/connections',
    place,
    problem,
    hint: 'The configuration is damaged: save the model again.',
  });
}

interface Walk {
  readonly scope: ModelScope;
  readonly model: ModelRecord;
  readonly results: ReadonlyMap<string, readonly Operand[]>;
  readonly wanted: ReadonlyMap<string, number>;
  readonly types: () => ReadonlyMap<string, TensorRef['type']>;
  readonly place: Place;
}

function lowerStep({ scope, results, wanted, types, place }: Walk, { layer, at, key }: Step): readonly Operand[] {
  const record = layer.calls[at] as CallRecord;
  const give = (argument: Argument): Given => {
    if (argument.kind === 'tensor') {
      return { kind: 'tensor', operand: resultOf(results, argument.tensor, layer.name) };
    }
    return argument.kind === 'list' ? { ...argument, items: argument.items.map(give) } : argument;
  };
  scope.calls.count++;
  if (scope.calls.count > MOST_CALLS) {
    const problem = `The model calls its layers more than ${MOST_CALLS} times.`;
    throw new PareError({ code: 'keras/too-large', place: layer.name, problem });
  }
  return lowerLayer(scope, {
    name: `${place.prefix}${layer.name}${at === 0 ? '' : `/call_${at + 1}`}`,
    className: layer.className,
    config: layer.config,
    path: [...place.path, layer.name],
    positional: record.positional.map(give),
    named: new Map([...record.named].map(([name, argument]) => [name, give(argument)])),
    outputs: wanted.get(key) ?? 1,
    type: (output) => types().get(`${key}\n${output}`),
  });
}

/** What Keras 3 says of outputs where they are used; looked up only for layers that stay opaque. */
function typesTold(model: ModelRecord): () => ReadonlyMap<string, TensorRef['type']> {
  let told: Map<string, TensorRef['type']> | undefined;
  return () => {
    if (told !== undefined) return told;
    told = new Map();
    for (const ref of [...model.layers.values()].flatMap((layer) => layer.calls.flatMap(tensorsOfCall))) {
      told.set(`${stepKey(ref.layer, ref.call)}\n${ref.output}`, ref.type);
    }
    return told;
  };
}

interface LayerToLower {
  readonly name: string;
  readonly className: string;
  readonly config: LayerRecord['config'];
  readonly path: readonly string[];
  readonly positional: readonly Given[];
  readonly named: ReadonlyMap<string, Given>;
  readonly outputs: number;
  readonly type: (output: number) => TensorRef['type'];
}

function lowerLayer(scope: ModelScope, layer: LayerToLower): readonly Operand[] {
  const { name, className, config, path } = layer;
  noteType(scope, config);
  if (isModelRecord(className, config)) {
    const model = readModelRecord(className, config, name);
    return lowerModel(scope, model, inputsFor(model, layer), { path, prefix: `${name}/` });
  }
  return lowerCall(scope, callOf(scope, layer, scope.stateOf(path)), layer.outputs, layer.type);
}

/** Inputs of a nested model in its order: by name where the call names them. */
function inputsFor(model: ModelRecord, { positional, named }: LayerToLower): readonly Operand[] {
  const [first] = positional;
  if (first?.kind === 'list' && first.keys !== undefined) {
    const byKey = new Map(first.keys.map((key, at) => [key, first.items[at]] as const));
    const found = model.inputNames.map((key) => byKey.get(key));
    if (found.every((one) => one !== undefined)) return found.flatMap(operandsOf);
  }
  const operands = positional.flatMap(operandsOf);
  return operands.length > 0 ? operands : [...named.values()].flatMap(operandsOf);
}

function noteType(scope: ModelScope, config: LayerRecord['config']): void {
  const type = dtypeName(fieldOf(config, 'dtype'));
  if (type !== undefined && /float/.test(type) && type !== 'float32') scope.otherTypes.add(type);
}

function callOf(
  scope: ModelScope,
  { name, className, config, positional, named }: LayerToLower,
  state: LayerState,
): LayerCall {
  return new LayerCall({
    lowering: scope.lowering,
    version: scope.version,
    name,
    className,
    settings: new Settings(name, config),
    state,
    positional,
    named,
    masks: scope.masks,
    inner: (part) => lowerInner(scope, state, part),
  });
}

function lowerCall(
  scope: ModelScope,
  call: LayerCall,
  outputs: number,
  type: LayerToLower['type'],
): readonly Operand[] {
  const { className } = call.parts;
  const row = rowOf(className, call.settings.fields);
  try {
    if (row === undefined) throw unknownClass(className);
    if (isQuantized(call.settings.raw('dtype'))) throw quantizedByKeras();
    const made = row.lower(call);
    const list = 'id' in made ? [made] : made;
    // A layer that changes nothing gives its input; another operand of it keeps masks apart.
    const fresh = list.map((operand) => ({ ...operand }));
    passMasks(call, row, fresh);
    return fresh;
  } catch (error) {
    const refusal = refusalOf(call, error);
    if (refusal === undefined) throw error;
    return scope.lowering.opaque(className, call.tensors, {
      name: call.name,
      outputs: Array.from({ length: outputs }, (_, at) => (at === 0 ? call.name : `${call.name}_${at}`)),
      domain: 'keras',
      reason: refusal.reason,
      hint: refusal.hint,
      types: Array.from({ length: outputs }, (_, at) => typeOf(type(at))),
    });
  }
}

/** A layer inside a layer: its weights are part of the outer one's. */
function lowerInner(scope: ModelScope, state: LayerState, part: InnerLayer): readonly Operand[] {
  const { name, className, config, weights, inputs } = part;
  if (isModelRecord(className, config)) {
    const model = readModelRecord(className, config, name);
    const records = weights.records();
    const inside = scope.within({ layer: (path) => recordsUnder(records, path) });
    return lowerModel(inside, model, inputs, { path: [], prefix: `${name}/` });
  }
  const settings = new Settings(name, recordOf(config));
  const row = rowOf(className, settings.fields);
  if (row === undefined) throw unknownClass(className);
  const prefix = `${part.key}\n`;
  const call = new LayerCall({
    lowering: scope.lowering,
    version: scope.version,
    name,
    className,
    settings,
    state: { weights, made: prefixed(state.made, prefix) },
    positional: [{ kind: 'list', items: inputs.map((operand): Given => ({ kind: 'tensor', operand })) }],
    named: part.named ?? new Map(),
    masks: scope.masks,
    inner: (deeper) => lowerInner(scope, state, { ...deeper, key: `${part.key}/${deeper.key}` }),
  });
  const made = row.lower(call);
  return 'id' in made ? [made] : made;
}

function recordOf(config: Json): LayerRecord['config'] {
  return typeof config === 'object' && config !== null && !Array.isArray(config)
    ? (config as LayerRecord['config'])
    : {};
}

/** Weights of a layer of a model inside a layer: those whose path goes through all the names. */
function recordsUnder(records: ReturnType<LayerWeights['records']>, path: readonly string[]): typeof records {
  return records.flatMap((record) => {
    let parts = record.name.split('/');
    for (const name of path) {
      const at = parts.indexOf(name);
      if (at === -1) return [];
      parts = parts.slice(at + 1);
    }
    return [{ ...record, name: parts.join('/') }];
  });
}

/** The same map, seen through keys of one part. */
function prefixed(made: Map<string, Operand>, prefix: string): Map<string, Operand> {
  const seen = new Map<string, Operand>();
  for (const [key, operand] of made) if (key.startsWith(prefix)) seen.set(key.slice(prefix.length), operand);
  seen.set = (key, operand) => {
    made.set(prefix + key, operand);
    return Map.prototype.set.call(seen, key, operand) as Map<string, Operand>;
  };
  return seen;
}
