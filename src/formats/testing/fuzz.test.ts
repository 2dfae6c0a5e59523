/** The watchman of fuzzing sees what it is there for: mutants that hang, die, or are said to be faulty. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { fuzz } from './fuzz.ts';
import { mutate, mutateJson } from './fuzz-mutations.ts';

const folder = mkdtempSync(join(tmpdir(), 'pare-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that goes through its mutants and does something else at the third. */
function childThat(does: string): string {
  const path = join(folder, `${does.replace(/\W+/g, '-')}.mjs`);
  writeFileSync(
    path,
    `import { writeSync } from 'node:fs';
const [, from, to] = process.argv.slice(2);
const tell = (told) => writeSync(1, JSON.stringify(told) + '\\n');
console.log('a library that talks');
for (let index = Number(from); index < Number(to); index++) {
  tell({ what: 'start', index });
  if (index === 2) { ${does} }
  tell({ what: 'end', index, outcome: 'refused', cpuMs: 1, bytes: 1000 });
}
tell({ what: 'peak', bytes: 2000, cpuMs: 10 });
`,
  );
  return path;
}

describe('the watchman of mutants', () => {
  it.each([
    ['hangs', 'for (;;);', /hangs/],
    ['dies', 'process.abort();', /the process died/],
    ['ends without a word', 'process.exit(3);', /the process died/],
  ])('sees one that %s, and goes on behind it', async (_, does, text) => {
    const report = await fuzz('onnx', 5, 0, { child: childThat(does), silenceMs: 4000 });
    expect(report.faults).toEqual([{ index: 2, base: '', mutation: '', text: expect.stringMatching(text) }]);
    expect(report.outcomes).toEqual({ opened: 0, written: 0, refused: 4, fault: 1 });
  });

  it('passes on what a process says of its mutants', async () => {
    const fault =
      "tell({ what: 'end', index, outcome: 'fault', base: 'b', mutation: 'm', text: 't', bytes: 5000 }); continue;";
    const report = await fuzz('onnx', 4, 1, { child: childThat(fault) });
    expect(report).toMatchObject({
      mutants: 3,
      faults: [{ index: 2, base: 'b', mutation: 'm', text: 't' }],
      outcomes: { refused: 2, fault: 1 },
      peakBytes: 5000,
    });
  });
});

describe('mutations', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i < 100 ? 0x30 + (i % 10) : i & 255));

  it('are the same for the same seed, change the file, and leave the original', () => {
    const before = Uint8Array.from(bytes);
    let changed = 0;
    for (let seed = 0; seed < 300; seed++) {
      const one = mutate(bytes, seededRandom(seed));
      expect(mutate(bytes, seededRandom(seed))).toEqual(one);
      if (one.bytes.length !== bytes.length || one.bytes.some((byte, i) => byte !== bytes[i])) changed++;
    }
    expect(bytes).toEqual(before);
    expect(changed).toBeGreaterThan(270);
  });

  it('of any file give some file', () => {
    for (const length of [0, 1, 3, 7]) {
      for (let seed = 0; seed < 200; seed++) mutate(new Uint8Array(length), seededRandom(seed));
    }
  });

  it('of JSON stay JSON', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { text } = mutateJson('{"a": [1, {"b": "c"}], "d": null}', seededRandom(seed));
      expect(() => JSON.parse(text)).not.toThrow();
    }
  });
});
