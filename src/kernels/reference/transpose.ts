/** Meaning of `transpose`: [rows, columns] to [columns, rows], in square blocks that stay in the cache. */
const BLOCK = 32;

export async function transpose(x: Float32Array, rows: number, columns: number): Promise<Float32Array> {
  const result = new Float32Array(rows * columns);
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(rows, top + BLOCK);
    for (let left = 0; left < columns; left += BLOCK) {
      const right = Math.min(columns, left + BLOCK);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) result[column * rows + row] = x[row * columns + column]!;
      }
    }
  }
  return result;
}
