// x' = fl(scale * (level - zeroPoint)), level by level type.
import { OWN, ROWS, SOURCE, TARGET, lengthOfRow, word } from './task';
import { KIND_I16, KIND_I8, KIND_U8 } from './quantize';

export function dequantizeRows(task: usize): void {
  const kind = word(task, OWN + 6);
  if (kind == KIND_I8) expand<i8>(task);
  else if (kind == KIND_U8) expand<u8>(task);
  else if (kind == KIND_I16) expand<i16>(task);
  else expand<u16>(task);
}

// @ts-ignore: decorator
@inline
function widened<T>(from: usize): v128 {
  if (sizeof<T>() == 1) {
    const bytes = v128.load32_zero(from);
    if (isSigned<T>()) return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes));
    return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
  }
  if (isSigned<T>()) return v128.load16x4_s(from);
  return v128.load16x4_u(from);
}

function expand<T>(task: usize): void {
  const rows = word(task, ROWS);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    const scale = load<f32>(<usize>word(task, OWN) + <usize>(row * word(task, OWN + 2)));
    const zeroPoint = load<i32>(<usize>word(task, OWN + 1) + <usize>(row * word(task, OWN + 3)));
    const scales = f32x4.splat(scale);
    const zeroPoints = i32x4.splat(zeroPoint);
    const end = target + (<usize>length << 2);
    const end4 = target + ((<usize>length >> 2) << 4);
    while (target < end4) {
      const steps = i32x4.sub(widened<T>(at), zeroPoints);
      v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(steps), scales));
      at += sizeof<T>() << 2;
      target += 16;
    }
    while (target < end) {
      store<f32>(target, <f32>(<i32>load<T>(at) - zeroPoint) * scale);
      at += sizeof<T>();
      target += 4;
    }
  }
}
