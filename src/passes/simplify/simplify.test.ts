import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createWeightStore } from '#ir/weight-store.ts';
import { parseModel } from '#ir/parse.ts';
import { printWithWeights } from '#ir/print.ts';
import type { Pass, PassResult } from '#passes/pass.ts';
import { convertOpset } from '#passes/convert/opset.ts';
import { anyOptions } from '#passes/index.ts';
import { runPass, type TestDesk } from '#passes/testing/desk.ts';
import { joinDuplicateConstants } from './duplicate-constants.ts';
import { foldConstants } from './fold-constants.ts';
import { removeIdentity } from './identity.ts';
import { removeUnused } from './unused.ts';

interface Rewritten extends PassResult {
  readonly text: string;
}

async function rewrite(pass: Pass, graph: string, options: object = {}, desk: TestDesk = {}): Promise<Rewritten> {
  const store = createWeightStore();
  const model = parseModel(`model "m" opset onnx 13 ir 7\n${graph}`, store);
  const result = await runPass(pass, model, store, options, desk);
  return { ...result, text: await normal(printWithWeights(result.model, store)) };
}

async function normal(printed: Promise<string>): Promise<string> {
  return (await printed).split('\n').slice(1).join('\n').trim();
}

/** The same text as the printer writes it, so that only meaning is compared. */
async function canonical(graph: string): Promise<string> {
  const store = createWeightStore();
  return normal(printWithWeights(parseModel(`model "m" opset onnx 13 ir 7\n${graph}`, store), store));
}

/** The `Given` and `Result` parts of a file's opening comment. */
function example(file: string): readonly [string, string] {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const comment = source.slice(0, source.indexOf('*/')).replaceAll(/^ \* ?/gm, '');
  const [, given = '', result = ''] = /Given\n([\s\S]*?)Result\n([\s\S]*)/.exec(comment) ?? [];
  return [given.trim(), result.trim()];
}

const PASSES: readonly (readonly [string, Pass])[] = [
  ['./unused.ts', anyOptions(removeUnused)],
  ['./identity.ts', anyOptions(removeIdentity)],
  ['./fold-constants.ts', anyOptions(foldConstants)],
  ['./duplicate-constants.ts', anyOptions(joinDuplicateConstants)],
];

describe('the example in each file', () => {
  it.each(PASSES)('%s', async (file, pass) => {
    const [given, result] = example(file);
    expect((await rewrite(pass, given)).text).toBe(await canonical(result));
  });
});

describe('simplify/unused', () => {
  it('keeps a node whose operator is not known, and says so', async () => {
    const { ledger } = await rewrite(
      anyOptions(removeUnused),
      `graph main(%x: f32[2]) -> (%y) { %a = my::Log(%x) @log
       %y = Relu(%x) @y }`,
    );
    expect(ledger).toMatchObject([{ layer: 'log', action: 'left', code: 'unknown-operator' }]);
  });

  it('leaves an excluded layer alone', async () => {
    const { ledger, text } = await rewrite(
      anyOptions(removeUnused),
      `graph main(%x: f32[2]) -> (%y) { %a = Exp(%x) @e
       %y = Relu(%x) @y }`,
      {},
      { exclude: ['e'] },
    );
    expect(ledger).toMatchObject([{ layer: 'e', action: 'left', code: 'excluded' }]);
    expect(text).toContain('@e');
  });
});

describe('simplify/identity', () => {
  const same = async (body: string): Promise<readonly string[]> => {
    const { ledger } = await rewrite(
      anyOptions(removeIdentity),
      `graph main(%x: f32[2, 3], %n: f32[N, 3]) -> (%y) { ${body} }`,
    );
    return ledger.map((entry) => `${entry.layer} ${entry.action} ${entry.code}`);
  };

  it.each([
    ['Dropout', '%a = Dropout(%x) @t\n %y = Relu(%a) @r', ['t changed removed']],
    ['Cast to the same type', '%a = Cast(%x) {to: 1} @t\n %y = Relu(%a) @r', ['t changed removed']],
    ['Cast to another type', '%a = Cast(%x) {to: 10} @t\n %y = Relu(%a) @r', []],
    [
      'Reshape to the same shape',
      '%s: i64[2] = const [2, 3]\n %a = Reshape(%x, %s) @t\n %y = Relu(%a) @r',
      ['t changed removed'],
    ],
    [
      'Reshape of a named size',
      '%s: i64[2] = const [-1, 3]\n %a = Reshape(%n, %s) @t\n %y = Relu(%a) @r',
      ['t changed removed'],
    ],
    ['Reshape that moves', '%s: i64[2] = const [3, 2]\n %a = Reshape(%x, %s) @t\n %y = Relu(%a) @r', []],
    ['Add 0', '%z: f32[1] = const [0]\n %a = Add(%z, %x) @t\n %y = Relu(%a) @r', ['t changed removed']],
    ['Add 0 that widens', '%z: f32[4, 2, 3] = const zeros\n %a = Add(%x, %z) @t\n %y = Relu(%a) @r', []],
    ['0 - x', '%z: f32[1] = const [0]\n %a = Sub(%z, %x) @t\n %y = Relu(%a) @r', []],
    ['Mul 1', '%z: f32[3] = const [1, 1, 1]\n %a = Mul(%x, %z) @t\n %y = Relu(%a) @r', ['t changed removed']],
    ['Pad by nothing', '%z: i64[4] = const zeros\n %a = Pad(%x, %z) @t\n %y = Relu(%a) @r', ['t changed removed']],
    ['Pad that crops and grows', '%z: i64[4] = const [0, -1, 0, 1]\n %a = Pad(%x, %z) @t\n %y = Relu(%a) @r', []],
    [
      'Slice backwards',
      '%b: i64[1] = const [-1]\n %e: i64[1] = const [-9]\n %a = Slice(%x, %b, %e, %b, %b) @t\n %y = Relu(%a) @r',
      [],
    ],
    ['at the output', '%a = Relu(%x) @r\n %y = Identity(%a) @t', ['t changed removed']],
    ['between input and output', '%y = Identity(%x) @t', ['t left output']],
  ])('%s', async (_, body, expected) => {
    expect(await same(body)).toEqual(expected);
  });
});

describe('simplify/fold-constants', () => {
  it('folds what follows from a known shape', async () => {
    const { text } = await rewrite(
      anyOptions(foldConstants),
      `graph main(%x: f32[N, 4, 5]) -> (%y) {
         %s = Shape(%x) @shape
         %one: i64[1] = const [1]
         %c = Gather(%s, %one) {axis: 0} @pick
         %m: i64[1] = const [-1]
         %t = Concat(%m, %c) {axis: 0} @join
         %y = Reshape(%x, %t) @y
       }`,
    );
    expect(text).toContain('%t: i64[2] = const [-1, 4]');
    expect(text).not.toContain('Gather');
  });

  it('does not grow the file beyond what is allowed', async () => {
    const graph = `graph main(%x: f32[64, 64]) -> (%y) {
      %s: i64[2] = const [64, 64]
      %w = ConstantOfShape(%s) @fill
      %y = MatMul(%x, %w) @y
    }`;
    const kept = await rewrite(anyOptions(foldConstants), graph);
    expect(kept.ledger).toMatchObject([{ layer: 'fill', action: 'left', code: 'grows' }]);
    const folded = await rewrite(anyOptions(foldConstants), graph, { growthKiB: 64 });
    expect(folded.ledger).toMatchObject([{ layer: 'fill', action: 'changed', code: 'folded' }]);
  });

  it('does not copy a constant that stays for another reader', async () => {
    const { ledger } = await rewrite(
      anyOptions(foldConstants),
      `graph main(%i: i64[2], %x: f32[2, 32]) -> (%y) {
         %table: f32[64, 32] = const zeros
         %rows = Gather(%table, %i) @look
         %turned = Transpose(%table) {perm: ints[1, 0]} @turn
         %s = Add(%rows, %x) @s
         %y = MatMul(%s, %turned) @y
       }`,
    );
    expect(ledger).toMatchObject([{ layer: 'turn', action: 'left', code: 'grows' }]);
  });

  it('keeps random operators and outputs of the model', async () => {
    const { ledger, text } = await rewrite(
      anyOptions(foldConstants),
      `graph main(%x: f32[2]) -> (%y, %z) {
         %r = RandomNormal() {shape: ints[2]} @random
         %y = Add(%x, %r) @add
         %c: f32[1] = const [2]
         %z = Sqrt(%c) @root
       }`,
    );
    expect(ledger).toMatchObject([{ layer: 'root', action: 'left', code: 'output' }]);
    expect(text).toContain('@random');
  });

  it('works inside subgraphs', async () => {
    const { text } = await rewrite(
      anyOptions(foldConstants),
      `graph main(%x: f32[2], %c: bool[]) -> (%y) {
         %k: f32[1] = const [4]
         %y = If(%c) {
           then_branch: graph yes() -> (%a) { %q = Sqrt(%k) @q
             %a = Add(%x, %q) @a },
           else_branch: graph no() -> (%b) { %b = Neg(%x) @b }
         } @if
       }`,
    );
    expect(text).toContain('%q: f32[1] = const [2]');
    expect(text).not.toContain('Sqrt');
  });
});

describe('simplify/duplicate-constants', () => {
  it('does not join constants of other types or shapes', async () => {
    const { ledger } = await rewrite(
      anyOptions(joinDuplicateConstants),
      `graph main(%x: f32[2]) -> (%y) {
         %a: f32[2] = const [1, 2]
         %b: f32[1, 2] = const [1, 2]
         %c: f32[2] = const [1, 3]
         %s = Add(%x, %a) @s
         %t = Add(%s, %b) @t
         %y = Mul(%t, %c) @y
       }`,
    );
    expect(ledger).toEqual([]);
  });
});

describe('simplify/duplicate-constants in branches', () => {
  it('joins copies of two branches in the graph around them', async () => {
    const { text } = await rewrite(
      anyOptions(joinDuplicateConstants),
      `graph main(%x: f32[2], %c: bool[]) -> (%y) {
         %y = If(%c) {
           then_branch: graph yes() -> (%a) { %k: f32[2] = const [3, 4]
             %a = Add(%x, %k) @a },
           else_branch: graph no() -> (%b) { %l: f32[2] = const [3, 4]
             %b = Mul(%x, %l) @b }
         } @if
       }`,
    );
    expect(text.match(/const \[3, 4\]/g)).toHaveLength(1);
    expect(text).toContain('Add(%x, %k_shared)');
    expect(text).toContain('Mul(%x, %k_shared)');
  });
});

describe('convert/opset', () => {
  it('names the node that has no path, and leaves the model as it was', async () => {
    await expect(
      rewrite(anyOptions(convertOpset), 'graph main(%x: f32[2]) -> (%y) { %y = Odd(%x) @odd }', { target: 21 }),
    ).rejects.toThrow(
      'm, layer odd (Odd): The model cannot be raised from operator set 13 to 21: what changed in the operator Odd is not known.',
    );
  });

  it('never lowers', async () => {
    const { ledger } = await rewrite(anyOptions(convertOpset), 'graph main(%x: f32[2]) -> (%y) { %y = Relu(%x) @r }', {
      target: 13,
    });
    expect(ledger).toMatchObject([{ action: 'left', code: 'new-enough' }]);
  });
});
