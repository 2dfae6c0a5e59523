/** What an adapter gets to see and gives back when a node is carried to a newer operator set. */
import type { DType } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Attr, Attrs, Node, Shape, ValueId } from '#ir/model.ts';
import type { Dense } from '#ops/dense.ts';
import type { Call } from '#ops/call.ts';

/** One node on its way from one version to another. */
export interface Crossing {
  readonly edit: Editor;
  readonly node: Node;
  /** Attribute access; inputs are not known in it. */
  readonly call: Call;
  readonly from: number;
  readonly to: number;
  /** Whether the raise passes the version in which something changed. */
  crosses(version: number): boolean;
  dtype(input: number): DType | null;
  shape(input: number): Shape | null;
  /** Values of a constant input; undefined when it is not constant. */
  values(input: number): Dense | undefined;
  /** Whether anything reads the output. */
  isUsed(output: number): boolean;
  /** Makes a constant in the node's graph. */
  constant(name: string, dtype: DType, shape: readonly number[], values: readonly (number | bigint)[]): ValueId;
}

/** How a node is carried over: nothing to do (null), a refusal, or an edit with a sentence about it. */
export type Plan = null | { readonly refuse: string } | { readonly text: string; readonly apply: () => void };

export interface Adapter {
  /** Inputs whose constant values the adapter wants. */
  readonly reads?: readonly number[];
  readonly plan: (at: Crossing) => Plan;
}

export function without(attrs: Attrs, ...names: readonly string[]): Map<string, Attr> {
  return new Map([...attrs].filter(([name]) => !names.includes(name)));
}

export function withInt(attrs: Attrs, name: string, value: number): Map<string, Attr> {
  return new Map(attrs).set(name, { type: 'int', value });
}

export function withString(attrs: Attrs, name: string, value: string): Map<string, Attr> {
  return new Map(attrs).set(name, { type: 'string', value: new TextEncoder().encode(value) });
}

/** Inputs with one replaced; missing ones before it are left out. */
export function withInput(node: Node, at: number, value: ValueId | null): readonly (ValueId | null)[] {
  const inputs = Array.from({ length: Math.max(node.inputs.length, at + 1) }, (_, input) => node.inputs[input] ?? null);
  inputs[at] = value;
  return inputs;
}
