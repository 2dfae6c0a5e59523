/** Which inputs of a node are weights worth compressing, and along which axes their channels and sums run. */
import type { Node } from '#ir/model.ts';

export interface CompressibleInput {
  readonly input: number;
  /** Axis of output channels (or table rows); null for a vector. Not negative. */
  readonly axis: number | null;
  /** Axis along which products are summed, where blocks and N:M groups run. */
  readonly sumAxis: number | null;
  readonly table: boolean;
}

/** Inputs of a node that hold weights when they are constant. `rankOf` gives the rank of an input's constant, if it is one. */
export function compressibleInputs(
  node: Node,
  rankOf: (input: number) => number | undefined,
): readonly CompressibleInput[] {
  if (node.domain !== '') return [];
  const at = (input: number, axis: number, sumAxis: number): CompressibleInput => {
    const rank = rankOf(input) ?? Math.max(axis, sumAxis, -axis, -sumAxis) + 1;
    const place = (from: number): number | null => {
      const axisAt = from < 0 ? from + rank : from;
      return axisAt >= 0 && axisAt < rank ? axisAt : null;
    };
    return { input, axis: place(axis), sumAxis: place(sumAxis), table: false };
  };
  const flag = (name: string): boolean => {
    const attr = node.attrs.get(name);
    return attr?.type === 'int' && Number(attr.value) !== 0;
  };
  switch (node.op) {
    case 'Conv':
      return [at(1, 0, 1)];
    case 'ConvTranspose':
      return [at(1, 1, 0)];
    case 'MatMul':
      return [at(1, -1, -2), at(0, -2, -1)];
    case 'Gemm':
      return [flag('transB') ? at(1, 0, 1) : at(1, 1, 0), flag('transA') ? at(0, 1, 0) : at(0, 0, 1)];
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return [at(1, 1, 2), at(2, 1, 2)];
    case 'Gather': {
      const axis = node.attrs.get('axis');
      const rows = axis?.type === 'int' ? Number(axis.value) : 0;
      return rows === 0 ? [{ ...at(0, 0, -1), table: true }] : [];
    }
    default:
      return [];
  }
}
