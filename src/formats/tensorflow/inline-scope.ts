/** One graph or function body while it is inlined: what its references mean and in which order its nodes come. */
import { PareError } from '#base/failure.ts';
import { outputIndex } from './graph-def/op-facts.ts';
import type { RawAttr, RawFunction, RawNode } from './graph-def/raw.ts';
import type { BodyBuilder } from './flat.ts';
import type { TfRef } from './graph.ts';

/** What a Switch gives to the side that is not taken, and all that follows from it. */
export const DEAD: TfRef = { node: '', output: -1 };

/** Outputs of a node that was handled: those of a flat node, or references to others. */
export type Outputs =
  | { readonly node: string }
  | { readonly refs: readonly (TfRef | undefined)[] }
  | { readonly dead: true };

export interface Scope {
  readonly file: string;
  readonly builder: BodyBuilder;
  /** In front of names: those of the calls that lead here. */
  readonly prefix: string;
  readonly nodes: ReadonlyMap<string, RawNode>;
  readonly args: ReadonlyMap<string, TfRef>;
  /** The caller's attributes, for functions that serve several types. */
  readonly attrs: ReadonlyMap<string, RawAttr>;
  readonly functions: ReadonlyMap<string, RawFunction>;
  readonly values: Map<string, Outputs>;
  /** What the functions that lead here say that they implement. */
  readonly implements?: RawAttr;
}

interface Reference {
  readonly name: string;
  readonly output?: string;
  readonly index: number;
}

/** `node`, `node:1` or `node:output:1`; undefined for control edges. */
export function parseReference(text: string): Reference | undefined {
  if (text.startsWith('^')) return undefined;
  const [name = '', second, third] = text.split(':');
  if (second === undefined) return { name, index: 0 };
  const index = Number(third ?? second);
  if (!/^\d{1,9}$/.test(third ?? second) || name === '') {
    throw new PareError({
      code: 'tensorflow/reference',
      problem: `"${text.slice(0, 200)}" is no reference to an output.`,
      hint: 'The file is damaged: export it again.',
    });
  }
  return third === undefined ? { name, index } : { name, output: second, index };
}

/** What a reference stands for, once its node was handled. */
export function resolve(scope: Scope, text: string, reader: string): TfRef {
  const reference = parseReference(text);
  if (reference === undefined) throw dangling(scope, text, reader);
  const arg = scope.args.get(reference.name);
  if (arg !== undefined) return arg;
  const outputs = scope.values.get(reference.name);
  const node = scope.nodes.get(reference.name);
  if (outputs === undefined || node === undefined) throw dangling(scope, text, reader);
  if ('dead' in outputs) return DEAD;
  const called = scope.functions.get(node.op);
  const named = called?.outputs.findIndex(({ name }) => name === reference.output) ?? -1;
  const index = named >= 0 ? named : outputIndex(node, reference.output, reference.index);
  if ('node' in outputs) return { node: outputs.node, output: index };
  const ref = outputs.refs[index];
  if (ref === undefined) throw dangling(scope, text, reader);
  return ref;
}

export function dataInputs(node: RawNode): readonly string[] {
  return node.inputs.filter((input) => !input.startsWith('^'));
}

/** The nodes that the roots need and that were not handled yet, each after those that it reads. */
export function executionOrder(scope: Scope, roots: readonly string[]): readonly RawNode[] {
  const order: RawNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const stack: { readonly node: RawNode; readonly inputs: readonly string[]; next: number }[] = [];
  const open = (name: string, reader: string): void => {
    if (scope.values.has(name) || scope.args.has(name) || state.get(name) === 'done') return;
    const node = scope.nodes.get(name);
    if (node === undefined) throw dangling(scope, name, reader);
    if (state.get(name) === 'open')
      throw cycle(
        scope,
        node,
        stack.map((entry) => entry.node),
      );
    state.set(name, 'open');
    stack.push({ node, inputs: dataInputs(node), next: 0 });
  };
  for (const root of roots) {
    open(root, 'an output');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.inputs[top.next++];
      if (input === undefined) {
        stack.pop();
        state.set(top.node.name, 'done');
        order.push(top.node);
      } else {
        const reference = parseReference(input);
        if (reference !== undefined) open(reference.name, top.node.name);
      }
    }
  }
  return order;
}

function dangling(scope: Scope, text: string, reader: string): PareError {
  return new PareError({
    code: 'tensorflow/dangling',
    file: scope.file,
    place: scope.prefix + reader,
    problem: `It reads "${text.slice(0, 200)}", which is not there.`,
    hint: 'The file is damaged or was cut out of a larger graph: export it again.',
  });
}

function cycle(scope: Scope, node: RawNode, path: readonly RawNode[]): PareError {
  const ring = path.slice(path.indexOf(node));
  const loop = ring.find(({ op }) => op === 'NextIteration' || op === 'Enter' || op === 'LoopCond');
  if (loop === undefined) {
    return new PareError({
      code: 'tensorflow/cycle',
      file: scope.file,
      place: scope.prefix + node.name,
      problem: 'The node needs its own result.',
      hint: 'The file is damaged: export it again.',
    });
  }
  return new PareError({
    code: 'tensorflow/loop-v1',
    file: scope.file,
    place: `${loop.op} ${scope.prefix}${loop.name}`,
    problem: 'The model has a loop in the form of TensorFlow 1 (Enter, NextIteration, Exit), which is not read.',
    hint: 'Save it with TensorFlow 2 as a SavedModel, which keeps loops as While.',
  });
}
