/** `pare optimize`: runs a recipe on a model, writes the result, and opens it again before it gets its name. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Cancelled, PareError } from '#base/failure.ts';
import { sizeOfFiles, type OutputFile } from '#base/bytes.ts';
import type { Comparison } from '#studio/jobs.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { Report } from '#recipes/report.ts';
import type { OpenModel } from '#studio/workshop.ts';
import type { CalibrationSource } from '#measure/calibration/evidence-source.ts';
import type { Evaluation } from '#measure/evaluation/report.ts';
import type { PreparedData } from '#studio/data.ts';
import { SIGNATURE_FLAG, UsageError } from './command.ts';
import type { Command, Terminal } from './command.ts';
import { DATA_FLAGS, dataFromFlags } from './data-flags.ts';
import { evaluateOnData } from './evaluate.ts';
import { printEvaluation } from './evaluation-text.ts';
import { feedsFor, INPUT_FLAGS, inputChoice } from './input-flags.ts';
import type { InputChoice } from './input-flags.ts';
import { jsonText } from './json.ts';
import { printReport } from './report-text.ts';
import { bytesText, decibelText } from './table.ts';
import { outputPath, refuseOverwriting, writeJudged } from './write-files.ts';

export const optimizeCommand: Command = {
  name: 'optimize',
  summary: 'Runs a recipe on a model and writes the result',
  usage: 'MODEL --recipe FILE|PRESET -o OUT [--data PATH] [--report FILE]',
  details: [
    "RECIPE is a preset ('pare presets') or a JSON file ('pare presets --show NAME' prints one to start from).",
    'The result is run by onnxruntime on seeded random inputs beside the original before it gets its name; a result that',
    'onnxruntime refuses is not kept. With --data, steps that round activations measure their ranges on its calibration part, and',
    'accuracy is measured before and after on the rest; see pare help evaluate for what PATH may be. The report holds every step, every layer, and every layer left alone',
    'with the reason.',
  ],
  flags: {
    recipe: { type: 'string', short: 'r', value: 'FILE|PRESET', help: 'what to do' },
    output: { type: 'string', short: 'o', value: 'OUT', help: 'file to write, or a folder that exists' },
    report: { type: 'string', value: 'FILE', help: 'writes the report as JSON' },
    'external-data': {
      type: 'string',
      value: 'MODE',
      help: 'keep (default), inline or external: where the weights go',
    },
    'no-verify': { type: 'boolean', help: 'does not run the result' },
    ...INPUT_FLAGS,
    ...DATA_FLAGS,
    layers: { type: 'boolean', help: 'lists what became of each layer' },
    ...SIGNATURE_FLAG,
  },
  positionals: ['MODEL'],
  async run(args, terminal) {
    const [path = ''] = args.positionals;
    const recipeName = args.text('recipe');
    const output = args.text('output');
    if (recipeName === undefined) throw new UsageError('optimize needs --recipe FILE or PRESET.');
    if (output === undefined) throw new UsageError('optimize needs -o OUT.');
    const externalData = externalMode(args.text('external-data'));
    const choice = args.on('no-verify') ? null : inputChoice(args, undefined, VERIFY_RUNS);
    const recipe = await recipeFrom(recipeName);
    const { openPath, printNotices } = await import('./models.ts');
    const { optimizeModel } = await import('#studio/optimize.ts');
    const { writeModel } = await import('#studio/write.ts');
    const { openBackendForNode } = await import('./backend.ts');
    const open = await openPath(path, args.text('signature'));
    const out = outputPath(output, open);
    const reportFile = args.text('report');
    refuseOverwriting(reportFile === undefined ? [out] : [out, reportFile], open.files);
    refuseReport(reportFile, out);
    const data = await dataFromFlags(args, open, terminal, recipe.data);
    const backend = await openBackendForNode(open.fileBytes);
    try {
      const { signal, onProgress } = terminal;
      const evidence = data === null ? undefined : await evidenceFrom(data);
      const optimized = await optimizeModel(open, recipe, { backend, signal, onProgress, evidence });
      const files = await writeModel(optimized, { path: basename(out), externalData });
      refuseOverwriting(
        files.map((file) => join(dirname(out), file.path)),
        open.files,
      );
      const verified = await deliver(open, files, dirname(out), choice, terminal);
      const evaluation =
        data === null || choice === null
          ? null
          : await evaluateResult(open, join(dirname(out), files[0]?.path ?? ''), data, terminal);
      if (reportFile !== undefined) writeReport(reportFile, optimized.report, verified, evaluation);
      printReport(optimized.report, args.on('layers'), terminal);
      terminal.out(verifiedText(verified));
      if (optimized.report.calibratedOn !== undefined) terminal.out(`ranges: ${optimized.report.calibratedOn}`);
      terminal.out(
        `wrote ${files.map((file) => `${join(dirname(out), file.path)} (${bytesText(file.sizeBytes)})`).join(', ')}`,
      );
      if (evaluation !== null) {
        terminal.out('');
        printEvaluation(evaluation, { classes: false, before: open.fileBytes, after: sizeOfFiles(files) }, terminal);
        printNotices(evaluation.notices, terminal);
      }
      printNotices(optimized.report.notices, terminal);
      if ('comparison' in verified) printNotices(verified.comparison.notices, terminal);
    } finally {
      backend.close();
    }
  },
};

/** One loud signal and one quiet: see `randomFeeds`. */
const VERIFY_RUNS = 2;

/** Memory that onnxruntime may take for a model, in sizes of its file: the file, its weights once more, and some to work with. */
const RUNTIME_SHARE = 3;

/** Timed runs of each model when accuracy is measured. */
const LATENCY_RUNS = 30;

/** Ranges are measured in this process: its memory goes with the command. */
async function evidenceFrom(data: PreparedData): Promise<CalibrationSource> {
  const { createEvidence } = await import('#measure/calibration/evidence-source.ts');
  const { hostOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
  return createEvidence({
    samples: data.calibration,
    openRuntime: hostOnnxruntimeNode,
  });
}

/** Accuracy before and after on samples that ranges were not measured on. */
async function evaluateResult(
  open: OpenModel,
  resultPath: string,
  data: PreparedData,
  terminal: Terminal,
): Promise<Evaluation | null> {
  if (data.evaluation.length === 0) return null;
  const { runnableAt } = await import('./models.ts');
  const pair = { before: await runnableAt(open), after: { name: 'the result', model: { path: resultPath } } };
  return evaluateOnData(pair, data, 'evaluation', LATENCY_RUNS, terminal);
}

/** What running the result told, or why it was not run. */
type Verified = { readonly comparison: Comparison } | { readonly notVerified: string };

function externalMode(mode: string | undefined): 'keep' | 'inline' | 'external' {
  if (mode === undefined) return 'keep';
  if (mode === 'keep' || mode === 'inline' || mode === 'external') return mode;
  throw new UsageError(`--external-data takes keep, inline or external, not '${mode}'.`);
}

async function recipeFrom(name: string): Promise<Recipe> {
  const { findPreset, PRESETS } = await import('#recipes/presets.ts');
  const { readRecipe } = await import('#recipes/check.ts');
  const preset = findPreset(name);
  if (preset !== undefined) return preset.recipe;
  if (existsSync(name) && statSync(name).isFile()) return readRecipe(readFileSync(name, 'utf8'), name);
  throw new PareError({
    code: 'cli/no-recipe',
    place: `recipe ${name}`,
    problem: 'it is neither a file nor a preset.',
    hint: `Presets are ${PRESETS.map((known) => known.id).join(', ')}.`,
  });
}

/** A report that cannot be written is refused before the work rather than after it. */
function refuseReport(path: string | undefined, out: string): void {
  if (path === undefined) return;
  const same = resolve(path) === resolve(out);
  if (!same && existsSync(dirname(path))) return;
  throw new PareError({
    code: 'cli/report-path',
    file: path,
    problem: same ? 'the report would overwrite the result.' : 'there is no such folder for the report.',
    hint: 'Choose another place with --report.',
  });
}

/** Runs the result before it gets its name, so that one that onnxruntime refuses is not kept. */
async function deliver(
  open: OpenModel,
  files: readonly OutputFile[],
  folder: string,
  choice: InputChoice | null,
  terminal: Terminal,
): Promise<Verified> {
  return writeJudged(folder, files, terminal.signal, async (path) =>
    choice === null
      ? { notVerified: 'it was not asked for' }
      : verifyResult(open, sizeOfFiles(files), path, choice, terminal),
  );
}

/** A loud and a quiet random run beside the original. A result that does not load or run where the original does is refused. */
async function verifyResult(
  open: OpenModel,
  resultBytes: number,
  resultPath: string,
  choice: InputChoice,
  terminal: Terminal,
): Promise<Verified> {
  const bytes = open.fileBytes + resultBytes;
  if (bytes * RUNTIME_SHARE > totalmem()) {
    return {
      notVerified: `original and result take ${bytesText(bytes)} together, too much to run beside each other here`,
    };
  }
  const { runnableAt } = await import('./models.ts');
  const { openOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
  const { compareSessions } = await import('#measure/compare.ts');
  const runtime = await openOnnxruntimeNode();
  let given: GivenFeeds;
  let before: Awaited<ReturnType<typeof runtime.load>>;
  try {
    before = await runtime.load(await runnableAt(open));
    given = await feedsFor(before, open.model, choice, terminal.signal);
    await before.run(given.feeds[0] ?? new Map());
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    return { notVerified: `the original itself could not be run on random inputs (${error.message})` };
  }
  try {
    const after = await runtime.load({ name: 'the result', model: { path: resultPath } });
    const { outputs, notices } = await compareSessions(before, after, given.feeds, terminal);
    await after.close();
    await before.close();
    return { comparison: { outputs, notices, method: given.method, runtime: runtime.description } };
  } catch (error) {
    if (error instanceof Cancelled || !(error instanceof PareError)) throw error;
    throw new PareError(
      { ...error.parts, hint: `${error.parts.hint ?? ''} It was not kept; --no-verify would keep it.`.trim() },
      { cause: error },
    );
  }
}

function verifiedText(verified: Verified): string {
  if ('notVerified' in verified) return `not verified: ${verified.notVerified}`;
  const { outputs, method, runtime } = verified.comparison;
  const worst = Math.min(...outputs.map((output) => (Number.isNaN(output.sqnrDb) ? Infinity : output.sqnrDb)));
  return `verified: outputs ${worst === Infinity ? 'are equal' : `have at least ${decibelText(worst)} SQNR`}; ${method}, ${runtime}`;
}

function writeReport(path: string, report: Report, verified: Verified, evaluation: Evaluation | null): void {
  try {
    const check = 'comparison' in verified ? { verified: verified.comparison } : { verified: null, ...verified };
    writeFileSync(path, `${jsonText({ ...report, ...check, ...(evaluation === null ? {} : { evaluation }) })}\n`);
  } catch (error) {
    throw new PareError(
      { code: 'cli/write', file: path, problem: 'the report could not be written.' },
      { cause: error },
    );
  }
}
