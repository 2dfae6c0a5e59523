/** Dense layers, embeddings, masks, and layers that do nothing once a model is trained. */
import { isFloat } from '#base/dtype.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { activate, nameBefore } from './activations.ts';
import { einsumDense } from './einsum-dense.ts';
import type { LayerRow, LayerRows } from './row.ts';

function dense(call: LayerCall): Operand {
  const [kernel, bias] = call.weights.take('kernel', ...(call.settings.flag('use_bias', true) ? ['bias'] : []));
  const made = call.lowering.dense(call.x, kernel!, bias ?? null, { name: call.name, output: nameBefore(call) });
  return activate(call, made);
}

function ids(call: LayerCall): Operand {
  const dtype = call.lowering.dtype(call.first);
  return dtype !== null && isFloat(dtype) ? call.cast(call.first, 'i32', 'ids') : call.first;
}

function embedding(call: LayerCall): Operand {
  const [table] = call.weights.take('embeddings');
  const dtype = call.lowering.dtype(call.first);
  const wide = dtype === 'i32' || dtype === 'i64' ? call.first : call.cast(call.first, 'i32', 'ids');
  return call.own('Gather', [table!, wide], { axis: 0 });
}

function embeddingMask(call: LayerCall): Operand | undefined {
  if (!call.settings.flag('mask_zero', false)) return undefined;
  return call.node(
    'Not',
    [call.node('Equal', [ids(call), call.lowering.small(0, call.lowering.dtype(ids(call)) ?? 'i32')], 'is_zero')],
    'mask',
  );
}

/** Steps at which every feature has the value do not count, and are set to zero. */
function masking(call: LayerCall): Operand {
  const kept = call.cast(steps(call), 'f32', 'kept');
  return call.own('Mul', [call.x, call.node('Unsqueeze', [kept, call.lowering.small([-1])], 'wide')]);
}

function steps(call: LayerCall): Operand {
  return call.once(`mask ${call.name}`, () => {
    const { lowering, settings, x } = call;
    const same = call.node('Equal', [x, call.number(settings.real('mask_value', 0))], 'same');
    const differs = call.cast(call.node('Not', [same], 'differs'), 'f32', 'differs_float');
    const any = lowering.reduce('ReduceMax', differs, [lowering.rank(x) - 1], {
      name: call.part('any'),
      keepDims: false,
    });
    return call.cast(any, 'bool', 'mask');
  });
}

/** One of several numbers of classes as zeros and ones. */
function categoryEncoding(call: LayerCall): Operand {
  const { settings, lowering } = call;
  const mode = settings.text('output_mode', 'multi_hot');
  const count = settings.size(settings.either('num_tokens', 'max_tokens'));
  if (call.inputs.length > 1 || call.tensor('count_weights') !== undefined) {
    throw new Unsupported('it counts categories with weights.');
  }
  if (settings.flag('sparse', false)) throw new Unsupported('it gives a sparse tensor.');
  const input = call.cast(call.first, 'i64', 'ids');
  const rank = lowering.rank(input);
  const values = lowering.small([0, 1], 'f32');
  const hot = call.node('OneHot', [input, lowering.small(count), values], 'one_hot', { axis: -1 });
  const last = call.sizes(input).at(-1);
  if (mode === 'one_hot' || mode === 'int') {
    return last === 1 && rank > 1 ? call.own('Squeeze', [hot, lowering.small([rank - 1])]) : hot;
  }
  const axis = Math.max(rank - 1, 0);
  if (rank === 0 || (rank === 1 && call.version < 3)) return hot;
  const op = mode === 'count' ? 'ReduceSum' : 'ReduceMax';
  if (mode !== 'count' && mode !== 'multi_hot') throw settings.wrong('output_mode', 'one_hot, multi_hot or count');
  return lowering.reduce(op, hot, [axis], { name: call.name, keepDims: false });
}

const NOTHING: LayerRow = { lower: (call) => call.first, mask: 'keeps' };
const NOTHING_REAL: LayerRow = { lower: (call) => call.x, mask: 'keeps' };

function opaque(reason: string, hint?: string): LayerRow {
  return {
    lower: () => {
      throw new Unsupported(reason, hint);
    },
  };
}

const CONV_LSTM = opaque('it is a recurrent layer whose steps are convolutions, which ONNX has no operator for.');

const TEXT = opaque(
  'it looks up or hashes text, which is prepared before a model on a phone.',
  'Save the part of the model after it, and prepare its input outside.',
);

export const CORE: LayerRows = {
  Dense: { lower: dense, mask: 'keeps' },
  EinsumDense: { lower: einsumDense },
  Embedding: { lower: embedding, mask: embeddingMask },
  Masking: { lower: masking, mask: steps },
  CategoryEncoding: { lower: categoryEncoding },
  Identity: NOTHING,
  Dropout: NOTHING_REAL,
  AlphaDropout: NOTHING_REAL,
  GaussianDropout: NOTHING_REAL,
  GaussianNoise: NOTHING_REAL,
  SpatialDropout1D: NOTHING_REAL,
  SpatialDropout2D: NOTHING_REAL,
  SpatialDropout3D: NOTHING_REAL,
  ActivityRegularization: NOTHING,
  RandomFlip: NOTHING_REAL,
  RandomRotation: NOTHING_REAL,
  RandomZoom: NOTHING_REAL,
  RandomTranslation: NOTHING_REAL,
  RandomContrast: NOTHING_REAL,
  RandomBrightness: NOTHING_REAL,
  RandomHeight: NOTHING_REAL,
  RandomWidth: NOTHING_REAL,
  Discretization: opaque('it sorts numbers into bins, which ONNX has no operator for.'),
  ConvLSTM1D: CONV_LSTM,
  ConvLSTM2D: CONV_LSTM,
  ConvLSTM3D: CONV_LSTM,
  Hashing: TEXT,
  StringLookup: TEXT,
  IntegerLookup: TEXT,
  TextVectorization: TEXT,
};
