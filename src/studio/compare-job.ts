/** Use case: compares a result with its original on the person's inputs or on random ones, in a runtime of its own. */
import { PareError } from '#base/failure.ts';
import { blobSource } from '#base/sources.ts';
import { readInputArrays } from '#measure/input-files.ts';
import { compareModels, type InputChoice, originalFiles } from './compare.ts';
import type { JobContext } from './door.ts';
import type { Comparison, Jobs } from './jobs.ts';
import type { OpenRuntime } from '#runtimes/runtime.ts';
import type { OpenModel, Optimized } from './workshop.ts';
import { writeModel } from './write.ts';

export async function compareWithOriginal(
  open: OpenModel,
  result: Optimized,
  wish: Omit<Jobs['compare']['in'], 'modelId' | 'resultId'>,
  context: JobContext & { readonly openRuntime: OpenRuntime | null },
): Promise<Comparison> {
  if (context.openRuntime === null) {
    throw new PareError({ code: 'studio/no-runtime', problem: 'There is no runtime here to run models with.' });
  }
  const inputs = await inputsOf(wish);
  const { runtime, end } = await context.openRuntime(context.signal);
  try {
    const original = { model: open.model, files: await originalFiles(open) };
    return await compareModels(original, await writeModel(result), inputs, { ...context, runtime });
  } finally {
    end();
  }
}

async function inputsOf({
  inputs,
  runs,
  seed,
}: Omit<Jobs['compare']['in'], 'modelId' | 'resultId'>): Promise<InputChoice> {
  if (inputs === undefined) return { runs, seed };
  return { arrays: await readInputArrays(blobSource(inputs.path, inputs.file)), file: inputs.path };
}
