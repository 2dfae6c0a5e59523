/** Products of matrices and sums over named indices, the base of MatMul, Gemm, Einsum and their integer forms. */
import { countOf } from '#base/dtype.ts';
import { broadcastIndex, broadcastShape } from '#ops/evaluate/elementwise.ts';
import { strides } from '#ops/evaluate/reduce.ts';
import type { Reals } from './evaluation.ts';
import { advance } from './windows.ts';

export interface Matrix {
  readonly values: Reals;
  readonly shape: readonly number[];
}

export interface Product {
  readonly values: Float64Array;
  readonly shape: readonly number[];
}

/** numpy.matmul: batches are broadcast, vectors count as a row or a column. */
export function multiply(a: Matrix, b: Matrix): Product {
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2));
  const rows = left.at(-2) ?? 1;
  const inner = left.at(-1) ?? 1;
  const columns = right.at(-1) ?? 1;
  if (right.at(-2) !== inner) throw new RangeError(`${String(inner)} columns meet ${String(right.at(-2))} rows`);
  const ofLeft = broadcastIndex(left.slice(0, -2), batch);
  const ofRight = broadcastIndex(right.slice(0, -2), batch);
  const count = countOf(batch);
  const values = new Float64Array(count * rows * columns);
  for (let at = 0; at < count; at++) {
    const from = ofLeft(at) * rows * inner;
    const to = ofRight(at) * inner * columns;
    for (let row = 0; row < rows; row++) {
      const into = (at * rows + row) * columns;
      for (let k = 0; k < inner; k++) {
        const factor = a.values[from + row * inner + k] ?? 0;
        const start = to + k * columns;
        for (let column = 0; column < columns; column++) {
          values[into + column] = (values[into + column] ?? 0) + factor * (b.values[start + column] ?? 0);
        }
      }
    }
  }
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [rows]), ...(b.shape.length === 1 ? [] : [columns])];
  return { values, shape };
}

/** The matrix with its last two axes swapped. */
export function turned({ values, shape }: Matrix): Matrix {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const out = new Float64Array(values.length);
  const area = rows * columns;
  for (let at = 0; at < out.length; at++) {
    const start = at - (at % area);
    const row = Math.floor((at % area) / columns);
    out[start + (at % columns) * rows + row] = values[at] ?? 0;
  }
  return { values: out, shape: [...shape.slice(0, -2), columns, rows] };
}

/** Letters of each operand and of the result, with `...` spelled out as capital letters of axes counted from the back. */
export function einsum(equation: string, operands: readonly Matrix[]): Product {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',').map((term, at) => lettersOf(term, operands[at]?.shape.length ?? 0));
  const all = terms.flat();
  const dots = [...new Set(all.filter((letter) => letter.startsWith('.')))].toSorted(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  const once = [...new Set(all)].filter(
    (letter) => !letter.startsWith('.') && all.indexOf(letter) === all.lastIndexOf(letter),
  );
  const kept =
    right === undefined
      ? [...dots, ...once.toSorted()]
      : right.includes('...')
        ? [...right.slice(0, right.indexOf('...')), ...dots, ...right.slice(right.indexOf('...') + 3)]
        : [...right];
  const sizes = new Map<string, number>();
  for (const [at, term] of terms.entries()) {
    for (const [axis, letter] of term.entries()) {
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, operands[at]?.shape[axis] ?? 1));
    }
  }
  const letters = [...kept, ...[...sizes.keys()].filter((letter) => !kept.includes(letter))];
  return { values: summed(letters, kept, sizes, terms, operands), shape: kept.map((letter) => sizes.get(letter) ?? 1) };
}

function summed(
  letters: readonly string[],
  kept: readonly string[],
  sizes: ReadonlyMap<string, number>,
  terms: readonly (readonly string[])[],
  operands: readonly Matrix[],
): Float64Array {
  const loop = letters.map((letter) => sizes.get(letter) ?? 1);
  const inner = countOf(loop.slice(kept.length));
  const values = new Float64Array(countOf(loop.slice(0, kept.length)));
  const steps = operands.map(({ shape }, at) => {
    const own = strides(shape);
    // A letter that stands twice in one operand walks its diagonal; an axis of size 1 is broadcast.
    return letters.map((letter) =>
      (terms[at] ?? []).reduce(
        (sum, one, axis) => sum + (one === letter && shape[axis] !== 1 ? (own[axis] ?? 0) : 0),
        0,
      ),
    );
  });
  const place: number[] = Array.from({ length: loop.length }, () => 0);
  for (let into = 0; into < values.length; into++) {
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      let product = 1;
      for (const [at, { values: numbers }] of operands.entries()) {
        let index = 0;
        const step = steps[at] ?? [];
        for (let axis = 0; axis < loop.length; axis++) index += (place[axis] ?? 0) * (step[axis] ?? 0);
        product *= numbers[index] ?? 0;
      }
      sum += product;
      advance(place, loop);
    }
    values[into] = sum;
  }
  return values;
}

/** Axes of `...` are named by their distance from its end, so that shorter ones are broadcast. */
function lettersOf(term: string, rank: number): readonly string[] {
  const at = term.indexOf('...');
  if (at === -1) return [...term];
  const named = term.length - 3;
  const dots = Array.from({ length: rank - named }, (_, axis) => `.${String(rank - named - axis)}`);
  return [...term.slice(0, at), ...dots, ...term.slice(at + 3)];
}
