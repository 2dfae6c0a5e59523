/** TF.js models as models: graph models through the operator table of TensorFlow, layers models through that of Keras. */
import { PareError } from '#base/failure.ts';
import type { FormatInput, ReadModel } from '#formats/format.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import { baseName } from '#formats/tensorflow/beside-files.ts';
import { lowerTfGraph } from '#formats/tensorflow/lower/lower.ts';
import type { ModelSource } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { openTfjs, tfjsGraph } from './open.ts';

export async function readTfjs(input: FormatInput, store: WeightStore): Promise<ReadModel> {
  try {
    return await read(input, store);
  } catch (error) {
    throw error instanceof PareError ? error.inFile(input.main) : error;
  }
}

async function read(input: FormatInput, store: WeightStore): Promise<ReadModel> {
  const model = await openTfjs(input);
  const source = input.files.get(input.main);
  const used = new Map([...(source === undefined ? [] : [[input.main, source] as const]), ...model.beside.used]);
  let sizeBytes = 0;
  for (const file of used.values()) sizeBytes += file.sizeBytes;
  const madeBy = model.json['convertedBy'] ?? model.json['generatedBy'];
  const origin: ModelSource = { format: 'tfjs', file: input.main, sizeBytes };
  if (model.kind === 'layers') {
    const { readLayersModel } = await import('./layers-model.ts');
    return { ...(await readLayersModel(model.topology, model.weights, store, origin)), used };
  }
  const lowering = createLowering({
    store,
    name: nameOf(input.main),
    source: origin,
    producer: { name: 'tfjs', version: typeof madeBy === 'string' ? madeBy : '' },
  });
  const { graph, notices } = await tfjsGraph(input.main, model, store);
  lowerTfGraph(graph, lowering);
  const { model: made, notices: lowered } = lowering.finish();
  return { model: made, notices: [...notices, ...lowered], used };
}

/** `model.json` says nothing: its folder does. */
function nameOf(main: string): string {
  const name = baseName(main).replace(/\.json$/i, '');
  const folder = baseName(main.slice(0, Math.max(0, main.lastIndexOf('/'))));
  return name === 'model' && folder !== '' ? folder : name;
}
