/**
 * LSTM and RNN layers. TFLite has a tensor for each gate, in the order input, forget, cell, output; ONNX one for all, in the order input,
 * output, forget, cell. Their states are tensors that live from run to run, and start at zero.
 */
import { countOf, type DType } from '#base/dtype.ts';
import type { Quantization } from '#ir/model.ts';
import { derivedTensor } from '#ir/derived-tensor.ts';
import type { Operand, RecurrentResult } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import type { ConstantSource } from '#formats/tflite/constants.ts';
import { bool, byte, float } from '#formats/tflite/record/fields.ts';
import type { TfliteTensor } from '#formats/tflite/record/file.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

/** Places of a direction's inputs: first of four, but for the states. */
interface Places {
  readonly weights: number;
  readonly recurrent: number;
  readonly peepholes: number;
  readonly biases: number;
  readonly projection: number;
  readonly h: number;
  readonly c: number;
}

const ONE_WAY: Places = { weights: 1, recurrent: 5, peepholes: 9, biases: 12, projection: 16, h: 18, c: 19 };
const FORWARD: Places = { ...ONE_WAY, h: 35, c: 36 };
const BACKWARD: Places = {
  weights: 18,
  recurrent: 22,
  peepholes: 26,
  biases: 29,
  projection: 33,
  h: 37,
  c: 38,
};
/** Input, output, forget, cell among input, forget, cell, output. */
const GATES = [0, 3, 1, 2];
/** Coefficients of layer normalization, of one-way layers. */
const NORMALIZATION = 20;
const AUXILIARY = 39;

export const recurrentOperators: readonly OperatorRow[] = [
  row(
    'UNIDIRECTIONAL_SEQUENCE_LSTM',
    { activation: byte(0), cellClip: float(1), projectionClip: float(2), timeMajor: bool(3) },
    (call, options) => {
      if (call.has(NORMALIZATION) || call.has(NORMALIZATION + 1)) throw new Unsupported('Its gates are normalized.');
      return lstm(call, ONE_WAY, options, 'forward', call.output).sequence;
    },
  ),
  row(
    'BIDIRECTIONAL_SEQUENCE_LSTM',
    { activation: byte(0), cellClip: float(1), projectionClip: float(2), merged: bool(3), timeMajor: bool(4, true) },
    (call, options) => {
      if (call.has(AUXILIARY)) throw new Unsupported('It takes a second input beside the first.');
      const [there, back] = [options.merged ? `${call.output}_forward` : call.output, call.outputs[1]];
      const forward = lstm(call, FORWARD, options, 'forward', there).sequence;
      const backward = lstm(call, BACKWARD, options, 'reverse', back ?? `${call.output}_backward`).sequence;
      if (!options.merged) return [forward, backward];
      return call.step('merged', 'Concat', [forward, backward], { axis: 2 });
    },
  ),
  row('UNIDIRECTIONAL_SEQUENCE_RNN', { timeMajor: bool(0), activation: byte(1) }, (call, options) => {
    const [hidden = 0] = call.sizes(2);
    tellOfStates(call, [4]);
    const { sequence } = call.lowering.recurrent(
      'RNN',
      call.input(0),
      {
        W: stacked(call, [1], `${call.name}/W`, hidden),
        R: stacked(call, [2], `${call.name}/R`, hidden),
        B: biases(call, [3], hidden),
      },
      {
        name: call.name,
        output: call.output,
        direction: 'forward',
        hidden,
        timeMajor: options.timeMajor,
        activations: [activationOf(options.activation)],
      },
    );
    return sequence;
  }),
];

interface LstmOptions {
  readonly activation: number;
  readonly cellClip: number;
  readonly projectionClip: number;
  readonly timeMajor: boolean;
}

function lstm(
  call: OperatorCall,
  places: Places,
  { activation, cellClip, timeMajor }: LstmOptions,
  direction: 'forward' | 'reverse',
  output: string,
): RecurrentResult {
  if (!call.has(places.weights)) throw new Unsupported('Its input and forget gates are coupled.');
  if ([0, 1, 2].some((at) => call.has(places.peepholes + at))) throw new Unsupported('Its gates look at the cells.');
  if (call.has(places.projection)) throw new Unsupported('Its output is projected.');
  const [hidden = 0] = call.sizes(places.recurrent);
  const name = direction === 'forward' ? call.name : `${call.name}/reverse`;
  tellOfStates(call, [places.h, places.c]);
  if (cellClip > 0) tellOfClip(call, cellClip);
  if (/^[iu]\d+$/.test(call.tensor(0).type)) tellOfIntegers(call);
  const act = activationOf(activation);
  const gates = (first: number): readonly number[] => GATES.map((gate) => first + gate);
  return call.lowering.recurrent(
    'LSTM',
    call.input(0),
    {
      W: stacked(call, gates(places.weights), `${name}/W`, hidden),
      R: stacked(call, gates(places.recurrent), `${name}/R`, hidden),
      B: biases(call, gates(places.biases), hidden),
    },
    {
      name,
      output,
      direction,
      hidden,
      timeMajor,
      ...(act === 'Tanh' ? {} : { activations: ['Sigmoid', act, act] }),
    },
  );
}

function activationOf(activation: number): string {
  if (activation === 1) return 'Relu';
  if (activation === 4) return 'Tanh';
  throw new Unsupported(`Its activation has the number ${activation}, which recurrent layers of ONNX lack here.`);
}

function tellOfStates(call: OperatorCall, states: readonly number[]): void {
  for (const at of states) {
    if (call.has(at) && !call.tensor(at).isVariable) throw new Unsupported('Its first state is handed in.');
  }
  call.lowering.notice({
    level: 'info',
    code: 'tflite/state',
    text: 'TFLite keeps the state of this layer from one run to the next until it is reset; here every run starts from zero.',
    at: call.name,
  });
}

function tellOfClip(call: OperatorCall, clip: number): void {
  call.lowering.notice({
    level: 'info',
    code: 'tflite/cell-clip',
    text: `TFLite keeps the cells of this layer within ±${clip}, and the LSTM of ONNX does not: results differ where a cell would go beyond.`,
    at: call.name,
  });
}

function tellOfIntegers(call: OperatorCall): void {
  call.lowering.notice({
    level: 'warning',
    code: 'tflite/integer-recurrent',
    text: 'TFLite rounds the gates of this layer in every step; here they are computed with real numbers and its result is rounded.',
    at: call.name,
  });
}

/** One constant, [1, gates * hidden, ...], of the tensors at these inputs; levels stay levels, each row with its own scale. */
function stacked(call: OperatorCall, inputs: readonly number[], name: string, hidden: number): Operand {
  const parts = inputs.map((at) => call.constant(at));
  const [first] = parts;
  const [rows, inner = 0] = first!.record.shape;
  const alike = parts.every(
    ({ record, ticket }) =>
      record.shape.length === 2 &&
      record.shape[0] === rows &&
      record.shape[1] === inner &&
      ticket.dtype === first!.ticket.dtype,
  );
  if (!alike || rows !== hidden) throw new Unsupported('The weights of its gates differ in shape or type.');
  const { store } = call.lowering;
  const shape = [1, parts.length * hidden, inner];
  const dtype = first!.ticket.dtype;
  const tensor = derivedTensor(
    store,
    dtype,
    shape,
    parts.map(({ ticket }) => ticket),
    joined,
  );
  if (dtype === 'f32') return call.lowering.constant(name, tensor);
  if (dtype === 'f16')
    return call.step(name.slice(-1), 'Cast', [call.lowering.constant(`${name}_f16`, tensor)], { to: 1 });
  return call.lowering.constant(name, tensor, { quantization: rowGrid(call, parts, hidden, dtype) });
}

/** Scales of all rows, one behind the other. */
function rowGrid(
  call: OperatorCall,
  parts: readonly { readonly record: TfliteTensor }[],
  hidden: number,
  dtype: DType,
): Quantization {
  const scales = parts.flatMap(({ record }) => {
    const scale = record.quantization?.scale ?? [];
    if (scale.length !== 1 && scale.length !== hidden)
      throw new Unsupported('The weights of its gates have no scales.');
    if (record.quantization?.zeroPoint.some((zero) => zero !== 0n) === true) {
      throw new Unsupported('The weights of its gates have zero points.');
    }
    return scale.length === hidden ? scale : Array.from({ length: hidden }, () => scale[0] ?? 1);
  });
  const { store } = call.lowering;
  const shape = [scales.length];
  return {
    scale: store.put('f32', shape, new Uint8Array(Float32Array.from(scales).buffer)),
    zeroPoint: store.put(dtype, shape, new Uint8Array(scales.length)),
    axis: 1,
  };
}

/** [1, 2 * gates * hidden]: those of the input, then those of the state, which TFLite has none of. */
function biases(call: OperatorCall, inputs: readonly number[], hidden: number): Operand | null {
  if (!inputs.every((at) => call.has(at))) return null;
  const parts = inputs.map((at) => call.constant(at));
  if (parts.some(({ record }) => countOf(record.shape) !== hidden)) {
    throw new Unsupported('The biases of its gates differ in size.');
  }
  const kinds = parts.map(stepOf);
  const tensor = derivedTensor(
    call.lowering.store,
    'f32',
    [1, 2 * inputs.length * hidden],
    parts.map(({ ticket }) => ticket),
    (bytes) => {
      const real = new Float32Array(2 * inputs.length * hidden);
      for (const [at, part] of bytes.entries()) real.set(reals(part, kinds[at]!), at * hidden);
      return new Uint8Array(real.buffer);
    },
  );
  return call.lowering.constant(`${call.name}/B`, tensor);
}

/** What one whole number of a bias stands for; reals stand for themselves. */
function stepOf({ record, ticket }: ConstantSource): number | 'real' {
  const [scale] = record.quantization?.scale ?? [];
  if (ticket.dtype === 'f32') return 'real';
  if (ticket.dtype === 'i32' && scale !== undefined) return scale;
  throw new Unsupported(`The biases of its gates are ${ticket.dtype}.`);
}

function reals(bytes: Uint8Array, step: number | 'real'): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, at) =>
    step === 'real' ? view.getFloat32(4 * at, true) : view.getInt32(4 * at, true) * step,
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
