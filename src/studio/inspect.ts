/** Use case: what a model is, as people see it. */
import type { Notice } from '#base/notice.ts';
import type { Layer } from '#ir/layer.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { refusalsOf } from '#ir/opaque.ts';
import type { ModelSummary, SlotSummary } from './jobs.ts';
import type { OpenModel, Optimized } from './workshop.ts';

export function summarizeModel(open: OpenModel, how: { readonly kept?: boolean } = {}): ModelSummary {
  return {
    id: open.id,
    name: open.name,
    ...describe(open.model, open.layers, open.notices),
    fileBytes: open.fileBytes,
    kept: how.kept ?? false,
    ...notWritable(open.model),
    ...(open.signatures === undefined ? {} : { signatures: open.signatures }),
  };
}

/** The same for a result; its file's size comes from its report. */
export function summarizeResult(id: string, name: string, result: Optimized): ModelSummary {
  return {
    id,
    name,
    ...describe(result.model, result.layers, result.report.notices),
    fileBytes: result.report.after.fileBytes.value,
    kept: false,
  };
}

function describe(
  model: Model,
  layers: readonly Layer[],
  notices: readonly Notice[],
): Omit<ModelSummary, 'id' | 'name' | 'fileBytes' | 'kept'> {
  const unknown = layers.filter((layer) => layer.macs === null);
  const macs = unknown.length > 0 ? null : layers.reduce((sum, layer) => sum + (layer.macs ?? 0), 0);
  return {
    format: model.source.format,
    formatLabel: labelOf(model),
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    weightBytes: layers.reduce((sum, layer) => sum + layer.weightBytes, 0),
    macs,
    inputs: slots(model, model.graph.inputs),
    outputs: slots(model, model.graph.outputs),
    layers,
    notices: macs === null ? [...notices, costUnknown(unknown)] : notices,
  };
}

/** The first operator that keeps the model from being written, and how many there are. */
function notWritable(model: Model): Pick<ModelSummary, 'notWritable'> {
  const refusals = refusalsOf(model);
  const [first] = refusals;
  if (first === undefined) return {};
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  return {
    notWritable: `The ${first.operator} "${first.node}"${more} has no counterpart in ONNX, so the model can be inspected but not downloaded. ${first.reason} ${first.hint}`,
  };
}

const TITLES: Readonly<Record<Model['source']['format'], string>> = {
  onnx: 'ONNX',
  tflite: 'TensorFlow Lite',
  keras: 'Keras',
  savedmodel: 'TensorFlow',
  tfjs: 'TensorFlow.js',
  made: 'ONNX',
};

/** Such as `ONNX, opset 17, IR 8, made by pytorch 2.1`, or `Keras, made by keras 2.4, read as ONNX opset 17`. */
function labelOf(model: Model): string {
  const { format } = model.source;
  const own = format === 'onnx' || format === 'made';
  const opset = model.opsets.get('');
  const { name, version } = model.producer;
  const parts = [TITLES[format]];
  if (own && opset !== undefined) parts.push(`opset ${opset}`);
  if (own) parts.push(`IR ${model.irVersion}`);
  if (name !== '') parts.push(`made by ${name}${version === '' ? '' : ` ${version}`}`);
  if (!own && opset !== undefined) parts.push(`read as ONNX opset ${opset}`);
  return parts.join(', ');
}

/** Inputs that are constants too (old exporters list them) are weights, not inputs. */
function slots(model: Model, ids: readonly ValueId[]): readonly SlotSummary[] {
  return ids.flatMap((id) => {
    const value = model.graph.values.get(id);
    if (value === undefined || (value.constant !== undefined && model.graph.inputs.includes(id))) return [];
    return [{ name: value.name, dtype: value.dtype, shape: value.shape }];
  });
}

function costUnknown(layers: readonly Layer[]): Notice {
  const [first] = layers;
  const more = layers.length > 1 ? ` and ${layers.length - 1} more` : '';
  return {
    level: 'info',
    code: 'ops/cost-unknown',
    text: `Multiply-accumulates of the whole model are not known, because those of ${first?.name ?? ''}${more} are not: ${first?.macsUnknown ?? ''}.`,
    ...(first === undefined ? {} : { at: first.name }),
  };
}
