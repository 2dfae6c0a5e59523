import { beforeEach, describe, expect, test } from 'vitest';
import { createWeightStore } from './weight-store.ts';
import { openEditor } from './open-editor.ts';
import { parseModel } from './parse.ts';
import { printModel, printWithWeights } from './print.ts';
import { verifyModel } from './verify.ts';
import { diffModels } from './diff.ts';
import type { Model, Node } from './model.ts';
import type { WeightStore } from './weights.ts';

const TEXT = `model "demo" opset onnx 17, com.microsoft 1 ir 8
graph main(%x: f32[N, 2, 4, 4] quantized {scale: f32[] [0.25], levels: "i8"}, %flag: bool[]) -> (%y, %"odd name") {
  %w: f32[3, 2, 1, 1] = const [1, -0.5, 0.25, inf, nan, -0]
  %q: f32[2, 2] = const i8[2, 2] [1, -2, 3, 127] quantized {scale: f32[2] [0.5, 0.25], zero: i8[2] [0, 0], axis: 0}
  %h: f32[N, 3, 4, 4] = Conv(%x, %w, _) {strides: ints[1, 1], pads: ints[]} @conv1
  %g quantized {scale: f32[] [0.5], zero: u8[] [3], levels: "u8"} = com.microsoft::Gelu(%h) {alpha: 0.5f, mode: "erf", blob: x"ff00", list: strings["a", "b"], t: tensor i64[2] [9007199254740993, 2]} @gelu
  %y = If(%flag) {then_branch: graph yes() -> (%a) {
    %a = Relu(%g) @relu
  }, else_branch: graph no() -> (%b) {
    %b = Identity(%g) @keep
  }} @choose
  %"odd name", _ = Split(%g) {axis: -1} @split
}
`;

let store: WeightStore;
let model: Model;

beforeEach(() => {
  store = createWeightStore();
  model = parseModel(TEXT, store);
});

function node(name: string): Node {
  const found = openEditor(model)
    .nodes()
    .find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

describe('text form', () => {
  test('prints and parses back to the same text', async () => {
    const printed = await printWithWeights(model, store);
    expect(printed).toBe(TEXT);
    expect(await printWithWeights(parseModel(printed, store), store)).toBe(printed);
  });

  test('tickets survive without values', () => {
    const printed = printModel(model);
    expect(printModel(parseModel(printed, store))).toBe(printed);
  });

  test.each([
    ['model "m" opset onnx 17 ir 8 graph g() -> (%y) {}', 'line 1: %y is not defined before it is used.'],
    ['model "m" opset onnx 17 ir 8\ngraph g(%x: q9[1]) -> () {}', 'line 2: "q9" is not an element type.'],
    ['model "m" opset onnx 17 ir 8\ngraph g() -> () { %c: f32[2] = const [1] }', 'line 2: 1 values for the shape [2].'],
  ])('%s is refused with its line', (text, sentence) => {
    expect(() => parseModel(text, store)).toThrow(sentence);
  });
});

describe('editor', () => {
  test('an edit in a subgraph leaves the model it was opened on alone', async () => {
    const edit = openEditor(model);
    const relu = edit.nodes().find((candidate) => candidate.name === 'relu');
    if (relu === undefined) throw new Error('no relu');
    edit.setOp(relu, 'Tanh');
    const next = edit.finish();
    expect(await printWithWeights(next, store)).toBe(TEXT.replace('Relu(', 'Tanh('));
    expect(await printWithWeights(model, store)).toBe(TEXT);
    expect(diffModels(model, next)).toMatchObject({
      nodesAdded: [],
      nodesRemoved: [],
      nodesChanged: ['choose', 'relu'],
    });
  });

  test('nothing changed gives the same graph object', () => {
    expect(openEditor(model).finish().graph).toBe(model.graph);
  });

  test('users and outputs are seen across subgraphs', () => {
    const edit = openEditor(model);
    const [g] = node('gelu').outputs;
    if (g === null || g === undefined) throw new Error('gelu makes nothing');
    expect(edit.users(g).map((user) => user.name)).toEqual(['relu', 'keep', 'split']);
    expect(edit.isOutput(g)).toBe(false);
    expect(edit.pathOf(node('relu'))).toEqual([{ node: 'choose', attr: 'then_branch' }]);
  });

  test('a bypassed node goes, and with it what only it made', async () => {
    const edit = openEditor(model);
    const gelu = node('gelu');
    const [from] = gelu.inputs;
    const [to] = gelu.outputs;
    if (from === null || from === undefined || to === null || to === undefined) throw new Error('no edge');
    edit.replaceUses(to, from, true);
    edit.removeNode(gelu);
    const next = edit.finish();
    const printed = await printWithWeights(next, store);
    expect(printed).not.toContain('gelu');
    expect(printed).not.toContain('%g');
    expect(verifyModel(next)).toEqual([]);
  });

  test('an inserted node stands where it was asked and gets unique names', () => {
    const edit = openEditor(model);
    const conv = node('conv1');
    const [h] = conv.outputs;
    if (h === null || h === undefined) throw new Error('conv makes nothing');
    const added = edit.addNode(
      { name: 'conv1', op: 'Relu', inputs: [h], outputs: [{ name: 'h', dtype: 'f32', shape: null }] },
      { after: conv },
    );
    expect(added.name).toBe('conv1_1');
    expect(edit.graph.nodes.map((each) => each.name)).toEqual(['conv1', 'conv1_1', 'gelu', 'choose', 'split']);
  });

  test('a constant inside a subgraph lands there', () => {
    const edit = openEditor(model);
    const path = edit.pathOf(node('relu'));
    const id = edit.addConstant('w', store.put('f32', [1], new Uint8Array(4)), undefined, path);
    expect(edit.value(id).name).toBe('w_1');
    const branch = edit
      .finish()
      .graph.nodes.find((each) => each.name === 'choose')
      ?.attrs.get('then_branch');
    expect(branch?.type === 'graph' && branch.value.values.has(id)).toBe(true);
  });
});

describe('verify', () => {
  const refused = (text: string): readonly string[] =>
    verifyModel(parseModel(`model "m" opset onnx 17 ir 8\n${text}`, store)).map((notice) => notice.code);

  test('a well-formed model has nothing to say', () => {
    expect(verifyModel(model)).toEqual([]);
  });

  test.each([
    ['graph g(%x: f32[1]) -> (%y) { %y: f32[1] = Relu(%x) @a %z = Relu(%y) @a }', 'ir/duplicate-node'],
    ['graph g(%x: f32[1]) -> (%y) { %y = Relu(%x) @a %y = Relu(%x) @b }', 'ir/defined-twice'],
  ])('%s', (text, code) => {
    expect(refused(text)).toContain(code);
  });

  test('a cycle, a dangling name and a wrong order are told apart', () => {
    const swap = (inputs: Record<string, string>): readonly string[] => {
      const edit = openEditor(model);
      for (const [reader, maker] of Object.entries(inputs)) {
        const [made] = node(maker).outputs;
        edit.setInputs(node(reader), [made ?? null, ...node(reader).inputs.slice(1)]);
      }
      return verifyModel(edit.finish()).map((notice) => notice.code);
    };
    expect(swap({ conv1: 'gelu' })).toEqual(['ir/cycle']);
    expect(swap({ conv1: 'split', split: 'conv1' })).toEqual(['ir/cycle']);
    const gone = openEditor(model);
    gone.removeNode(node('conv1'));
    expect(verifyModel(gone.finish()).map((notice) => notice.code)).toEqual(['ir/dangling']);
  });
});

describe('grids of computed values', () => {
  const text = (grid: string, value = '%h: f32[2]'): string => `model "m" opset onnx 17 ir 8
graph main(%x: f32[2]) -> (%y) {
  ${value} ${grid} = Relu(%x) @relu
  %y: f32[2] = Relu(%h) @last
}
`;
  const GRID = 'quantized {scale: f32[] [0.5], zero: u8[] [3], levels: "u8"}';

  test('are set and taken away again', async () => {
    const before = parseModel(text(GRID), store);
    const edit = openEditor(before);
    const [h] = edit.nodes()[0]!.outputs;
    edit.setQuantization(h!, undefined);
    const without = edit.finish();
    expect(await printWithWeights(without, store)).toBe(text(GRID).replace(` ${GRID}`, ''));
    expect(diffModels(before, without)).toMatchObject({ nodesChanged: [], constantsChanged: [], gridsChanged: ['h'] });
    expect(diffModels(before, before).gridsChanged).toEqual([]);
    const again = openEditor(without);
    again.setQuantization(h!, before.graph.values.get(h!)!.quantization);
    expect(await printWithWeights(again.finish(), store)).toBe(text(GRID));
  });

  test.each([
    [GRID, undefined],
    ['quantized {scale: f32[] [0.5], zero: i8[] [3], levels: "u8"}', 'The zero point of "h" is i8 and its levels u8.'],
    ['quantized {scale: f32[2] [1, 1], levels: "u8", axis: 0}', '"h" is computed: it takes one scale for the tensor'],
    ['quantized {scale: f32[] [0.5]}', '"h" is computed and has scales, but no type of levels'],
    [
      'quantized {scale: f32[] [0.5], levels: "i32"}',
      '"h" is to be rounded to i32, which is not an integer of at most',
    ],
    ['quantized {scale: f16[] [0.5], levels: "i8"}', '"h" is f32 and its scale f16; they must be of one type.'],
    ['quantized {scale: f32[] [0.5], zero: i8[1] [0], levels: "i8"}', 'has the shape [1] and its scale [].'],
  ])('%s is verified', (grid, sentence) => {
    const notices = verifyModel(parseModel(text(grid), store)).map((notice) => notice.text);
    if (sentence === undefined) expect(notices).toEqual([]);
    else expect(notices.join()).toContain(sentence);
  });
});
