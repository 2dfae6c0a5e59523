/** Where batch, spatial axes and channels lie: data formats, strides and pads of spatial operators. */
import type { Padding } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';

export interface Layout {
  readonly channelsFirst: boolean;
  readonly rank: number;
}

/** `NHWC`, `NCHW`, `NDHWC`, `NCDHW`; the first where it is left out. */
export function layoutOf(call: TfCall, rank: number): Layout {
  return { channelsFirst: call.text('data_format', 'NHWC').startsWith('NC'), rank };
}

/** The entries of the spatial axes; ones where the list was left out. */
export function spatial(list: readonly number[], { channelsFirst, rank }: Layout): readonly number[] {
  if (list.length < rank) return Array.from({ length: rank - 2 }, () => 1);
  return channelsFirst ? list.slice(2, rank) : list.slice(1, rank - 1);
}

export function paddingOf(call: TfCall, layout: Layout): Padding {
  const padding = call.text('padding', 'VALID');
  if (padding === 'SAME' || padding === 'VALID') return padding;
  if (padding !== 'EXPLICIT') throw call.broken(`pads by "${padding}"`);
  const pads = call.ints('explicit_paddings');
  if (pads.length !== layout.rank * 2) throw call.broken('has explicit paddings of the wrong number');
  const before = spatial(
    pads.filter((_, at) => at % 2 === 0),
    layout,
  );
  const after = spatial(
    pads.filter((_, at) => at % 2 === 1),
    layout,
  );
  return [...before, ...after];
}
