/** `pare passes`: what can be done to a model, and the options of each pass as its own schema describes them. */
import type { Command } from './command.ts';
import { jsonText } from './json.ts';
import { tableLines } from './table.ts';

/** What JSON Schema says about one option, as far as the list shows it. */
interface OptionSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly title?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly anyOf?: readonly OptionSchema[];
  readonly const?: unknown;
}

export const passesCommand: Command = {
  name: 'passes',
  summary: 'Lists the passes and their options',
  usage: '[--json]',
  flags: { json: { type: 'boolean', help: 'for programs: name, title, summary, keeps, after, schema, defaults' } },
  positionals: [],
  async run(args, terminal) {
    const { passInfos } = await import('#studio/catalog.ts');
    const passes = passInfos();
    if (args.on('json')) {
      terminal.out(jsonText({ passes }));
      return;
    }
    for (const pass of passes) {
      terminal.out(`${pass.name}  (keeps ${pass.keeps})`);
      terminal.out(`  ${pass.summary}`);
      const options = Object.entries(propertiesOf(pass.schema));
      const rows = options.map(([name, option]) => [
        `    ${name}`,
        allowed(option),
        option.default === undefined ? '' : `default ${JSON.stringify(option.default)}`,
        option.description ?? option.title ?? '',
      ]);
      for (const line of tableLines([{ title: '' }, { title: '' }, { title: '' }, { title: '' }], rows).slice(1)) {
        terminal.out(line);
      }
      terminal.out('');
    }
  },
};

function propertiesOf(schema: object): Readonly<Record<string, OptionSchema>> {
  return 'properties' in schema ? (schema.properties as Record<string, OptionSchema>) : {};
}

/** The values that an option takes, in a few characters: `2 | 4 | 8`, `0..1`, `integer`. */
function allowed(option: OptionSchema): string {
  if (option.const !== undefined) return String(option.const);
  if (option.enum !== undefined) return option.enum.map(String).join(' | ');
  if (option.anyOf !== undefined) return option.anyOf.map(allowed).join(' | ');
  const unit = option.unit === undefined ? '' : ` ${option.unit}`;
  // Zod's bound for "any whole number" says nothing to people.
  const low = option.minimum !== undefined && option.minimum > Number.MIN_SAFE_INTEGER ? option.minimum : undefined;
  const high = option.maximum !== undefined && option.maximum < Number.MAX_SAFE_INTEGER ? option.maximum : undefined;
  if (low === undefined && high === undefined) return `${option.type ?? ''}${unit}`;
  return `${low ?? ''}..${high ?? ''}${unit}`;
}
