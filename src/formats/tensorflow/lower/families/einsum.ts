/**
 * Einsum. With a constant second operand that shares no batch axis (EinsumDense, the projections of attention) it becomes a plain
 * product of matrices, so that the weights are seen as weights; of two computed operands, a product over batches where it is one; else ONNX
 * has the same operator.
 */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';

interface Terms {
  readonly a: string;
  readonly b: string;
  readonly out: string;
}

export function einsum(call: TfCall): readonly Operand[] {
  const equation = call.text('equation', '').replaceAll(' ', '');
  if (!equation.includes('->')) throw call.broken('has no equation');
  const terms = plain(equation);
  const whole =
    terms === undefined || call.count !== 2 ? undefined : (asProduct(call, terms) ?? asBatches(call, terms));
  return [whole ?? call.emit('Einsum', call.inputs(), { equation })];
}

/** Letters of `ab,bc->ac`, where there are two terms of distinct letters. */
function plain(equation: string): Terms | undefined {
  const found = /^([A-Za-z]+),([A-Za-z]+)->([A-Za-z]+)$/u.exec(equation);
  if (found === null) return undefined;
  const [, a = '', b = '', out = ''] = found;
  const distinct = [a, b, out].every((term) => new Set(term).size === term.length);
  return distinct ? { a, b, out } : undefined;
}

/** a[..., shared] x weights[shared, own], then the axes in the order asked for. */
function asProduct(call: TfCall, { a, b, out }: Terms): Operand | undefined {
  const { lowering } = call;
  const [x, w] = [call.input(0), call.input(1)];
  const weights = lowering.constantOf(w);
  if (weights === undefined) return undefined;
  const shared = [...b].filter((letter) => a.includes(letter));
  const own = [...b].filter((letter) => !a.includes(letter));
  const free = [...a].filter((letter) => !b.includes(letter));
  // A letter that both have and the result keeps makes a batch; one that only one term has and the result drops, a sum.
  if (shared.length === 0 || free.length === 0 || own.length === 0) return undefined;
  if (shared.some((letter) => out.includes(letter)) || out.length !== free.length + own.length) return undefined;
  const { shape } = weights.tensor;
  if (shape.length !== b.length || lowering.shape(x)?.length !== a.length) {
    throw new Inexpressible('Its equation does not fit its operands.');
  }
  const sizeOf = (letter: string): number => shape[b.indexOf(letter)] ?? 1;
  const total = (letters: readonly string[]): number => letters.reduce((size, letter) => size * sizeOf(letter), 1);
  const left = lowering.transpose(
    x,
    [...free, ...shared].map((letter) => a.indexOf(letter)),
  );
  const right = lowering.transpose(
    w,
    [...shared, ...own].map((letter) => b.indexOf(letter)),
  );
  const matrix =
    b.length === 2 ? right : lowering.reshape(right, [total(shared), total(own)], { name: `${call.name}/weights` });
  const flat = shared.length === 1 ? left : withTail(call, left, free.length, [total(shared)], 'flat');
  const value = lowering.dense(flat, matrix, null, { name: call.name });
  const made = [...free, ...own];
  const full = own.length === 1 ? value : withTail(call, value, free.length, own.map(sizeOf), 'full');
  return lowering.transpose(
    full,
    [...out].map((letter) => made.indexOf(letter)),
  );
}

/** Products of matrices over axes that both have: one axis of each side and one that is summed, as in attention. */
function asBatches(call: TfCall, { a, b, out }: Terms): Operand | undefined {
  const { lowering } = call;
  const inBoth = [...a].filter((letter) => b.includes(letter));
  const batch = inBoth.filter((letter) => out.includes(letter));
  const summed = inBoth.filter((letter) => !out.includes(letter));
  const left = [...a].filter((letter) => !b.includes(letter));
  const right = [...b].filter((letter) => !a.includes(letter));
  if (summed.length !== 1 || left.length !== 1 || right.length !== 1) return undefined;
  if (out.length !== batch.length + 2 || ![...left, ...right].every((letter) => out.includes(letter))) return undefined;
  const [x, y] = [call.input(0), call.input(1)];
  if (lowering.shape(x)?.length !== a.length || lowering.shape(y)?.length !== b.length) return undefined;
  const first = lowering.transpose(
    x,
    [...batch, ...left, ...summed].map((letter) => a.indexOf(letter)),
  );
  const second = lowering.transpose(
    y,
    [...batch, ...summed, ...right].map((letter) => b.indexOf(letter)),
  );
  const made = [...batch, ...left, ...right];
  return lowering.transpose(
    call.emit('MatMul', [first, second]),
    [...out].map((letter) => made.indexOf(letter)),
  );
}

/** The first `kept` axes as they are, and others behind them. */
function withTail(call: TfCall, x: Operand, kept: number, tail: readonly number[], name: string): Operand {
  const { lowering } = call;
  const shape = lowering.shape(x)?.slice(0, kept) ?? [];
  const sizes = shape.map((size) => (typeof size === 'number' ? size : -1));
  const options = { name: `${call.name}/${name}` };
  if (sizes.filter((size) => size === -1).length <= 1) return lowering.reshape(x, [...sizes, ...tail], options);
  const head = call.step(`${name}_head`, 'Slice', [
    call.step(`${name}_shape`, 'Shape', [x]),
    lowering.small([0]),
    lowering.small([kept]),
  ]);
  return lowering.reshape(x, call.step(`${name}_sizes`, 'Concat', [head, lowering.small(tail)], { axis: 0 }), options);
}
