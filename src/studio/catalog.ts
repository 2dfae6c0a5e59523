/** What there is to choose from, for menus, forms and help: passes with their options as JSON Schema, and presets. */
import { z } from 'zod';
import { dataSettings } from '#data/settings.ts';
import { PASSES } from '#passes/index.ts';
import { PRESETS } from '#recipes/presets.ts';
import type { PassInfo, PresetInfo } from './jobs.ts';

export function passInfos(): readonly PassInfo[] {
  return PASSES.map((pass) => ({
    name: pass.name,
    title: pass.title,
    summary: pass.summary,
    keeps: pass.keeps,
    needs: pass.needs ?? [],
    after: pass.after ?? [],
    // Input side: fields with a default may be left out.
    schema: z.toJSONSchema(pass.options, { io: 'input' }),
    defaults: { ...pass.options.parse({}) },
  }));
}

export function presetInfos(): readonly PresetInfo[] {
  return PRESETS.map(({ id, title, summary, recipe }) => ({ id, title, summary, recipe }));
}

export function dataSchema(): object {
  return z.toJSONSchema(dataSettings, { io: 'input' });
}
