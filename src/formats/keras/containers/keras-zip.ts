/**
 * Keras models saved as `.keras`: a zip of `config.json`, `metadata.json` and `model.weights.h5`. Keras stores its members without
 * packing them, so that weights are ranges of the archive itself.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import type { WeightStore } from '#ir/weights.ts';
import { openHdf5 } from '#wire/hdf5/hdf5.ts';
import { readZip, type ZipMember } from '#wire/zip.ts';
import { MAX_CONFIG_BYTES, readConfig } from './config-text.ts';
import { readLayerTree } from './layer-tree.ts';
import { readVariables } from './variables.ts';

/** Reads configuration and places of weights; the weights stay in the file where they are stored in it unpacked. */
export async function readKerasArchive(source: ByteSource, store: WeightStore): Promise<KerasArchive> {
  const members = new Map((await readZip(source)).map((member) => [member.path, member] as const));
  const folder = folderOf(members);
  const config = members.get(`${folder}config.json`);
  if (config === undefined) {
    const problem = 'It has no config.json, which every .keras file has.';
    throw refuse(source, 'keras/no-model', problem, 'Save the whole model with model.save("model.keras").');
  }
  const weights = members.get(`${folder}model.weights.h5`);
  if (weights === undefined) throw withoutWeights(source, folder, members);
  const parsed = readConfig(source.name, await textOf(source, config));
  const file = await weights.open();
  const variables = await readVariables(file, await openHdf5(file), readLayerTree(source.name, parsed), store);
  return {
    config: parsed,
    version: await versionOf(source, members.get(`${folder}metadata.json`)),
    weights: variables,
  };
}

/** Where the model lies: at the top, or in a folder that somebody zipped. */
function folderOf(members: ReadonlyMap<string, ZipMember>): string {
  if (members.has('config.json')) return '';
  const path = [...members.keys()].find((one) => /^[^/]+\/config\.json$/.test(one));
  return path === undefined ? '' : path.slice(0, -'config.json'.length);
}

async function textOf(source: ByteSource, member: ZipMember): Promise<string> {
  if (member.sizeBytes > MAX_CONFIG_BYTES) {
    const problem = `Its ${member.path} takes ${member.sizeBytes} bytes, which no configuration does.`;
    throw refuse(source, 'keras/config', problem, 'Do not trust this file.');
  }
  const part = await member.open();
  return new TextDecoder().decode(await part.read(0, part.sizeBytes));
}

async function versionOf(source: ByteSource, metadata: ZipMember | undefined): Promise<string> {
  if (metadata === undefined) return '';
  const version = readConfig(source.name, await textOf(source, metadata))['keras_version'];
  return typeof version === 'string' ? version : '';
}

function withoutWeights(source: ByteSource, folder: string, members: ReadonlyMap<string, ZipMember>): PareError {
  const hint =
    'Load the model in Python and save it again with model.save("model.keras"), which writes model.weights.h5.';
  if (members.has(`${folder}model.weights.npz`)) {
    return refuse(source, 'keras/npz', 'Its weights are in model.weights.npz, which is not read.', hint);
  }
  const sharded = [...members.keys()].some((path) => path.endsWith('.weights.json') || /_\d+\.weights\.h5$/.test(path));
  if (sharded) return refuse(source, 'keras/sharded', 'Its weights are split into several files.', hint);
  return refuse(source, 'keras/no-weights', 'It has no model.weights.h5: the weights are missing.', hint);
}

function refuse(source: ByteSource, code: string, problem: string, hint: string): PareError {
  return new PareError({ code, file: source.name, problem, hint });
}
