/** `pare presets`: the recipes that come with Pare; with a name, that recipe as JSON to start one's own from. */
import { PareError } from '#base/failure.ts';
import type { Command } from './command.ts';
import { jsonText } from './json.ts';
import { tableLines } from './table.ts';

export const presetsCommand: Command = {
  name: 'presets',
  summary: 'Lists the recipes that come with Pare',
  usage: '[--show NAME] [--json]',
  details: ['pare presets --show int8-channel > mine.json   gives a recipe to change and pass to optimize --recipe.'],
  flags: {
    show: { type: 'string', value: 'NAME', help: 'prints one recipe as JSON' },
    json: { type: 'boolean', help: 'for programs: id, title, summary, recipe' },
  },
  positionals: [],
  async run(args, terminal) {
    const { presetInfos } = await import('#studio/catalog.ts');
    const presets = presetInfos();
    const shown = args.text('show');
    if (shown !== undefined) {
      const preset = presets.find((candidate) => candidate.id === shown);
      if (preset === undefined) {
        throw new PareError({
          code: 'cli/no-preset',
          place: `preset ${shown}`,
          problem: 'there is none of this name.',
          hint: `Presets are ${presets.map((known) => known.id).join(', ')}.`,
        });
      }
      terminal.out(jsonText(preset.recipe));
      return;
    }
    if (args.on('json')) {
      terminal.out(jsonText({ presets }));
      return;
    }
    const rows = presets.map((preset) => [preset.id, preset.summary]);
    for (const line of tableLines([{ title: 'preset' }, { title: 'what it does' }], rows)) terminal.out(line);
  },
};
