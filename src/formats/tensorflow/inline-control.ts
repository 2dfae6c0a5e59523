/** Branches and loops while a graph is inlined: decided where the condition is known, else kept with flat bodies. */
import type { DType } from '#base/dtype.ts';
import type { PareError } from '#base/failure.ts';
import type { FlatBody, FlatNode } from './flat.ts';
import { codeOfName, dtypeOfCode } from './graph-def/data-type.ts';
import { firstNumber, packElements } from './graph-def/elements.ts';
import type { RawAttr, RawFunction, RawNode } from './graph-def/raw.ts';
import type { TfRef } from './graph.ts';
import type { Outputs, Scope } from './inline-scope.ts';
import { DEAD } from './inline-scope.ts';

/** What branches and loops need of the inliner. */
export interface BodyContext {
  readonly bodies: Map<string, FlatBody>;
  body(
    fn: RawFunction,
    at: Scope,
    attrs: ReadonlyMap<string, RawAttr>,
    handles: readonly (TfRef | undefined)[],
    shapes: readonly (readonly (number | null)[] | null | undefined)[],
    keepOutput: (index: number) => boolean,
  ): FlatBody;
  call(
    fn: RawFunction,
    at: Scope,
    node: RawNode,
    inputs: readonly TfRef[],
    attrs: ReadonlyMap<string, RawAttr>,
  ): readonly TfRef[];
  function(name: string, node: RawNode, at: Scope): RawFunction;
  add(scope: Scope, node: FlatNode): string;
  refuse(code: string, place: string, problem: string): PareError;
}

type Attrs = ReadonlyMap<string, RawAttr>;
type FunctionAttr = Extract<RawAttr, { kind: 'function' }>;

export function expandIf(
  context: BodyContext,
  scope: Scope,
  node: RawNode,
  inputs: readonly TfRef[],
  attrs: Attrs,
): Outputs {
  const [condition, ...args] = inputs;
  const yes = functionAttr(context, scope, node, attrs, 'then_branch');
  const no = functionAttr(context, scope, node, attrs, 'else_branch');
  const known = condition === undefined ? undefined : truthOf(scope, condition);
  if (known !== undefined) {
    const taken = known ? yes : no;
    return { refs: context.call(context.function(taken.value, node, scope), scope, node, args, taken.attrs) };
  }
  if (condition === undefined) throw context.refuse('condition', scope.prefix + node.name, 'It has no condition.');
  const handles = args.map((ref) => handleOf(scope, ref));
  const branch = (taken: FunctionAttr): FlatBody => {
    const fn = context.function(taken.value, node, scope);
    checkArguments(context, scope, node, fn, args);
    return context.body(fn, scope, taken.attrs, handles, [], () => true);
  };
  const then = branch(yes);
  const other = branch(no);
  const name = scope.prefix + node.name;
  const kept = args.filter((_, index) => handles[index] === undefined);
  return {
    node: context.add(scope, {
      name: node.name,
      op: node.op,
      inputs: [condition, ...kept],
      attrs: new Map([
        ...attrs,
        ['Tin', filtered(attrs.get('Tin'), (index) => handles[index] === undefined)],
        ['then_branch', bodyAttr(context, `${name}/then_branch`, then)],
        ['else_branch', bodyAttr(context, `${name}/else_branch`, other)],
      ]),
    }),
  };
}

export function expandWhile(
  context: BodyContext,
  scope: Scope,
  node: RawNode,
  inputs: readonly TfRef[],
  attrs: Attrs,
): Outputs {
  const test = functionAttr(context, scope, node, attrs, 'cond');
  const step = functionAttr(context, scope, node, attrs, 'body');
  const handles = inputs.map((ref) => handleOf(scope, ref));
  const keep = (index: number): boolean => handles[index] === undefined;
  const listed = attrs.get('output_shapes');
  const shapes = inputs.map((_, index) => {
    const shape = listed?.kind === 'list' ? listed.value[index] : undefined;
    return shape?.kind === 'shape' ? shape.value : undefined;
  });
  const flat = ({ value, attrs: given }: FunctionAttr, keepOutput: (index: number) => boolean): FlatBody => {
    const fn = context.function(value, node, scope);
    checkArguments(context, scope, node, fn, inputs);
    return context.body(fn, scope, given, handles, shapes, keepOutput);
  };
  const condition = flat(test, () => true);
  const body = flat(step, keep);
  if (body.outputs.length !== body.inputs.length || condition.outputs.length !== 1) {
    throw context.refuse('loop', scope.prefix + node.name, 'The loop does not give back what it was given.');
  }
  const name = scope.prefix + node.name;
  const told = scope.implements;
  const flatName = context.add(scope, {
    name: node.name,
    op: node.op,
    inputs: inputs.filter((_, index) => keep(index)),
    attrs: new Map([
      ...attrs,
      ['T', filtered(attrs.get('T'), keep)],
      ['output_shapes', filtered(listed, keep)],
      ['cond', bodyAttr(context, `${name}/cond`, condition)],
      ['body', bodyAttr(context, `${name}/body`, body)],
      ...(told === undefined ? [] : [['api_implements', told] as const]),
    ]),
  });
  let next = 0;
  return { refs: inputs.map((ref, index) => (keep(index) ? { node: flatName, output: next++ } : ref)) };
}

/** The branch of a Case whose index is known. */
export function branchOf(scope: Scope, attrs: Attrs, inputs: readonly TfRef[]): FunctionAttr | undefined {
  const [condition] = inputs;
  const index = condition === undefined ? undefined : numberOf(scope, condition);
  const branches = attrs.get('branches');
  if (index === undefined || branches?.kind !== 'list') return undefined;
  const chosen = branches.value[index] ?? branches.value.at(-1);
  return chosen?.kind === 'function' ? chosen : undefined;
}

/** TensorFlow 1: data goes out of one of two sides. */
export function expandSwitch(scope: Scope, inputs: readonly TfRef[]): Outputs | undefined {
  const [data, condition] = inputs;
  const known = condition === undefined ? undefined : truthOf(scope, condition);
  if (data === undefined || known === undefined) return undefined;
  return { refs: known ? [DEAD, data] : [data, DEAD] };
}

/** TensorFlow 1: the side that was taken comes back. */
export function expandMerge(scope: Scope, node: RawNode, inputs: readonly TfRef[]): Outputs | undefined {
  const alive = inputs.filter((ref) => ref !== DEAD);
  const [only] = alive;
  if (only === undefined) return { dead: true };
  if (alive.length > 1 || alive.length === inputs.length) return undefined;
  const index = scalarConstant(`${scope.prefix}${node.name}/value_index`, 'i32', inputs.indexOf(only));
  return { refs: [only, { node: scope.builder.add(index), output: 0 }] };
}

/** A constant that the reader makes up. */
export function scalarConstant(name: string, dtype: 'bool' | 'i32', value: number): FlatNode {
  return constantNode(name, dtype, [], [value]);
}

export function constantNode(
  name: string,
  dtype: 'bool' | 'i32' | 'i64',
  shape: readonly number[],
  values: readonly number[],
): FlatNode {
  const type = codeOfName({ bool: 'DT_BOOL', i32: 'DT_INT32', i64: 'DT_INT64' }[dtype]);
  const bytes = packElements(dtype, values.length, values);
  return {
    name,
    op: 'Const',
    inputs: [],
    attrs: new Map<string, RawAttr>([
      ['dtype', { kind: 'type', value: type }],
      [
        'value',
        {
          kind: 'tensor',
          value: {
            type,
            shape,
            small: () => bytes,
            load: (store) => Promise.resolve({ tensor: store.put(dtype, shape, bytes.slice()), bytes }),
          },
        },
      ],
    ]),
  };
}

/** The truth of a condition as TensorFlow sees it: a number other than zero; undefined where it is not known. */
export function truthOf(scope: Scope, ref: TfRef, depth = 0): boolean | undefined {
  const node = scope.builder.get(ref.node);
  if (node === undefined || depth > 8) return undefined;
  const truth = (index: number): boolean | undefined => {
    const input = node.inputs[index];
    return input === undefined ? undefined : truthOf(scope, input, depth + 1);
  };
  if (node.op === 'LogicalNot') {
    const given = truth(0);
    return given === undefined ? undefined : !given;
  }
  if (node.op === 'LogicalAnd' || node.op === 'LogicalOr') {
    const deciding = node.op === 'LogicalOr';
    const [a, b] = [truth(0), truth(1)];
    if (a === deciding || b === deciding) return deciding;
    return a === undefined || b === undefined ? undefined : !deciding;
  }
  const value = numberOf(scope, ref);
  return value === undefined ? undefined : value !== 0;
}

function numberOf(scope: Scope, ref: TfRef): number | undefined {
  const node = scope.builder.get(ref.node);
  const value = node?.op === 'Const' ? node.attrs.get('value') : undefined;
  if (value?.kind !== 'tensor') return undefined;
  const dtype: DType | null = dtypeOfCode(value.value.type);
  const bytes = dtype === null ? undefined : value.value.small();
  return dtype === null || bytes === undefined ? undefined : firstNumber(dtype, bytes);
}

/** The node that names a variable or table, where an argument is one: a resource that nothing is computed for. */
function handleOf(scope: Scope, ref: TfRef): TfRef | undefined {
  const node = scope.builder.get(ref.node);
  if (node === undefined || node.inputs.length > 0) return undefined;
  if (node.op === 'Placeholder') return undefined;
  return HANDLES.test(node.op) ? ref : undefined;
}

const HANDLES = /^(VarHandleOp|VariableV2|Variable|(Mutable)?(Hash|Dense)\w*Table\w*|Anonymous\w*)$/;

function functionAttr(context: BodyContext, scope: Scope, node: RawNode, attrs: Attrs, name: string): FunctionAttr {
  const attr = attrs.get(name);
  if (attr?.kind === 'function') return attr;
  throw context.refuse('function', scope.prefix + node.name, `Its attribute "${name}" names no function.`);
}

function checkArguments(
  context: BodyContext,
  scope: Scope,
  node: RawNode,
  fn: RawFunction,
  args: readonly TfRef[],
): void {
  if (fn.inputs.length === args.length) return;
  throw context.refuse(
    'arguments',
    scope.prefix + node.name,
    `It calls "${fn.name}" with ${args.length} arguments, which takes ${fn.inputs.length}.`,
  );
}

/** Keeps the body under a name of its own. */
function bodyAttr(context: BodyContext, wanted: string, body: FlatBody): RawAttr {
  let name = wanted;
  for (let count = 1; context.bodies.has(name); count++) name = `${wanted}_${count}`;
  context.bodies.set(name, body);
  return { kind: 'function', value: name, attrs: new Map() };
}

function filtered(list: RawAttr | undefined, keep: (index: number) => boolean): RawAttr {
  const items = list?.kind === 'list' ? list.value : [];
  return { kind: 'list', value: items.filter((_, index) => keep(index)) };
}
