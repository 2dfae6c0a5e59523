/** Fourier transforms of real signals, and the parts of complex numbers that follow them. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held, TfComplex } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

/** Longer transforms are left to the operator for them; shorter ones are products, which every runtime has. */
const LONGEST_PRODUCT = 1024;

/** The half of the spectrum that a real signal has, cut or filled up with zeros to the length asked for. */
function realTransform(call: TfCall): readonly Held[] {
  const [length] = call.numbers(1);
  const size = call.sizes(0).at(-1);
  if (length === undefined || length < 1 || typeof size !== 'number' || size < 1) {
    throw new Inexpressible('The length of its signal is not known.');
  }
  if (call.type('Tcomplex', 'c64') !== 'c64' || call.dtype(0) !== 'f32') {
    throw new Inexpressible('It gives complex numbers of double precision.');
  }
  return [length <= LONGEST_PRODUCT ? asProduct(call, size, length) : asOperator(call, size, length)];
}

/** A product with a matrix of cosines and one of sines. What is cut off, or zeros that are filled up, have no rows in them. */
function asProduct(call: TfCall, size: number, length: number): TfComplex {
  const { lowering } = call;
  const rows = Math.min(size, length);
  const bins = Math.floor(length / 2) + 1;
  const x = call.input(0);
  const axis = call.rank(0) - 1;
  const cut = [lowering.small([0]), lowering.small([rows]), lowering.small([axis])];
  const used = size > rows ? call.step('cut', 'Slice', [x, ...cut]) : x;
  const part = (name: string, wave: (angle: number) => number): Operand => {
    const matrix = lowering.derived(`${call.name}/${name}_waves`, 'f32', [rows, bins], [], () => {
      const out = Float32Array.from({ length: rows * bins }, (_, at) => {
        const turns = (Math.floor(at / bins) * (at % bins)) % length;
        return wave((2 * Math.PI * turns) / length);
      });
      return new Uint8Array(out.buffer);
    });
    return call.step(name, 'MatMul', [used, matrix]);
  };
  return { kind: 'complex', real: part('real', Math.cos), imaginary: part('imaginary', (angle) => -Math.sin(angle)) };
}

function asOperator(call: TfCall, size: number, length: number): TfComplex {
  const { lowering } = call;
  const rank = call.rank(0);
  let x = call.input(0);
  if (size > length) {
    x = call.step('cut', 'Slice', [x, lowering.small([0]), lowering.small([length]), lowering.small([rank - 1])]);
  } else if (size < length) {
    const pads = Array.from({ length: 2 * rank }, (_, at) => (at === 2 * rank - 1 ? length - size : 0));
    x = call.step('filled', 'Pad', [x, lowering.small(pads)]);
  }
  // The operator takes one signal per row: other axes are one axis for it.
  const shape = lowering.shape(x) ?? [];
  const rows = lowering.reshape(x, [-1, length, 1], { name: `${call.name}/rows` });
  const bins = Math.floor(length / 2) + 1;
  const spectrum = call.step('spectrum', 'DFT', [rows], { axis: 1, onesided: 1 }, [
    { dtype: 'f32', shape: [null, bins, 2] },
  ]);
  const part = (name: string, at: number): Operand => {
    const one = call.step(name, 'Gather', [spectrum, lowering.small(at)], { axis: 2 });
    return backToRows(call, one, x, shape.length, bins, `${name}_rows`);
  };
  return { kind: 'complex', real: part('real', 0), imaginary: part('imaginary', 1) };
}

/** [rows, bins] in the shape of the signal with its last axis changed. */
function backToRows(call: TfCall, flat: Operand, like: Operand, rank: number, bins: number, name: string): Operand {
  const { lowering } = call;
  const shape = lowering.shape(like)?.slice(0, -1) ?? [];
  const sizes = shape.map((size) => (typeof size === 'number' ? size : -1));
  if (sizes.filter((size) => size === -1).length <= 1) {
    return lowering.reshape(flat, [...sizes, bins], { name: `${call.name}/${name}` });
  }
  const all = call.step(`${name}_shape`, 'Shape', [like]);
  const head = call.step(`${name}_head`, 'Slice', [all, lowering.small([0]), lowering.small([rank - 1])]);
  const joined = call.step(`${name}_sizes`, 'Concat', [head, lowering.small([bins])], { axis: 0 });
  return lowering.reshape(flat, joined, { name: `${call.name}/${name}` });
}

function complexInput(call: TfCall, at: number): TfComplex {
  const held = call.held(at);
  if ('kind' in held && held.kind === 'complex') return held;
  throw new Inexpressible('Its input is not a spectrum that is known here.');
}

function magnitude(call: TfCall): readonly Operand[] {
  const { real, imaginary } = complexInput(call, 0);
  const sum = call.step('power', 'Add', [
    call.step('real_square', 'Mul', [real, real]),
    call.step('imaginary_square', 'Mul', [imaginary, imaginary]),
  ]);
  return [call.emit('Sqrt', [sum])];
}

export const fourierRows: readonly (readonly [string, Row])[] = [
  ['RFFT', realTransform],
  ['ComplexAbs', magnitude],
  ['Real', (call) => [complexInput(call, 0).real]],
  ['Imag', (call) => [complexInput(call, 0).imaginary]],
  ['Complex', (call) => [{ kind: 'complex', real: call.input(0), imaginary: call.input(1) }]],
  [
    'Conj',
    (call) => {
      const { real, imaginary } = complexInput(call, 0);
      return [{ kind: 'complex', real, imaginary: call.emit('Neg', [imaginary]) }];
    },
  ],
];
