import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { jsonText } from './json.ts';
import { visible } from './terminal.ts';
import { bytesText, countText, decibelText, shapeText, tableLines } from './table.ts';

describe('jsonText', () => {
  it('writes infinities as numbers that overflow, and NaN as null', () => {
    const text = jsonText({ a: Infinity, b: -Infinity, c: NaN, d: [1, Infinity], e: undefined, f: 2n ** 60n });
    expect(text).toBe(
      '{\n  "a": 1e999,\n  "b": -1e999,\n  "c": null,\n  "d": [1, 1e999],\n  "f": 1152921504606846976\n}',
    );
    expect(JSON.parse(text)).toMatchObject({ a: Infinity, b: -Infinity, c: null });
  });

  it('says what JSON.stringify says for everything else', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(JSON.parse(jsonText(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes maps as objects', () => {
    expect(jsonText(new Map([['x', 1]]))).toBe('{\n  "x": 1\n}');
  });
});

describe('tables and units', () => {
  it('aligns columns and cuts long texts in the middle', () => {
    const lines = tableLines(
      [{ title: 'name', maxWidth: 9 }, { title: 'n', align: 'right' }, { title: 'end' }],
      [
        ['a', '1', ''],
        ['abcdefghijkl', '100', 'x'],
      ],
    );
    expect(lines).toEqual(['name         n  end', 'a            1', 'abc...jkl  100  x']);
  });

  it.each([
    [1, '1 byte'],
    [999, '999 bytes'],
    [26_454, '26.5 kB'],
    [999_600, '1.00 MB'],
    [1_500_000_000, '1.50 GB'],
  ])('%i bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [0, '0'],
    [999, '999'],
    [308_000, '308 k'],
    [25_600_000, '25.6 M'],
  ])('%i is %s', (count, text) => expect(countText(count)).toBe(text));

  it('tells equal, unknown and measured', () => {
    expect([Infinity, NaN, null, 38.207].map(decibelText)).toEqual(['equal', '-', '-', '38.21 dB']);
    expect([shapeText(null), shapeText([1, 'N', null])]).toEqual(['unknown', '[1, N, ?]']);
  });
});

describe('readArguments', () => {
  const command: Command = {
    name: 'demo',
    summary: '',
    usage: '',
    flags: {
      out: { type: 'string', short: 'o', help: '' },
      many: { type: 'string', multiple: true, help: '' },
      json: { type: 'boolean', help: '' },
    },
    positionals: ['MODEL'],
    run: async () => {},
  };

  it('reads flags and positionals in any order', () => {
    const args = readArguments(command, ['--json', 'a.onnx', '-o', '12', '--many', 'x', '--many=y']);
    expect([args.positionals, args.text('out'), args.texts('many'), args.on('json')]).toEqual([
      ['a.onnx'],
      '12',
      ['x', 'y'],
      true,
    ]);
    expect([args.count('out', 1), args.count('none', 7)]).toEqual([12, 7]);
  });

  it.each([
    ['nothing', [], 'demo needs MODEL.'],
    ['too much', ['a', 'b'], "demo does not take another argument: 'b'."],
    ['an unknown flag', ['a', '--nope'], "Unknown option '--nope'."],
    ['a flag without its value', ['a', '--out'], "Option '-o, --out <value>' argument missing."],
  ])('refuses %s', (_, args, message) => {
    expect(() => readArguments(command, args)).toThrow(UsageError);
    expect(() => readArguments(command, args)).toThrow(message);
  });

  it.each(['', 'x', '1.5', '-1', '1e400'])('refuses %o as a count', (text) => {
    const args = readArguments(command, ['a', `--out=${text}`]);
    expect(() => args.count('out', 1)).toThrow('whole number');
  });
});

describe('visible', () => {
  it('shows control characters of names instead of obeying them', () => {
    expect(visible('a\u001b[2Jb\u0007\tc\nd\u009b')).toBe('a\uFFFD[2Jb\uFFFD\tc\nd\uFFFD');
  });
});
