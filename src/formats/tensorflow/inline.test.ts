import { describe, expect, it } from 'vitest';
import type { Ends } from './flat.ts';
import { frozenEnds } from './frozen-ends.ts';
import { inlineGraph } from './inline.ts';
import { printFlat, rawGraph } from './testing/raw-graph.ts';

const shape = null;

/** The graph as it is flat, entered at all placeholders and left at `outputs`. */
function flat(text: string, ...outputs: readonly string[]): string {
  const raw = rawGraph(text);
  const inputs = raw.nodes
    .filter(({ op }) => op === 'Placeholder')
    .map(({ name }) => ({ name, ref: name, type: 1, shape }));
  const ends: Ends = { inputs, outputs: outputs.map((ref) => ({ name: ref, ref })) };
  return printFlat(inlineGraph(raw, ends));
}

const lines = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');

describe('inlining', () => {
  it('puts bodies in the place of calls, with the caller in front of their names', () => {
    const given = `
      x = Placeholder()
      y = PartitionedCall<f=@double>(x)
      z = double(y)
      function double(a: f32) -> (r: f32 = b:z:0)
        b = AddV2(a, a)`;
    expect(flat(given, 'z')).toBe(
      lines(`
        x = Placeholder()
        y/b = AddV2(x, x)
        z/b = AddV2(y/b, y/b)
        -> z = z/b`),
    );
  });

  it('reads outputs by their names and places, lists included', () => {
    const given = `
      x = Placeholder()
      y = PartitionedCall<f=@parts>(x)
      function parts(a: f32) -> (p: f32 = s:output:2, q: f32 = b:batch_variance:0, r: f32 = t:indices:0)
        d = Const(1)
        s = Split<num_split=3>(d:output:0, a)
        b = FusedBatchNormV3(a, a, a, a, a)
        t = TopKV2(a, d:output:0)`;
    expect(flat(given, 'y', 'y:1', 'y:2').split('\n').at(-1)).toBe('-> y = y/s:2, y:1 = y/b:2, y:2 = y/t:1');
  });

  it('gives a variable to a body through its arguments, and leaves out what only passes values on', () => {
    const given = `
      x = Placeholder()
      w = VarHandleOp()
      y = StatefulPartitionedCall<f=@outer>(x, w, ^init)
      init = NoOp()
      function outer(a: f32, v: res) -> (r: f32 = i:output:0)
        c = StatefulPartitionedCall<f=@inner>(a, v)
        i = Identity(c:output:0, ^c)
      function inner(a: f32, v: res) -> (r: f32 = m:product:0)
        w = ReadVariableOp(v)
        s = StopGradient(w:value:0)
        m = MatMul(a, s:output:0)`;
    expect(flat(given, 'y')).toBe(
      lines(`
        x = Placeholder()
        w = VarHandleOp()
        y/c/w = ReadVariableOp(w)
        y/c/m = MatMul(x, y/c/w)
        -> y = y/c/m`),
    );
  });

  it('decides a branch whose condition is known', () => {
    const given = `
      x = Placeholder()
      d = Const(false)
      training = PlaceholderWithDefault(d)
      not = LogicalNot(training)
      y = StatelessIf<then_branch=@yes, else_branch=@no>(not, x)
      z = StatelessCase<branches=[@no|@yes]>(k, x)
      k = Const(0)
      function yes(a: f32) -> (r: f32 = n:y:0)
        n = Neg(a)
      function no(a: f32) -> (r: f32 = n:y:0)
        n = Abs(a)`;
    expect(flat(given, 'y', 'z')).toBe(
      lines(`
        x = Placeholder()
        y/n = Neg(x)
        z/n = Abs(x)
        -> y = y/n, z = z/n`),
    );
  });

  it('decides Switch and Merge of TensorFlow 1 and drops the dead side', () => {
    const given = `
      x = Placeholder()
      p = Const(false)
      s = Switch(x, p)
      off = Neg(s)
      on = Abs(s:1)
      more = Exp(on)
      m = Merge(off, more)
      y = Add(m, m)`;
    expect(flat(given, 'y')).toBe(
      lines(`
        x = Placeholder()
        off = Neg(x)
        y = Add(off, off)
        -> y = y`),
    );
  });

  it('keeps loops, with bodies that have their variables inside and not among the arguments', () => {
    const given = `
      x = Placeholder()
      i = Const(0)
      w = VarHandleOp()
      l = While<cond=@test, body=@step>(i, w, x)
      y = Neg(l:2)
      function test(i: i32, w: res, x: f32) -> (r: bool = c:z:0)
        n = Const(3)
        c = Less(i, n:output:0)
      function step(i: i32, w: res, x: f32) -> (j: i32 = a:z:0, w_out: res = w, z: f32 = m:product:0)
        one = Const(1)
        a = AddV2(i, one:output:0)
        v = ReadVariableOp(w)
        m = MatMul(x, v:value:0)`;
    expect(flat(given, 'y')).toBe(
      lines(`
        x = Placeholder()
        i = Const()
        l = While(i, x)
        y = Neg(l:1)
        -> y = y
        function test(i, x)
        i = Placeholder()
        x = Placeholder()
        n = Const()
        c = Less(i, n)
        -> r = c
        function step(i, x)
        i = Placeholder()
        w = VarHandleOp()
        x = Placeholder()
        one = Const()
        a = AddV2(i, one)
        v = ReadVariableOp(w)
        m = MatMul(x, v)
        -> j = a, z = m`),
    );
  });

  it('notes which variables the graph changes while it runs, however deep', () => {
    const given = `
      x = Placeholder()
      w = VarHandleOp()
      y = StatefulPartitionedCall<f=@outer>(x, w)
      function outer(a: f32, v: res) -> (r: f32 = n:y:0)
        c = StatefulPartitionedCall<f=@count>(v)
        n = Neg(a, ^c)
      function count(v: res) -> ()
        one = Const(1)
        a = AssignAddVariableOp(v, one:output:0)`;
    const raw = rawGraph(given);
    const graph = inlineGraph(raw, {
      inputs: [{ name: 'x', ref: 'x', type: 1, shape }],
      outputs: [{ name: 'y', ref: 'y' }],
    });
    expect([...graph.written]).toEqual(['w']);
  });

  it('cuts a graph where an input enters in the middle of it', () => {
    const raw = rawGraph(`
      file = ReadFile()
      s = Split<num_split=2>(file, file)
      y = Add(s, s:1)`);
    const ends: Ends = {
      inputs: [
        { name: 'a', ref: 's:0', type: 1, shape },
        { name: 'b', ref: 's:1', type: 1, shape },
      ],
      outputs: [{ name: 'y', ref: 'y:0' }],
    };
    expect(printFlat(inlineGraph(raw, ends))).toBe(
      lines(`
        s = Placeholder()
        s:1 = Placeholder()
        y = Add(s, s:1)
        -> y = y`),
    );
  });

  it.each([
    ['a node that needs itself', 'a = Neg(b)\nb = Neg(a)', 'a', /node needs its own result/],
    [
      'a loop of TensorFlow 1',
      'e = Enter(n)\nm = Merge(e, n)\nn = NextIteration(m)',
      'm',
      /loop in the form of TensorFlow 1/,
    ],
    ['a reference to nothing', 'a = Neg(b)', 'a', /a: It reads "b", which is not there/],
    ['an output that is not there', 'a = Const(1)', 'b', /It reads "b"/],
    ['a function that is not there', 'a = PartitionedCall<f=@f>()', 'a', /calls the function "f"/],
    [
      'a function that calls itself',
      'a = PartitionedCall<f=@f>()\nfunction f() -> (r: f32 = b:output:0)\nb = PartitionedCall<f=@g>()\nfunction g() -> (r: f32 = c:output:0)\nc = PartitionedCall<f=@f>()',
      'a',
      /function f: The function calls itself/,
    ],
    ['too many arguments', 'a = PartitionedCall<f=@f>(a2)\na2 = Const(1)\nfunction f() -> ()', 'a', /with 1 arguments/],
    [
      'an output that no operator has',
      'x = Const(1)\na = f(x)\nfunction f(x: f32) -> (r: f32 = t:best:0)\nt = TopKV2(x, x)',
      'a',
      /output "best" of TopKV2/,
    ],
    ['a placeholder that nobody feeds', 'a = Neg(p)\np = PlaceholderV2()', 'a', /not among the inputs/],
    ['a result that is computed in no branch', 'p = Const(true)\na = Switch(p, p)', 'a', /branch that is never taken/],
  ])('refuses %s', (_, text, output, problem) => {
    expect(() => flat(text, output)).toThrow(problem);
    expect(() => flat(text, output)).toThrow(/graph\.pb/);
  });

  it('refuses functions that double themselves without end, before memory is gone', () => {
    const doubling = Array.from(
      { length: 60 },
      (_, at) =>
        `function f${at}(x: f32) -> (r: f32 = b:output:0)\na = PartitionedCall<f=@f${at + 1}>(x)\nb = PartitionedCall<f=@f${at + 1}>(a:output:0)`,
    );
    const text = `x = Placeholder()\ny = PartitionedCall<f=@f0>(x)\n${doubling.join('\n')}\nfunction f60(x: f32) -> (r: f32 = x)`;
    expect(() => flat(text, 'y')).toThrow(/more than 100 deep or 100000 times/);
  });

  it('takes a chain of a hundred thousand nodes', () => {
    const chain = Array.from({ length: 1e5 }, (_, at) => `n${at + 1} = Neg(n${at})`);
    expect(flat(`n0 = Placeholder()\n${chain.join('\n')}`, 'n100000').split('\n')).toHaveLength(1e5 + 2);
  });
});

describe('a graph without a signature', () => {
  it('is entered at its placeholders and left at what nobody reads', () => {
    const raw = rawGraph(`
      x = Placeholder<dtype=f32>()
      unused = Placeholder<dtype=f32>()
      is_training = Placeholder<dtype=bool>()
      s = Switch(x, is_training)
      k = Const(2)
      t = TopKV2(s, k)
      w = VariableV2()
      save = SaveV2(k, w)
      group = NoOp(^save, ^t)
      other = Neg(k)`);
    const ends = frozenEnds(raw);
    expect(ends.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(ends.outputs).toEqual([
      { name: 't', ref: 't' },
      { name: 't:1', ref: 't:1' },
    ]);
    // The switch of training is off, which is said.
    const graph = inlineGraph(raw, ends);
    expect(graph.assumed).toEqual(['is_training']);
    expect(printFlat(graph)).toBe('x = Placeholder()\nk = Const()\nt = TopKV2(x, k)\n-> t = t, t:1 = t:1');
  });
});
