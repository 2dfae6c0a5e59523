/** Resize: TensorFlow's three ways to count pixels in ONNX's words. */
import type { Workbench } from '#formats/lowering/workbench.ts';
import type { AttrInput, Operand, ResizeOptions } from '#formats/lowering/lowering.ts';
import { firstOf, lastOf } from './spatial.ts';

export function resize(bench: Workbench, x: Operand, options: ResizeOptions): Operand {
  const inner = firstOf(bench, x, options);
  const spatial = 'id' in options.sizes ? bench.numbers(options.sizes) : options.sizes;
  const leading = bench.shape(inner)?.slice(0, 2);
  const known = leading?.every((size) => typeof size === 'number') === true && spatial !== undefined;
  const sizes = known ? bench.small([...(leading as number[]), ...spatial]) : computed(bench, inner, options);
  const made = bench.apply('Resize', [inner, null, null, sizes], {
    name: options.name,
    outputs: [options.output ?? options.name],
    attrs: attrsFor(options),
  });
  return lastOf(bench, made, options);
}

function computed(bench: Workbench, inner: Operand, options: ResizeOptions): Operand {
  const { name } = options;
  const all = bench.apply('Shape', [inner], { name: `${name}_shape` });
  const leading = bench.apply('Slice', [all, bench.small([0]), bench.small([2]), bench.small([0])], {
    name: `${name}_leading`,
  });
  const given = 'id' in options.sizes ? options.sizes : bench.small(options.sizes);
  const spatial =
    bench.dtype(given) === 'i64' ? given : bench.apply('Cast', [given], { name: `${name}_wide`, attrs: { to: 7 } });
  return bench.apply('Concat', [leading, spatial], { name: `${name}_sizes`, attrs: { axis: 0 } });
}

/**
 * Source positions: align corners x * (in - 1) / (out - 1); half pixel centers (x + 0.5) * in / out - 0.5; else x * in / out. Nearest rounds
 * half up with aligned corners; with half pixel centers it takes floor((x + 0.5) * in / out), which is rounding the shifted position
 * half up; else it floors (tensorflow/core/kernels/image/resize_nearest_neighbor_op.cc).
 */
function attrsFor({ mode, alignCorners, halfPixelCenters }: ResizeOptions): Readonly<Record<string, AttrInput>> {
  const coordinates = alignCorners === true ? 'align_corners' : halfPixelCenters === true ? 'half_pixel' : 'asymmetric';
  if (mode === 'nearest') {
    return {
      mode,
      coordinate_transformation_mode: coordinates,
      nearest_mode: coordinates === 'asymmetric' ? 'floor' : 'round_prefer_ceil',
    };
  }
  const cubic: Readonly<Record<string, AttrInput>> =
    mode === 'cubic' ? { cubic_coeff_a: { float: halfPixelCenters === true ? -0.5 : -0.75 } } : {};
  return { mode, coordinate_transformation_mode: coordinates, ...cubic };
}
