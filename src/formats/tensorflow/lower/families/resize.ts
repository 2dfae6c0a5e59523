/** Pictures brought to another size. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import { areaMatrix, cubicMatrix } from './resize-matrices.ts';

function resize(mode: 'nearest' | 'linear'): Row {
  return (call) => {
    const { lowering } = call;
    const alignCorners = call.flag('align_corners');
    const halfPixelCenters = call.flag('half_pixel_centers');
    const known = call.known(1);
    const given = call.input(0);
    // Bilinear sampling gives floats, whatever it gets.
    const x = mode !== 'nearest' && lowering.dtype(given) !== 'f32' ? call.cast(given, 'f32', 'float') : given;
    const sizes: Operand | readonly number[] = known ?? call.long(1);
    return [lowering.resize(x, { name: call.name, mode, sizes, alignCorners, halfPixelCenters })];
  };
}

/** Kernels that ONNX has otherwise or not at all: each axis is a product with a matrix of weights, which says them exactly. */
function byMatrices(matrixOf: typeof cubicMatrix): Row {
  return (call) => {
    const { lowering } = call;
    const [, height, width] = call.sizes(0);
    const [toHeight, toWidth] = call.numbers(1);
    if (typeof height !== 'number' || typeof width !== 'number' || toHeight === undefined || toWidth === undefined) {
      throw new Inexpressible('The sizes of its pictures are not known beforehand.');
    }
    const options = { alignCorners: call.flag('align_corners'), halfPixelCenters: call.flag('half_pixel_centers') };
    const real = call.cast(call.input(0), 'f32', 'float');
    const x = lowering.transpose(real, [0, 3, 1, 2]);
    const matrix = (name: string, from: number, to: number): Operand => {
      if (from * to > 4_194_304 || from < 1 || to < 1) throw new Inexpressible('Its pictures are too large.');
      return lowering.derived(`${call.name}/${name}`, 'f32', [to, from], [], () => {
        const rows = matrixOf(from, to, options);
        return new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
      });
    };
    const wide = call.step('columns', 'MatMul', [x, lowering.transpose(matrix('columns', width, toWidth), [1, 0])]);
    const full = call.emit('MatMul', [matrix('rows', height, toHeight), wide]);
    return [lowering.transpose(full, [0, 2, 3, 1])];
  };
}

export const resizeRows: readonly (readonly [string, Row])[] = [
  ['ResizeBilinear', resize('linear')],
  ['ResizeNearestNeighbor', resize('nearest')],
  ['ResizeBicubic', byMatrices(cubicMatrix)],
  ['ResizeArea', byMatrices(areaMatrix)],
];
