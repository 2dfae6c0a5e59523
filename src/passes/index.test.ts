import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PASSES } from './index.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Names that the files of this folder give to passes. */
function namesInFiles(): string[] {
  const names: string[] = [];
  for (const entry of readdirSync(here, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const match of text.matchAll(/: Pass<[^=]*> = \{\s*name: '([^']+)'/g)) names.push(match[1]!);
  }
  return names;
}

describe('the list of passes', () => {
  it('has every pass of the folders once', () => {
    expect(PASSES.map((pass) => pass.name).toSorted()).toEqual(namesInFiles().toSorted());
    expect(new Set(PASSES.map((pass) => pass.name)).size).toBe(PASSES.length);
  });

  it.each(PASSES.map((pass) => [pass.name, pass] as const))('%s describes itself', (name, pass) => {
    expect(name).toMatch(/^(simplify|fuse|prune|quantize|convert)\/[a-z0-9-]+$/);
    expect(pass.title.length).toBeGreaterThan(3);
    expect(pass.summary).toMatch(/^[A-Z].*\.$/);
    expect(pass.summary).not.toContain('\n');
    expect(pass.options.parse({})).toBeDefined();
    const schema = z.toJSONSchema(pass.options, { io: 'input' });
    for (const [option, property] of Object.entries(schema.properties ?? {})) {
      expect(property, option).toMatchObject({ title: expect.any(String), description: expect.any(String) });
      expect(property, option).toHaveProperty('default');
    }
    for (const earlier of pass.after ?? []) expect(PASSES.map((other) => other.name)).toContain(earlier);
  });
});
