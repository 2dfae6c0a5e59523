/**
 * Inlines function calls, so that one flat list of nodes is left: what calls return is what their bodies compute. Conditions
 * that are known are decided; bodies of loops and of other branches become flat bodies of their own.
 *
 * Given:  x = Placeholder; y = PartitionedCall<f=double>(x)     double(a) { b = Add(a, a); return b:z:0 }
 * Result: x = Placeholder; y/b = Add(x, x)
 */
import { PareError } from '#base/failure.ts';
import type { Ends, FlatBody, FlatGraph, FlatInput } from './flat.ts';
import { BodyBuilder } from './flat.ts';
import type { RawAttr, RawFunction, RawGraph, RawNode } from './graph-def/raw.ts';
import type { TfOutput, TfRef } from './graph.ts';
import { callsOf, isCall, isTrainingSwitch, isWrite, writtenBy } from './inline-calls.ts';
import type { BodyContext } from './inline-control.ts';
import { branchOf, expandIf, expandMerge, expandSwitch, expandWhile, scalarConstant } from './inline-control.ts';
import type { Outputs, Scope } from './inline-scope.ts';
import { raiseArrays } from './inline-v1-arrays.ts';
import { raiseControlFlow } from './inline-v1.ts';
import { DEAD, dataInputs, executionOrder, parseReference, resolve } from './inline-scope.ts';

/** Calls inside calls. */
const MAX_DEPTH = 100;
const MAX_CALLS = 100_000;
const MAX_NODES = 1_000_000;
/** The same with those that only pass values on. */
const MAX_STEPS = 4_000_000;

/** Operators that give their inputs on. */
const ALIASES = new Set([
  'Identity',
  'IdentityN',
  'RefIdentity',
  'StopGradient',
  'PreventGradient',
  'Snapshot',
  'CheckNumerics',
  'CheckNumericsV2',
  'PlaceholderWithDefault',
]);
export function inlineGraph(raw: RawGraph, ends: Ends): FlatGraph {
  try {
    return new Inliner(raiseControlFlow(raiseArrays(raw))).graph(ends);
  } catch (error) {
    throw error instanceof PareError ? error.inFile(raw.file) : error;
  }
}

class Inliner implements BodyContext {
  readonly raw: RawGraph;
  readonly bodies = new Map<string, FlatBody>();
  readonly #written = new Set<string>();
  readonly #assumed: string[] = [];
  readonly #indices = new Map<RawFunction, ReadonlyMap<string, RawNode>>();
  readonly #stack: string[] = [];
  readonly #writers = new Map<string, boolean>();
  readonly #writing = new Map<RawFunction, readonly RawNode[]>();
  #calls = 0;
  #nodes = 0;
  #steps = 0;

  constructor(raw: RawGraph) {
    this.raw = raw;
  }

  graph(ends: Ends): FlatGraph {
    const builder = new BodyBuilder();
    const values = new Map<string, Outputs>();
    const nodes = indexNodes(this.raw.nodes);
    const inputs = feed(this.raw.file, builder, values, nodes, ends);
    const scope: Scope = {
      file: this.raw.file,
      builder,
      prefix: '',
      nodes,
      args: new Map(),
      attrs: new Map(),
      functions: this.raw.functions,
      values,
    };
    const roots = ends.outputs.flatMap(({ ref }) => parseReference(ref)?.name ?? []);
    const writes = callsOf(nodes, roots, values).filter((node) => this.#writes(node));
    this.#expand(scope, roots, writes);
    const outputs = ends.outputs.map(({ name, ref }) => ({ name, ref: this.#output(scope, ref, name) }));
    const body = builder.finish('', inputs, outputs);
    return { ...body, functions: this.bodies, written: this.#written, assumed: this.#assumed };
  }

  /** A function as a body of its own: loops and branches. `handles` are arguments that are bound to nodes around it. */
  body(
    fn: RawFunction,
    at: Scope,
    attrs: ReadonlyMap<string, RawAttr>,
    handles: readonly (TfRef | undefined)[],
    shapes: readonly (readonly (number | null)[] | null | undefined)[],
    keepOutput: (index: number) => boolean,
  ): FlatBody {
    const builder = new BodyBuilder();
    const args = new Map<string, TfRef>();
    const inputs: FlatInput[] = [];
    for (const [index, argument] of fn.inputs.entries()) {
      const handle = handles[index];
      const bound = handle === undefined ? undefined : at.builder.get(handle.node);
      if (handle !== undefined && bound !== undefined) {
        // The same variable may come in by several arguments.
        const known = builder.get(bound.name);
        args.set(argument.name, { node: known === undefined ? builder.add(bound) : known.name, output: handle.output });
        continue;
      }
      const type = typeOf(argument, attrs);
      const shape = shapes[index] ?? argument.shape ?? null;
      const node = builder.add(placeholder(argument.name, type, shape));
      args.set(argument.name, { node, output: 0 });
      inputs.push({ name: argument.name, node, type, shape });
    }
    const refs = this.#inside(fn, at, at.prefix, builder, args, attrs);
    const outputs: TfOutput[] = [];
    for (const [index, result] of fn.outputs.entries()) {
      const ref = refs[index];
      if (ref !== undefined && keepOutput(index))
        outputs.push({ name: result.name, ref: this.#alive(at, ref, result.name) });
    }
    return builder.finish(fn.name, inputs, outputs);
  }

  /** What a call of this function gives, its nodes being added to the caller's. */
  call(
    fn: RawFunction,
    at: Scope,
    node: RawNode,
    inputs: readonly TfRef[],
    attrs: ReadonlyMap<string, RawAttr>,
  ): readonly TfRef[] {
    if (inputs.length !== fn.inputs.length) {
      throw this.refuse(
        'arguments',
        at.prefix + node.name,
        `It calls "${fn.name}" with ${inputs.length} arguments, which takes ${fn.inputs.length}.`,
      );
    }
    const args = new Map(fn.inputs.map(({ name }, index) => [name, inputs[index] ?? DEAD]));
    return this.#inside(fn, at, `${at.prefix}${node.name}/`, at.builder, args, attrs);
  }

  function(name: string, node: RawNode, at: Scope): RawFunction {
    const found = this.raw.functions.get(name);
    if (found === undefined) {
      throw this.refuse('function', at.prefix + node.name, `It calls the function "${name}", which is not there.`);
    }
    if (textAttr(found.attrs.get('api_preferred_device')) !== 'GPU') return found;
    // Keras keeps a form for each device; TensorFlow chooses by what is there.
    const kind = textAttr(found.attrs.get('api_implements'));
    for (const other of kind === '' ? [] : this.raw.functions.values()) {
      const device = textAttr(other.attrs.get('api_preferred_device'));
      const alike = other.inputs.length === found.inputs.length && other.outputs.length === found.outputs.length;
      if (alike && device === 'CPU' && textAttr(other.attrs.get('api_implements')) === kind) return other;
    }
    return found;
  }

  refuse(code: string, place: string, problem: string): PareError {
    const hint = 'The file is damaged: export it again.';
    return new PareError({ code: `tensorflow/${code}`, file: this.raw.file, place, problem, hint });
  }

  #inside(
    fn: RawFunction,
    at: Scope,
    prefix: string,
    builder: BodyBuilder,
    args: ReadonlyMap<string, TfRef>,
    attrs: ReadonlyMap<string, RawAttr>,
  ): readonly TfRef[] {
    if (this.#stack.includes(fn.name)) {
      throw this.refuse('recursion', `function ${fn.name}`, 'The function calls itself, which no model does.');
    }
    if (this.#stack.length >= MAX_DEPTH || ++this.#calls > MAX_CALLS) {
      throw this.refuse(
        'calls',
        `function ${fn.name}`,
        `Functions call functions more than ${MAX_DEPTH} deep or ${MAX_CALLS} times.`,
      );
    }
    this.#stack.push(fn.name);
    let nodes = this.#indices.get(fn);
    if (nodes === undefined) this.#indices.set(fn, (nodes = indexNodes(fn.nodes)));
    const kind = fn.attrs.get('api_implements') ?? at.implements;
    const scope: Scope = {
      file: at.file,
      builder,
      prefix,
      nodes,
      args,
      attrs,
      functions: at.functions,
      values: new Map(),
      ...(kind === undefined ? {} : { implements: kind }),
    };
    const results = fn.outputs.map(({ name }) => {
      const ref = fn.results.get(name);
      if (ref === undefined) throw this.refuse('result', `function ${fn.name}`, `Its result "${name}" is not there.`);
      return ref;
    });
    const roots = results.flatMap((ref) => parseReference(ref)?.name ?? []);
    this.#expand(scope, roots, this.#writesOf(fn));
    this.#stack.pop();
    return results.map((ref) => resolve(scope, ref, fn.name));
  }

  /** Handles all nodes that the roots need, then those that write variables, to know which. */
  #expand(scope: Scope, roots: readonly string[], writes: readonly RawNode[]): void {
    for (const node of executionOrder(scope, roots)) scope.values.set(node.name, this.#handle(scope, node));
    for (const node of writes) {
      const [target] = isWrite(node) ? dataInputs(node) : [];
      const reached = target === undefined ? node.name : parseReference(target)?.name;
      if (reached === undefined) continue;
      for (const each of executionOrder(scope, [reached])) scope.values.set(each.name, this.#handle(scope, each));
      if (target !== undefined) this.#written.add(resolve(scope, target, node.name).node);
    }
  }

  #handle(scope: Scope, node: RawNode): Outputs {
    if (++this.#steps > MAX_STEPS) throw this.#tooMany(scope.prefix + node.name);
    const inputs = dataInputs(node).map((input) => resolve(scope, input, node.name));
    if (inputs.includes(DEAD) && node.op !== 'Merge' && node.op !== 'RefMerge') return { dead: true };
    if (ALIASES.has(node.op)) return { refs: inputs };
    const attrs = substituted(node.attrs, scope.attrs);
    if (isCall(node, this.raw)) {
      const f = attrs.get('f');
      const fn = this.function(f?.kind === 'function' ? f.value : node.op, node, scope);
      return { refs: this.call(fn, scope, node, inputs, f?.kind === 'function' ? f.attrs : attrs) };
    }
    switch (node.op) {
      case 'If':
      case 'StatelessIf':
        return expandIf(this, scope, node, inputs, attrs);
      case 'Case':
      case 'StatelessCase': {
        const chosen = branchOf(scope, attrs, inputs);
        if (chosen === undefined) break;
        const fn = this.function(chosen.value, node, scope);
        return { refs: this.call(fn, scope, node, inputs.slice(1), chosen.attrs) };
      }
      case 'While':
      case 'StatelessWhile':
        return expandWhile(this, scope, node, inputs, attrs);
      case 'Switch':
      case 'RefSwitch': {
        const decided = expandSwitch(scope, inputs);
        if (decided !== undefined) return decided;
        break;
      }
      case 'Merge':
      case 'RefMerge': {
        const decided = expandMerge(scope, node, inputs);
        if (decided !== undefined) return decided;
        break;
      }
      case 'DeviceIndex': {
        const names = attrs.get('device_names');
        const devices = names?.kind === 'list' ? names.value.map(textAttr) : [];
        const at = devices.indexOf('CPU');
        return { node: this.add(scope, scalarConstant(node.name, 'i32', at < 0 ? devices.length : at)) };
      }
      case 'Placeholder':
      case 'PlaceholderV2': {
        if (isTrainingSwitch(node)) {
          this.#assumed.push(scope.prefix + node.name);
          return { node: this.add(scope, scalarConstant(node.name, 'bool', 0)) };
        }
        throw new PareError({
          code: 'tensorflow/placeholder',
          file: this.raw.file,
          place: `node ${scope.prefix}${node.name}`,
          problem: 'The outputs need this placeholder, which is not among the inputs of the signature.',
          hint: 'Export a signature that has it as an input, or a default for it (placeholder_with_default).',
        });
      }
    }
    return { node: this.add(scope, { name: node.name, op: node.op, inputs, attrs }) };
  }

  add(
    scope: Scope,
    node: { name: string; op: string; inputs: readonly TfRef[]; attrs: ReadonlyMap<string, RawAttr> },
  ): string {
    if (++this.#nodes > MAX_NODES) throw this.#tooMany(scope.prefix + node.name);
    return scope.builder.add({ ...node, name: scope.prefix + node.name });
  }

  #tooMany(place: string): PareError {
    return this.refuse('nodes', place, `With all calls inlined there are more than ${MAX_NODES} nodes.`);
  }

  /** Nodes of a function that change variables when they run. */
  #writesOf(fn: RawFunction): readonly RawNode[] {
    let nodes = this.#writing.get(fn);
    if (nodes === undefined) this.#writing.set(fn, (nodes = fn.nodes.filter((node) => this.#writes(node))));
    return nodes;
  }

  /** Whether running the node changes a variable, itself or by what it calls. */
  #writes(node: RawNode): boolean {
    return writtenBy(node, this.raw, this.#writers);
  }

  #output(scope: Scope, ref: string, name: string): TfRef {
    return this.#alive(scope, resolve(scope, ref, `output ${name}`), name);
  }

  #alive(scope: Scope, ref: TfRef, name: string): TfRef {
    if (ref !== DEAD) return ref;
    throw this.refuse('dead', `${scope.prefix}${name}`, 'The output is computed only in a branch that is never taken.');
  }
}

/** Inputs as placeholders; whatever fed them before is cut off. */
function feed(
  file: string,
  builder: BodyBuilder,
  values: Map<string, Outputs>,
  nodes: ReadonlyMap<string, RawNode>,
  ends: Ends,
): readonly FlatInput[] {
  const fed = new Map<string, TfRef[]>();
  const inputs: FlatInput[] = [];
  for (const { name, ref, type, shape } of ends.inputs) {
    const target = parseReference(ref);
    if (target === undefined || !nodes.has(target.name)) {
      throw new PareError({
        code: 'tensorflow/input',
        file,
        place: `input ${name}`,
        problem: `It stands for "${ref.slice(0, 200)}", which is not in the graph.`,
        hint: 'The file is damaged: export it again.',
      });
    }
    const refs = fed.get(target.name) ?? [];
    let node = refs[target.index]?.node;
    if (node === undefined) {
      const spelled = target.index === 0 ? target.name : `${target.name}:${target.index}`;
      node = builder.add(placeholder(spelled, type, shape));
      refs[target.index] = { node, output: 0 };
      fed.set(target.name, refs);
    }
    inputs.push({ name, node, type, shape });
  }
  for (const [name, refs] of fed) values.set(name, { refs });
  return inputs;
}

function placeholder(
  name: string,
  type: number,
  shape: readonly (number | null)[] | null,
): { name: string; op: string; inputs: readonly TfRef[]; attrs: ReadonlyMap<string, RawAttr> } {
  const attrs = new Map<string, RawAttr>([
    ['dtype', { kind: 'type', value: type }],
    ['shape', { kind: 'shape', value: shape }],
  ]);
  return { name, op: 'Placeholder', inputs: [], attrs };
}

/** The first node of a name counts: names are unique in graphs that TensorFlow wrote. */
function indexNodes(nodes: readonly RawNode[]): ReadonlyMap<string, RawNode> {
  return new Map(nodes.map((node) => [node.name, node]));
}

function typeOf(
  argument: { readonly type: number; readonly typeAttr?: string },
  attrs: ReadonlyMap<string, RawAttr>,
): number {
  const told = argument.typeAttr === undefined ? undefined : attrs.get(argument.typeAttr);
  return told?.kind === 'type' ? told.value : argument.type;
}

function textAttr(attr: RawAttr | undefined): string {
  return attr?.kind === 'string' ? attr.value : '';
}

/** Attributes of a node with the caller's in place of those that are left open. */
function substituted(
  attrs: ReadonlyMap<string, RawAttr>,
  from: ReadonlyMap<string, RawAttr>,
): ReadonlyMap<string, RawAttr> {
  if (from.size === 0 || ![...attrs.values()].some(({ kind }) => kind === 'placeholder')) return attrs;
  return new Map(
    [...attrs].map(([name, attr]) => [name, (attr.kind === 'placeholder' && from.get(attr.value)) || attr]),
  );
}
