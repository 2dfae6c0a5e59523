/** Pictures brought to another size. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

function resize(mode: 'nearest' | 'linear' | 'cubic'): Row {
  return (call) => {
    const { lowering } = call;
    const alignCorners = call.flag('align_corners');
    const halfPixelCenters = call.flag('half_pixel_centers');
    if (mode === 'cubic' && !halfPixelCenters) {
      throw new Inexpressible('Its cubic kernel is the one that TensorFlow had before half-pixel centers.');
    }
    const known = lowering.numbers(call.input(1));
    const given = call.input(0);
    // Bilinear sampling gives floats, whatever it gets.
    const x = mode !== 'nearest' && lowering.dtype(given) !== 'f32' ? call.cast(given, 'f32', 'float') : given;
    const sizes: Operand | readonly number[] = known ?? call.long(1);
    return [lowering.resize(x, { name: call.name, mode, sizes, alignCorners, halfPixelCenters })];
  };
}

export const resizeRows: readonly (readonly [string, Row])[] = [
  ['ResizeBilinear', resize('linear')],
  ['ResizeNearestNeighbor', resize('nearest')],
  ['ResizeBicubic', resize('cubic')],
];
