/**
 * Brings the control flow of TensorFlow 1 (Switch, Merge, Enter, Exit) into the form of TensorFlow 2, so that one way of reading
 * loops and branches serves both. Frozen graphs and TF.js models have it also where TensorFlow 2 made them.
 *
 * Given:  e = Enter(x); m = Merge(e, n); l = LoopCond(Less(m, 9)); s = Switch(m, l); n = NextIteration(Add(s:1, s:1)); y = Exit(s)
 * Result: w = While<cond, body>(x); y = Identity(w)             cond(e) = Less(e, 9)    body(e) = Add(e, e)
 *
 * What does not have this form stays as it is, and is refused by name where it is met.
 */
import { outputsRead, partOf, Unraisable } from './inline-v1-part.ts';
import type { Part } from './inline-v1-part.ts';
import type { RawArgument, RawAttr, RawFunction, RawGraph, RawNode } from './graph-def/raw.ts';
import { isTrainingSwitch } from './inline-calls.ts';
import { dataInputs, parseReference } from './inline-scope.ts';

const MERGES = new Set(['Merge', 'RefMerge']);
const SWITCHES = new Set(['Switch', 'RefSwitch']);
const ENTERS = new Set(['Enter', 'RefEnter']);
const EXITS = new Set(['Exit', 'RefExit']);
const NEXT = new Set(['NextIteration', 'RefNextIteration']);
/** Loops in loops, branches in branches. */
const MAX_DEPTH = 40;
/** Nodes looked at, beyond which what is left stays as it is. */
const MAX_STEPS = 500_000;

export function raiseControlFlow(graph: RawGraph): RawGraph {
  if (!graph.nodes.some(({ op }) => MERGES.has(op))) return graph;
  const raiser = new Raiser(graph);
  for (const { name } of graph.nodes) raiser.settle(name);
  return { ...graph, nodes: raiser.nodes(), functions: raiser.functions };
}

interface Variable {
  readonly enter: RawNode;
  readonly merge?: RawNode;
  readonly next?: RawNode;
  readonly choice?: RawNode;
}

/** A side of a branch: which output of which Switch it comes from. */
interface Origin {
  readonly condition: string;
  readonly port: number;
}

class Raiser {
  readonly functions: Map<string, RawFunction>;
  readonly #nodes: Map<string, RawNode>;
  readonly #readers = new Map<string, RawNode[]>();
  readonly #frames = new Map<string, RawNode[]>();
  /** Nodes that are being raised or could not be. */
  readonly #left = new Set<string>();
  #depth = 0;
  #steps = 0;

  constructor(graph: RawGraph) {
    this.functions = new Map(graph.functions);
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]));
    for (const node of graph.nodes) {
      for (const input of node.inputs) {
        const name = parseReference(input)?.name;
        const list = name === undefined ? undefined : this.#readers.get(name);
        if (list !== undefined) list.push(node);
        else if (name !== undefined) this.#readers.set(name, [node]);
      }
      if (ENTERS.has(node.op)) {
        const frame = textAttr(node, 'frame_name');
        const list = this.#frames.get(frame);
        if (list === undefined) this.#frames.set(frame, [node]);
        else list.push(node);
      }
    }
  }

  nodes(): readonly RawNode[] {
    return [...this.#nodes.values()];
  }

  /** The node of that name, once what it is the end of has been raised. */
  settle(name: string): RawNode | undefined {
    const node = this.#nodes.get(name);
    if (node === undefined || this.#left.has(name)) return node;
    const ends = EXITS.has(node.op) || (MERGES.has(node.op) && this.#nextOf(node) === undefined);
    if (!ends) return node;
    this.#left.add(name);
    if (this.#depth >= MAX_DEPTH) return node;
    this.#depth++;
    try {
      if (EXITS.has(node.op)) this.#raiseLoop(this.#frameOf(node));
      else this.#raiseBranch(node);
    } catch (error) {
      if (!(error instanceof Unraisable)) throw error;
    }
    this.#depth--;
    return this.#nodes.get(name);
  }

  /** The same on the way from an end to its beginnings, which is counted. */
  #reach(name: string): RawNode | undefined {
    if (++this.#steps > MAX_STEPS) throw new Unraisable();
    return this.settle(name);
  }

  // --- loops ----------------------------------------------------------------------------------------------------------------

  /** Name of the loop that an Exit leaves. */
  #frameOf(exit: RawNode): string {
    const choice = this.#input(exit, 0);
    const merge = choice && this.#input(choice, 0);
    for (const at of [0, 1]) {
      const enter = merge && this.#input(merge, at);
      if (enter !== undefined && ENTERS.has(enter.op)) return textAttr(enter, 'frame_name');
    }
    throw new Unraisable();
  }

  #raiseLoop(frame: string): void {
    const variables = (this.#frames.get(frame) ?? []).map((enter) => this.#variable(enter));
    const [test] = new Set(
      variables.flatMap(({ choice }) => (choice === undefined ? [] : (this.#input(choice, 1) ?? []))),
    );
    const condition = test?.op === 'LoopCond' ? dataInputs(test)[0] : undefined;
    if (test === undefined || condition === undefined) throw new Unraisable();
    const cut = new Map<string, string>();
    for (const { enter, merge, choice } of variables) {
      if (merge === undefined) cut.set(`${enter.name}:0`, enter.name);
      else cut.set(`${merge.name}:0`, enter.name);
      if (choice !== undefined) cut.set(`${choice.name}:1`, enter.name);
    }
    const find = (ref: { readonly name: string; readonly index: number }): string | undefined =>
      cut.get(`${ref.name}:${ref.index}`);
    const results = variables.map(({ enter, next }) => (next === undefined ? enter.name : (dataInputs(next)[0] ?? '')));
    const settle = (name: string): RawNode | undefined => this.#reach(name);
    const args = variables.map(({ enter }) => argumentOf(enter.name, enter));
    const cond = this.#function(`${frame}/cond`, args, partOf([condition], settle, find));
    const body = this.#function(`${frame}/body`, args, partOf(results, settle, find));
    const scope = test.name.replace(/\/?LoopCond[^/]*$/, '');
    const name = this.#freeName(scope === '' ? frame : scope);
    this.#nodes.set(name, {
      name,
      op: 'While',
      inputs: variables.map(({ enter }) => dataInputs(enter)[0] ?? ''),
      attrs: new Map<string, RawAttr>([
        ['T', { kind: 'list', value: args.map(({ type }) => ({ kind: 'type', value: type })) }],
        ['cond', named(cond)],
        ['body', named(body)],
      ]),
    });
    for (const [at, { choice }] of variables.entries()) {
      for (const exit of choice === undefined ? [] : this.#readersOf(choice.name)) {
        if (EXITS.has(exit.op)) this.#nodes.set(exit.name, { ...exit, op: 'Identity', inputs: [`${name}:${at}`] });
      }
    }
  }

  #variable(enter: RawNode): Variable {
    const readers = this.#readersOf(enter.name);
    const merge = readers.find(({ op }) => MERGES.has(op));
    if (merge === undefined) return { enter };
    const next = this.#nextOf(merge);
    if (next === undefined) throw new Unraisable();
    const choice = this.#readersOf(merge.name).find(
      (reader) => SWITCHES.has(reader.op) && this.#input(reader, 0) === merge,
    );
    return { enter, merge, next, ...(choice === undefined ? {} : { choice }) };
  }

  #nextOf(merge: RawNode): RawNode | undefined {
    return [0, 1].map((at) => this.#input(merge, at)).find((input) => input !== undefined && NEXT.has(input.op));
  }

  // --- branches -------------------------------------------------------------------------------------------------------------

  #raiseBranch(merge: RawNode): void {
    const sides = dataInputs(merge);
    if (sides.length !== 2 || outputsRead(this.#readersOf(merge.name), merge.name).has(1)) throw new Unraisable();
    const origins = sides.map((side) => this.#originsOf(side));
    const [first = [], second = []] = origins;
    // The condition is the one whose sides part here; others are of branches around this one.
    const conditions = new Set([...first, ...second].map(({ condition }) => condition));
    for (const condition of conditions) {
      const ports = origins.map(
        (side) => new Set(side.flatMap((each) => (each.condition === condition ? [each.port] : []))),
      );
      const [a = new Set<number>(), b = new Set<number>()] = ports;
      if (a.size > 1 || b.size > 1) continue;
      const port = [...a][0] ?? (b.size === 1 ? 1 - ([...b][0] ?? 0) : undefined);
      if (port === undefined || b.has(port)) continue;
      // What is known is decided without a branch, so that nodes keep their names.
      if (this.#isKnown(condition)) throw new Unraisable();
      this.#makeIf(merge, condition, port === 1 ? sides : [sides[1] ?? '', sides[0] ?? '']);
      return;
    }
    throw new Unraisable();
  }

  /** `sides`: what is given when the condition holds, then otherwise. */
  #makeIf(merge: RawNode, condition: string, sides: readonly string[]): void {
    const inputs = new Map<string, RawArgument & { readonly ref: string }>();
    const take = (ref: string, like: RawNode): string => {
      const known = inputs.get(ref);
      if (known !== undefined) return known.name;
      const made = { ...argumentOf(`${merge.name}/input_${inputs.size}`, like), ref };
      inputs.set(ref, made);
      return made.name;
    };
    const settle = (name: string): RawNode | undefined => this.#reach(name);
    const parts = sides.map((side, at) =>
      partOf([side], settle, ({ name, index }) => {
        const node = this.#nodes.get(name);
        if (node === undefined || !SWITCHES.has(node.op)) return undefined;
        if (this.#conditionOf(node) !== condition) return take(`${name}:${index}`, node);
        if (index !== 1 - at) throw new Unraisable();
        return take(dataInputs(node)[0] ?? '', node);
      }),
    );
    const args = [...inputs.values()];
    const [then, other] = parts.map((part, at) =>
      this.#function(`${merge.name}/${at === 0 ? 'then' : 'else'}`, args, part),
    );
    if (then === undefined || other === undefined) throw new Unraisable();
    const type = merge.attrs.get('T') ?? { kind: 'type', value: 0 };
    this.#nodes.set(merge.name, {
      name: merge.name,
      op: 'StatelessIf',
      inputs: [condition, ...args.map(({ ref }) => ref)],
      attrs: new Map<string, RawAttr>([
        ['Tcond', { kind: 'type', value: 10 }],
        ['Tin', { kind: 'list', value: args.map((arg) => ({ kind: 'type', value: arg.type })) }],
        ['Tout', { kind: 'list', value: [type] }],
        ['then_branch', named(then)],
        ['else_branch', named(other)],
      ]),
    });
  }

  /** The Switches that a side comes from; where it is a constant, those that let it run. */
  #originsOf(side: string): readonly Origin[] {
    for (const control of [false, true]) {
      const origins: Origin[] = [];
      const seen = new Set<string>();
      const open = [side];
      for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
        const target = parseReference(ref.replace(/^\^/, ''));
        if (target === undefined || seen.has(`${target.name}:${target.index}`)) continue;
        seen.add(`${target.name}:${target.index}`);
        const node = this.#reach(target.name);
        if (node === undefined) continue;
        if (SWITCHES.has(node.op)) origins.push({ condition: this.#conditionOf(node), port: target.index });
        else for (const input of control ? node.inputs : dataInputs(node)) open.push(input);
      }
      if (origins.length > 0) return origins;
    }
    return [];
  }

  /** What a Switch goes by, without the Identities in between. */
  #conditionOf(choice: RawNode): string {
    let ref = dataInputs(choice)[1] ?? '';
    for (let steps = 0; steps < 8; steps++) {
      const target = parseReference(ref);
      const node = target === undefined ? undefined : this.#nodes.get(target.name);
      const [next] = node?.op === 'Identity' ? dataInputs(node) : [];
      if (next === undefined) break;
      ref = next;
    }
    return ref.replace(/:0$/, '');
  }

  #isKnown(condition: string): boolean {
    let node = this.#nodes.get(parseReference(condition)?.name ?? '');
    for (let steps = 0; node !== undefined && steps < 8; steps++) {
      if (node.op === 'Const' || isTrainingSwitch(node)) return true;
      if (!/^(Identity|PlaceholderWithDefault|LogicalNot)$/.test(node.op)) return false;
      node = this.#input(node, 0);
    }
    return false;
  }

  // --- both -----------------------------------------------------------------------------------------------------------------

  #readersOf(name: string): readonly RawNode[] {
    const readers = this.#readers.get(name) ?? [];
    this.#steps += readers.length;
    if (this.#steps > MAX_STEPS) throw new Unraisable();
    return readers;
  }

  #input(node: RawNode, at: number): RawNode | undefined {
    const name = parseReference(dataInputs(node)[at] ?? '^')?.name;
    return name === undefined ? undefined : this.#nodes.get(name);
  }

  #function(wanted: string, inputs: readonly RawArgument[], part: Part): string {
    let name = wanted;
    for (let count = 1; this.functions.has(name); count++) name = `${wanted}_${count}`;
    const outputs = part.results.map((_, at) => ({ name: `result_${at}`, type: inputs[at]?.type ?? 0 }));
    const results = new Map(part.results.map((ref, at) => [`result_${at}`, ref]));
    this.functions.set(name, { name, inputs, outputs, nodes: part.nodes, results, attrs: new Map() });
    return name;
  }

  #freeName(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#nodes.has(name); count++) name = `${wanted}_${count}`;
    return name;
  }
}

function argumentOf(name: string, like: RawNode): RawArgument {
  const type = like.attrs.get('T');
  return { name, type: type?.kind === 'type' ? type.value : 0 };
}

function named(name: string): RawAttr {
  return { kind: 'function', value: name, attrs: new Map() };
}

function textAttr(node: RawNode, name: string): string {
  const attr = node.attrs.get(name);
  return attr?.kind === 'string' ? attr.value : '';
}
