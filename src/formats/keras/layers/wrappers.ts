/** Layers around a layer: TimeDistributed, and Wrapper classes that change nothing once a model is trained. */
import { classOf } from '#formats/keras/config/json.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { sizesFor, type Target } from '#formats/keras/lower/shapes.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { LayerWeights } from '#formats/keras/lower/weights.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerRows } from './row.ts';

/** Classes that treat every place before the last axis alike: time needs no folding into the batch. */
const LAST_AXIS = new Set([
  'Dense',
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
  'Dropout',
  'Identity',
  'Rescaling',
  'Embedding',
]);

function inside(call: LayerCall): {
  readonly name: string;
  readonly config: NonNullable<ReturnType<typeof classOf>>['config'];
  readonly weights: LayerWeights;
} {
  const made = classOf(call.settings.raw('layer'));
  if (made === undefined) throw new Unsupported('the layer inside it is not known.');
  const own = (made.config as { readonly name?: unknown } | null)?.name;
  return { ...made, weights: call.weights.under((head) => head === 'layer' || head === own) };
}

/** The layer on every step of time: time and batch are one axis meanwhile. */
function timeDistributed(call: LayerCall): Operand {
  const { lowering, first } = call;
  const { name, config, weights } = inside(call);
  if (call.inputs.length !== 1) throw new Unsupported('it is called on several inputs.');
  const part = (inputs: readonly Operand[], as: string): Operand => {
    const [made] = call.parts.inner({ name: as, className: name, config, weights, inputs, key: 'layer' });
    if (made === undefined) throw new Unsupported('the layer inside it gives nothing.');
    return made;
  };
  if (LAST_AXIS.has(name)) return part([first], call.name);
  const sizes = call.sizes(first);
  const rest: readonly Target[] = sizes.slice(2).map((size, at) => size ?? { axis: at + 2 });
  const folded = lowering.reshape(first, sizesFor(call, first, [-1, ...rest], 'folded_sizes'), {
    name: call.part('folded'),
  });
  const made = part([folded], call.part(name.toLowerCase()));
  const [batch, time] = sizes;
  const result = call.sizes(made).slice(1);
  if (result.some((size) => size === undefined) || time === undefined) {
    throw new Unsupported(
      'sizes of its input or result are only known when it is run.',
      'Save the model with a fixed input size.',
    );
  }
  return lowering.reshape(made, [batch ?? -1, time, ...(result as number[])], { name: call.name });
}

function spectral(call: LayerCall): Operand {
  const { name, config } = inside(call);
  const [made] = call.parts.inner({
    name: call.name,
    className: name,
    config,
    weights: call.weights.under((head) => head === 'layer'),
    inputs: [call.first],
    key: 'layer',
  });
  if (made === undefined) throw new Unsupported('the layer inside it gives nothing.');
  return made;
}

export const WRAPPERS: LayerRows = {
  TimeDistributed: { lower: timeDistributed, mask: 'keeps' },
  SpectralNormalization: { lower: spectral },
};
