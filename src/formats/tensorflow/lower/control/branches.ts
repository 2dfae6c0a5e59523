/** Branches: If with a body for each side, Case as a chain of Ifs, and the Switch and Merge of TensorFlow 1. */
import type { Lowering, NodeOptions, Operand } from '#formats/lowering/lowering.ts';
import { cast, type Row, type TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand, type Held } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { outputTypeOf } from '#formats/tensorflow/lower/types.ts';
import type { TfBody } from '#formats/tensorflow/graph.ts';
import type { Shape } from '#ir/model.ts';

type OperandTypes = NonNullable<NodeOptions['types']>;

/** The outputs that anyone reads, of a body that has as many as the node. */
function wantedOf(call: TfCall, count: number): readonly number[] {
  const all = Array.from({ length: count }, (_, at) => at);
  return all.filter((output) => call.scope.uses({ node: call.name, output }) > 0);
}

function trimmed(body: TfBody, wanted: readonly number[]): TfBody {
  return { ...body, outputs: wanted.flatMap((at) => body.outputs[at] ?? []) };
}

/** Any tensor that is not a bool is true where it is not zero. */
export function truth(lowering: Lowering, operand: Operand, name: string): Operand {
  if (lowering.dtype(operand) === 'bool') return operand;
  return cast(lowering, operand, 'bool', `${name}/truth`);
}

/** What a branch gives, in types that both sides share. */
function results(call: TfCall, inside: Lowering, held: readonly Held[], wanted: readonly number[]): readonly Operand[] {
  return held.map((one, at) => {
    const operand = isOperand(one) ? one : one.kind === 'list' ? one.items : null;
    if (operand === null || !(isOperand(one) || one.kind === 'list')) {
      throw new Inexpressible('One of its branches gives something that is no tensor.');
    }
    const declared = outputTypeOf(call.node, wanted[at] ?? 0);
    const held64 = inside.dtype(operand) === 'i64' && declared !== 'i64';
    return held64 ? cast(inside, operand, 'i32', `${call.name}/short_${at}`) : operand;
  });
}

/** Puts values where the node's outputs are; the others are read by no one. */
function placed(values: readonly Held[], wanted: readonly number[], count: number): readonly Held[] {
  return Array.from({ length: count }, (_, at): Held => {
    const place = wanted.indexOf(at);
    return place < 0 ? { kind: 'dead' } : (values[place] ?? { kind: 'dead' });
  });
}

type Side = (inside: Lowering) => readonly Operand[];

/** An If of two sides, each of which gives as many operands. */
function either(
  call: TfCall,
  lowering: Lowering,
  name: string,
  condition: Operand,
  sides: readonly [Side, Side],
  outputs: readonly string[],
): readonly Operand[] {
  const types: OperandTypes[] = [];
  const graphs = sides.map((side, at) =>
    lowering.subgraph(`${name}/${at === 0 ? 'then' : 'else'}`, [], (inside) => {
      const made = side(inside);
      types.push(made.map((one) => ({ dtype: inside.dtype(one), shape: inside.shape(one) })));
      return made;
    }),
  );
  const [yes, no] = types as [OperandTypes, OperandTypes];
  const scalar =
    lowering.shape(condition)?.length === 0 ? condition : lowering.reshape(condition, [], { name: `${name}/scalar` });
  return lowering.node('If', [scalar], {
    name,
    outputs,
    attrs: { then_branch: { graph: graphs[0]! }, else_branch: { graph: graphs[1]! } },
    types: yes.map((one, at) => ({ dtype: one.dtype, shape: agreed(one.shape, no[at]?.shape ?? null) })),
  });
}

export function agreed(a: Shape | null, b: Shape | null): Shape | null {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((size, axis) => (size === b[axis] ? size : null));
}

function branch(call: TfCall): readonly Held[] {
  const [yes, no] = [call.body('then_branch'), call.body('else_branch')];
  const given = Array.from({ length: call.count - 1 }, (_, at) => call.held(at + 1));
  const count = yes.outputs.length;
  const wanted = wantedOf(call, count);
  const known = call.lowering.numbers(call.input(0));
  if (known !== undefined) {
    const taken = known[0] === 0 ? no : yes;
    return placed(call.scope.run(trimmed(taken, wanted), given), wanted, count);
  }
  const side =
    (body: TfBody): Side =>
    (inside) =>
      results(call, inside, call.scope.run(trimmed(body, wanted), given, inside), wanted);
  const names = wanted.map((at) => call.outputName(at));
  const condition = truth(call.lowering, call.input(0), call.name);
  return placed(either(call, call.lowering, call.name, condition, [side(yes), side(no)], names), wanted, count);
}

/** One branch for each index; the last one for any index that is out of range. */
function chain(call: TfCall): readonly Held[] {
  const attr = call.attr('branches');
  const bodies = attr?.kind === 'list' ? attr.value : [];
  const branches = bodies.map((one) => {
    const body = one.kind === 'function' ? call.scope.functions.get(one.value) : undefined;
    if (body === undefined) throw call.broken('names a branch that is no function');
    return body;
  });
  const [first] = branches;
  if (first === undefined || branches.length > 64) throw call.broken(`has ${branches.length} branches`);
  const given = Array.from({ length: call.count - 1 }, (_, at) => call.held(at + 1));
  const count = first.outputs.length;
  const wanted = wantedOf(call, count);
  const index = call.long(0);
  const known = call.lowering.numbers(index)?.[0];
  if (known !== undefined) {
    const taken = branches[known] ?? branches.at(-1)!;
    return placed(call.scope.run(trimmed(taken, wanted), given), wanted, count);
  }
  const from =
    (at: number): Side =>
    (inside) => {
      const body = branches[at]!;
      const here: Side = (within) =>
        results(call, within, call.scope.run(trimmed(body, wanted), given, within), wanted);
      if (at === branches.length - 1) return here(inside);
      const name = at === 0 ? call.name : `${call.name}/otherwise_${at}`;
      const condition = inside.apply('Equal', [index, inside.small(at)], { name: `${name}/is_${at}` });
      return either(
        call,
        inside,
        name,
        condition,
        [here, from(at + 1)],
        wanted.map((one) => (at === 0 ? call.outputName(one) : `${name}:${one}`)),
      );
    };
  return placed(from(0)(call.lowering), wanted, count);
}

/** The data comes out on the side that the condition chooses; only a known condition can be followed. */
function switched(call: TfCall): readonly Held[] {
  const known = call.lowering.numbers(call.input(1))?.[0];
  if (known === undefined) {
    throw new Inexpressible(
      'It branches on a computed condition, in the way of TensorFlow 1.',
      'Export the model with control flow v2, or with its training switch fixed.',
    );
  }
  const dead: Held = { kind: 'dead' };
  return known === 0 ? [call.held(0), dead] : [dead, call.held(0)];
}

function merged(call: TfCall): readonly Held[] {
  for (let at = 0; at < call.count; at++) {
    const held = call.held(at);
    if (!('kind' in held) || held.kind !== 'dead') return [held, call.lowering.small(at, 'i32')];
  }
  return [{ kind: 'dead' }, { kind: 'dead' }];
}

export const branchRows: readonly (readonly [string, Row])[] = [
  ['If', branch],
  ['StatelessIf', branch],
  ['Case', chain],
  ['StatelessCase', chain],
  ['Switch', switched],
  ['Merge', merged],
];
