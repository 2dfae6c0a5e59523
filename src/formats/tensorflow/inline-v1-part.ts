/** A part of a graph as the body of a function: what its results need, up to where it is cut. */
import { PareError } from '#base/failure.ts';
import type { RawNode } from './graph-def/raw.ts';
import { dataInputs, parseReference } from './inline-scope.ts';

/** The control flow does not have the form that TensorFlow gives it. */
export class Unraisable extends Error {}

export interface Part {
  readonly nodes: readonly RawNode[];
  /** References to the results, arguments among them. */
  readonly results: readonly string[];
}

const FLOW = /^(Ref)?(Switch|Merge|Enter|Exit|NextIteration)$|^LoopCond$/;
const MAX_NODES = 1_000_000;

/** `cut` gives the name of the argument that stands for an output of a node, where the part ends there. */
export function partOf(
  roots: readonly string[],
  settle: (name: string) => RawNode | undefined,
  cut: (ref: { readonly name: string; readonly index: number }) => string | undefined,
): Part {
  const nodes = new Map<string, RawNode>();
  const open: string[] = [];
  const rewritten = (text: string): string => {
    const target = parseReference(text);
    if (target === undefined) throw new Unraisable();
    const argument = cut(target);
    if (argument !== undefined) return argument;
    if (!nodes.has(target.name)) open.push(target.name);
    return text;
  };
  const results = roots.map(rewritten);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (nodes.has(name)) continue;
    const node = settle(name);
    if (node === undefined || FLOW.test(node.op)) throw new Unraisable();
    if (nodes.size >= MAX_NODES) {
      throw new PareError({
        code: 'tensorflow/nodes',
        place: `node ${name}`,
        problem: `A branch or loop has more than ${MAX_NODES} nodes.`,
        hint: 'The file is damaged: export it again.',
      });
    }
    // Put down before its inputs are looked at, so that a ring ends; the inliner refuses it.
    nodes.set(name, node);
    nodes.set(name, { ...node, inputs: dataInputs(node).map(rewritten) });
  }
  return { nodes: [...nodes.values()], results };
}

/** Which outputs of a node others read. */
export function outputsRead(readers: readonly RawNode[], name: string): ReadonlySet<number> {
  const read = new Set<number>();
  for (const reader of readers) {
    for (const input of reader.inputs) {
      const target = parseReference(input);
      if (target?.name === name) read.add(target.index);
    }
  }
  return read;
}
