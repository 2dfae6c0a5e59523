/** SavedModels and frozen graphs as models: opened as a flat graph, then lowered operator by operator. */
import { PareError } from '#base/failure.ts';
import type { FormatInput, ReadModel } from '#formats/format.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import { baseName } from '#formats/tensorflow/beside-files.ts';
import { withoutCalls } from '#formats/tensorflow/call-names.ts';
import { lowerTfGraph } from '#formats/tensorflow/lower/lower.ts';
import type { WeightStore } from '#ir/weights.ts';
import { openSavedModel } from './open.ts';

export async function readSavedModel(input: FormatInput, store: WeightStore): Promise<ReadModel> {
  try {
    return await read(input, store);
  } catch (error) {
    throw error instanceof PareError ? error.inFile(input.main) : error;
  }
}

async function read(input: FormatInput, store: WeightStore): Promise<ReadModel> {
  const { graph, notices, used, signatures, version } = await openSavedModel(input, store);
  let sizeBytes = 0;
  for (const file of used.values()) sizeBytes += file.sizeBytes;
  const lowering = createLowering({
    store,
    name: nameOf(input.main),
    source: { format: 'savedmodel', file: input.main, sizeBytes },
    producer: { name: 'tensorflow', version },
  });
  lowerTfGraph(withoutCalls(graph), lowering);
  const { model, notices: lowered } = lowering.finish();
  return { model, notices: [...notices, ...lowered], used, ...(signatures === undefined ? {} : { signatures }) };
}

/** A SavedModel is called as its folder is. */
function nameOf(main: string): string {
  const name = baseName(main).replace(/\.pb$/i, '');
  const folder = baseName(main.slice(0, Math.max(0, main.lastIndexOf('/'))));
  return name === 'saved_model' && folder !== '' ? folder : name;
}
