/**
 * Which tensor of the checkpoint a variable of the graph holds. Three sources say it, best first: the operators that restore
 * the model, the object graph of TensorFlow 2, and the variable's own name, which is the key in TensorFlow 1.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { unpackStrings } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import { fieldOf, messagesOf, schema } from '#wire/protobuf/message.ts';
import type { Message } from '#wire/protobuf/message.ts';
import type { FlatNode } from '#formats/tensorflow/flat.ts';
import type { Variables } from '#formats/tensorflow/freeze.ts';
import { dtypeOfCode } from '#formats/tensorflow/graph-def/data-type.ts';
import type { RawFunction, RawGraph, RawNode } from '#formats/tensorflow/graph-def/raw.ts';
import type { Bundle } from './bundle.ts';

const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';
const OBJECT = { nodes: 1, attributes: 2 } as const;
const ATTRIBUTE = { name: 1, fullName: 2, key: 3 } as const;
const OBJECT_GRAPH_SCHEMA = schema('TrackableObjectGraph', {
  [OBJECT.nodes]: schema('TrackableObject', { [OBJECT.attributes]: schema('SerializedTensor') }),
});

/** Variables of a SavedModel. Without a bundle (a lone .pb file) each is refused when it is needed. */
export async function savedVariables(
  source: ByteSource,
  graph: RawGraph,
  bundle: Bundle | undefined,
  store: WeightStore,
): Promise<Variables> {
  const restored = restoredKeys(graph);
  const named = bundle === undefined ? new Map<string, string>() : await objectKeys(bundle);
  return {
    async read(handle) {
      const shared = textAttr(handle, 'shared_name');
      if (bundle === undefined) throw noBundle(source, handle, shared);
      const candidates = [restored.get(handle.name), named.get(shared), shared, handle.name];
      const key = candidates.find((candidate) => candidate !== undefined && bundle.has(candidate));
      if (key === undefined) {
        throw new PareError({
          code: 'savedmodel/variable',
          file: source.name,
          place: `variable ${shared === '' ? handle.name : shared}`,
          problem: 'The checkpoint holds no value for it.',
          hint: 'Save the model again after its variables were given values.',
        });
      }
      const loaded = await bundle.load(key, store);
      const dtype = handle.attrs.get('dtype');
      const wanted = dtype?.kind === 'type' ? dtypeOfCode(dtype.value) : null;
      if (wanted !== null && wanted !== loaded.tensor.dtype) {
        throw new PareError({
          code: 'savedmodel/variable-type',
          file: source.name,
          place: `variable ${shared}`,
          problem: `The graph wants it as ${wanted}, the checkpoint has it as ${loaded.tensor.dtype}.`,
          hint: 'Graph and variables belong to different models: get the whole folder again.',
        });
      }
      return loaded;
    },
  };
}

/** A frozen graph has no variables left. */
export function noVariables(file: string): Variables {
  return {
    read(handle) {
      const error = new PareError({
        code: 'savedmodel/not-frozen',
        file,
        place: `variable ${handle.name}`,
        problem: 'The graph reads a variable, so it is not frozen, and its weights lie elsewhere.',
        hint: 'Freeze it (convert_variables_to_constants) or open the whole SavedModel folder.',
      });
      return Promise.reject(error);
    },
  };
}

function noBundle(source: ByteSource, handle: FlatNode, shared: string): PareError {
  return new PareError({
    code: 'savedmodel/variables-missing',
    file: source.name,
    place: `variable ${shared === '' ? handle.name : shared}`,
    problem: 'Its weights lie in "variables/variables.index" and the files beside that, which are not there.',
    hint: 'Open the whole folder of the SavedModel, or its zip.',
  });
}

/** Names of variables to keys of the checkpoint, as TensorFlow 2 notes them. A name that stands for several is left out. */
async function objectKeys(bundle: Bundle): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  if (!bundle.has(OBJECT_GRAPH)) return keys;
  const [bytes] = await bundle.texts(OBJECT_GRAPH);
  if (bytes === undefined) return keys;
  const several = new Set<string>();
  for (const node of messagesOf(decodeBytes(bytes, OBJECT_GRAPH_SCHEMA, OBJECT_GRAPH), OBJECT.nodes)) {
    for (const attribute of messagesOf(node, OBJECT.attributes)) {
      const name = text(attribute, ATTRIBUTE.fullName);
      const key = text(attribute, ATTRIBUTE.key);
      if (name === '' || key === '') continue;
      const known = keys.get(name);
      if (known !== undefined && known !== key) several.add(name);
      keys.set(name, key);
    }
  }
  for (const name of several) keys.delete(name);
  return keys;
}

/** Names of variables' nodes to keys, by the operators that restore them: `Assign(variable, RestoreV2(names)[index])`. */
function restoredKeys(graph: RawGraph): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const top = new Map(graph.nodes.map((node) => [node.name, node]));
  collect(graph.nodes, top, new Map(), keys);
  for (const node of graph.nodes) {
    const f = node.attrs.get('f');
    const fn = f?.kind === 'function' ? graph.functions.get(f.value) : undefined;
    if (fn === undefined || !fn.nodes.some(({ op }) => op === 'RestoreV2')) continue;
    collect(fn.nodes, new Map(fn.nodes.map((inner) => [inner.name, inner])), argumentsOf(node, fn, top), keys);
  }
  return keys;
}

/** Arguments of a call that are variables of the graph around it. */
function argumentsOf(call: RawNode, fn: RawFunction, top: ReadonlyMap<string, RawNode>): ReadonlyMap<string, string> {
  const bound = new Map<string, string>();
  const inputs = call.inputs.filter((input) => !input.startsWith('^'));
  for (const [index, { name }] of fn.inputs.entries()) {
    const given = inputs[index]?.split(':')[0];
    if (given !== undefined && top.get(given)?.op === 'VarHandleOp') bound.set(name, given);
  }
  return bound;
}

const ASSIGNS = new Set(['Assign', 'AssignVariableOp']);
const VARIABLES = new Set(['VarHandleOp', 'VariableV2', 'Variable']);

function collect(
  nodes: readonly RawNode[],
  byName: ReadonlyMap<string, RawNode>,
  args: ReadonlyMap<string, string>,
  keys: Map<string, string>,
): void {
  for (const node of nodes) {
    const [target, value] = node.inputs;
    if (!ASSIGNS.has(node.op) || target === undefined || value === undefined) continue;
    const name = nameIn(target);
    const variable = args.get(name) ?? (VARIABLES.has(byName.get(name)?.op ?? '') ? name : undefined);
    const key = restoredKey(value, byName);
    if (variable !== undefined && key !== undefined) keys.set(variable, key);
  }
}

/** The name that a RestoreV2 reads for this output, through Identity. */
function restoredKey(value: string, byName: ReadonlyMap<string, RawNode>): string | undefined {
  let at = value;
  for (let steps = 0; steps < 8; steps++) {
    const node = byName.get(nameIn(at));
    const [first, names] = node?.inputs ?? [];
    if (node?.op === 'Identity' && first !== undefined) {
      at = first;
      continue;
    }
    if (node?.op !== 'RestoreV2' || names === undefined) return undefined;
    const constant = byName.get(nameIn(names))?.attrs.get('value');
    const bytes = constant?.kind === 'tensor' ? constant.value.small() : undefined;
    const listed = bytes === undefined ? undefined : unpackStrings(bytes)[Number(at.split(':').at(-1)) || 0];
    return listed === undefined ? undefined : UTF8.decode(listed);
  }
  return undefined;
}

const UTF8 = new TextDecoder('utf-8');

function nameIn(reference: string): string {
  return reference.split(':')[0] ?? '';
}

function text(message: Message, number: number): string {
  const bytes = fieldOf(message, number)?.bytes;
  return bytes === undefined ? '' : UTF8.decode(bytes);
}

function textAttr(node: FlatNode, name: string): string {
  const attr = node.attrs.get(name);
  return attr?.kind === 'string' ? attr.value : '';
}
