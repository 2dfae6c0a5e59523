/** A desk for tests of passes: reference kernels, every layer included, errors measured against the model as it was opened. */
import { countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { decodeFloat16 } from '#base/float16.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model, Tensor, ValueId } from '#ir/model.ts';
import { verifyModel } from '#ir/verify.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import type { Desk, Evidence, Pass, PassResult } from '#passes/pass.ts';

export interface TestDesk {
  /** What calibration is said to have seen. */
  readonly evidence?: Evidence;
  readonly preview?: boolean;
  /** Layers that are left out. */
  readonly exclude?: readonly string[];
  /** Options for one layer, over the step's. */
  readonly layerOptions?: Readonly<Record<string, object>>;
  /** Weights that errors are measured against, where they are not the model's own. */
  readonly originals?: ReadonlyMap<ValueId, Tensor>;
}

export function makeTestDesk(weights: WeightStore, wishes: TestDesk = {}): Desk {
  const backend = referenceBackend();
  return {
    weights,
    backend,
    kernels: backend.kernels,
    evidence: wishes.evidence ?? null,
    preview: wishes.preview ?? false,
    includes: (layer) => !(wishes.exclude ?? []).includes(layer),
    whyNot: () => 'It is excluded.',
    optionsFor: (layer, options) => ({ ...options, ...wishes.layerOptions?.[layer] }),
    floats: (tensor) => readFloats(weights, tensor),
    derive: (_of, _name, make) => make(),
    original: (value, current) => wishes.originals?.get(value) ?? current,
  };
}

async function readFloats(weights: WeightStore, tensor: Tensor): Promise<Float32Array> {
  // Copied: a Node Buffer's slice() would be a view of a shared pool.
  const bytes = new Uint8Array(await weights.read(tensor));
  const count = countOf(tensor.shape);
  const floats =
    tensor.dtype === 'f16'
      ? Float32Array.from(new Uint16Array(bytes.buffer, 0, count), decodeFloat16)
      : new Float32Array(bytes.buffer, 0, count);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return floats;
  throw new PareError({
    code: 'test/not-finite',
    place: `weight ${tensor.key}, element ${String(bad)}`,
    problem: `is ${String(floats[bad])}.`,
  });
}

/** The constants of a model by value, to measure later steps against. */
export function originalsOf(model: Model): ReadonlyMap<ValueId, Tensor> {
  const found = new Map<ValueId, Tensor>();
  for (const [id, value] of allValues(model.graph)) if (value.constant !== undefined) found.set(id, value.constant);
  return found;
}

/** Runs one pass over a model and verifies what it leaves. */
export async function runPass<Options extends object>(
  pass: Pass<Options>,
  model: Model,
  weights: WeightStore,
  options: Partial<Options> = {},
  wishes: TestDesk = {},
): Promise<PassResult & { readonly model: Model }> {
  const edit = openEditor(model);
  const result = await pass.run(edit, pass.options.parse(options), makeTestDesk(weights, wishes));
  const after = edit.finish();
  const problems = verifyModel(after);
  if (problems.length > 0) throw new Error(problems.map((notice) => notice.text).join('\n'));
  return { ...result, model: after };
}
