/**
 * The WGSL of every kernel that runs on WebGPU. Scales and inverses come from the processor as float32, because WGSL
 * division may be off by 2.5 units in the last place; `round` is half to even by specification, and a product that is
 * rounded cannot be fused with anything. Sums are reduced per workgroup here and in double precision on the processor.
 */

/** Elements of one workgroup in the elementwise kernels: 256 invocations, four elements each. */
export const GROUP_ELEMENTS = 1024;

/** Sums of four floats over the 256 invocations of a workgroup: three sums and a maximum. */
const REDUCE = /* wgsl */ `
var<workgroup> lanes: array<vec4f, 256>;
fn reduce(lane: u32, mine: vec4f) -> vec4f {
  lanes[lane] = mine;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half /= 2u) {
    if (lane < half) {
      let a = lanes[lane];
      let b = lanes[lane + half];
      lanes[lane] = vec4f(a.xyz + b.xyz, max(a.w, b.w));
    }
    workgroupBarrier();
  }
  return lanes[0];
}`;

/** Smallest and largest of each row: one workgroup a row. */
export const MIN_MAX = /* wgsl */ `
struct Shape { rows: u32, rowLength: u32, count: u32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<vec2f>;
var<workgroup> lanes: array<vec2f, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * shape.rowLength;
  let end = min(shape.count, start + shape.rowLength);
  var range = vec2f(x[start], x[start]);
  for (var i = start + lane; i < end; i += 64u) { range = vec2f(min(range.x, x[i]), max(range.y, x[i])); }
  lanes[lane] = range;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) {
      let a = lanes[lane];
      let b = lanes[lane + half];
      lanes[lane] = vec2f(min(a.x, b.x), max(a.y, b.y));
    }
    workgroupBarrier();
  }
  if (lane == 0u) { ranges[group.x] = lanes[0]; }
}`;

/** Levels (four to a word up to 8 bits, two above) and error sums. */
export const QUANTIZE = /* wgsl */ `
struct Grid { count: u32, rowLength: u32, scaleStep: u32, zeroPointStep: u32, low: i32, high: i32, wide: u32, levels: u32 }
@group(0) @binding(0) var<uniform> grid: Grid;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scales: array<vec2f>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> levels: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>;
${REDUCE}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x * 256u + lane) * 4u;
  var mine = vec4f(0.0);
  var packed = vec2u(0u);
  for (var k = 0u; k < 4u; k++) {
    let i = first + k;
    if (i >= grid.count) { break; }
    let row = i / grid.rowLength;
    let scale = scales[row * grid.scaleStep];
    let zeroPoint = zeroPoints[row * grid.zeroPointStep];
    let steps = clamp(round(x[i] * scale.y), f32(grid.low - zeroPoint), f32(grid.high - zeroPoint));
    let level = bitcast<u32>(i32(steps) + zeroPoint);
    if (grid.wide == 0u) { packed.x |= (level & 0xffu) << (8u * k); }
    else if (k < 2u) { packed.x |= (level & 0xffffu) << (16u * k); }
    else { packed.y |= (level & 0xffffu) << (16u * (k - 2u)); }
    let result = scale.x * steps;
    let error = x[i] - result;
    mine = vec4f(mine.xyz + vec3f(error * error, x[i] * x[i], result * result), max(mine.w, abs(error)));
  }
  if (grid.levels != 0u && first < grid.count) {
    if (grid.wide == 0u) { levels[first / 4u] = packed.x; }
    else { levels[first / 2u] = packed.x; levels[first / 2u + 1u] = packed.y; }
  }
  let all = reduce(lane, mine);
  if (lane == 0u) { sums[group.x] = all; }
}`;

/** x' = scale * (level - zeroPoint). */
export const DEQUANTIZE = /* wgsl */ `
struct Grid { count: u32, rowLength: u32, scaleStep: u32, zeroPointStep: u32, wide: u32, isSigned: u32 }
@group(0) @binding(0) var<uniform> grid: Grid;
@group(0) @binding(1) var<storage, read> levels: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var k = 0u; k < 4u; k++) {
    let i = id.x * 4u + k;
    if (i >= grid.count) { break; }
    let row = i / grid.rowLength;
    let width = select(8u, 16u, grid.wide != 0u);
    let word = levels[i * width / 32u];
    let offset = (i * width) % 32u;
    var level = bitcast<i32>(extractBits(word, offset, width));
    if (grid.isSigned != 0u) { level = extractBits(bitcast<i32>(word), offset, width); }
    result[i] = scales[row * grid.scaleStep] * f32(level - zeroPoints[row * grid.zeroPointStep]);
  }
}`;

/** Squared error of every row on every candidate grid: one invocation each, sums kept short for precision. */
export const SEARCH = /* wgsl */ `
struct Search { rows: u32, rowLength: u32, count: u32, candidates: u32, low: i32, high: i32 }
@group(0) @binding(0) var<uniform> search: Search;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scales: array<vec2f>;
@group(0) @binding(3) var<storage, read> zeroPoints: array<i32>;
@group(0) @binding(4) var<storage, read_write> errors: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= search.rows * search.candidates) { return; }
  let start = (id.x / search.candidates) * search.rowLength;
  let end = min(search.count, start + search.rowLength);
  let scale = scales[id.x];
  let low = f32(search.low - zeroPoints[id.x]);
  let high = f32(search.high - zeroPoints[id.x]);
  var total = 0.0;
  for (var part = start; part < end; part += 256u) {
    var sum = 0.0;
    for (var i = part; i < min(end, part + 256u); i++) {
      let error = x[i] - scale.x * clamp(round(x[i] * scale.y), low, high);
      sum += error * error;
    }
    total += sum;
  }
  errors[id.x] = total;
}`;

export const HISTOGRAM = /* wgsl */ `
struct Bins { count: u32, bins: u32, low: f32, perUnit: f32 }
@group(0) @binding(0) var<uniform> bins: Bins;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var k = 0u; k < 4u; k++) {
    let i = id.x * 4u + k;
    if (i >= bins.count) { break; }
    let place = clamp((x[i] - bins.low) * bins.perUnit, 0.0, f32(bins.bins - 1u));
    atomicAdd(&counts[u32(place)], 1u);
  }
}`;

/** Zeroes what lies below the threshold; the second result counts zeros and weights equal to the threshold. */
export const PRUNE_BELOW = /* wgsl */ `
struct Cut { count: u32, limit: f32 }
@group(0) @binding(0) var<uniform> cut: Cut;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> kept: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> counts: array<atomic<u32>>;
${REDUCE}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var mine = vec4f(0.0);
  for (var k = 0u; k < 4u; k++) {
    let i = (group.x * 256u + lane) * 4u + k;
    if (i >= cut.count) { break; }
    let magnitude = abs(x[i]);
    let result = select(x[i], 0.0, magnitude < cut.limit);
    kept[i] = result;
    if (result == 0.0) { atomicAdd(&counts[0], 1u); }
    // Weights equal to the threshold are left out of the result's square: the caller decides which of them stay.
    if (magnitude == cut.limit) { atomicAdd(&counts[1], 1u); }
    let above = select(0.0, x[i], magnitude > cut.limit);
    let error = x[i] - result;
    mine = vec4f(mine.xyz + vec3f(error * error, x[i] * x[i], above * above), max(mine.w, abs(error)));
  }
  let all = reduce(lane, mine);
  if (lane == 0u) { sums[group.x] = all; }
}`;

/** Keeps the n largest magnitudes of every m; one invocation a group. */
export const PRUNE_NM = /* wgsl */ `
struct Groups { count: u32, rowLength: u32, groupsPerRow: u32, n: u32, m: u32, groups: u32 }
@group(0) @binding(0) var<uniform> shape: Groups;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> kept: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> counts: array<atomic<u32>>;
${REDUCE}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var mine = vec4f(0.0);
  let index = group.x * 256u + lane;
  if (index < shape.groups) {
    let row = index / shape.groupsPerRow;
    let start = row * shape.rowLength + (index % shape.groupsPerRow) * shape.m;
    let end = min(min(start + shape.m, (row + 1u) * shape.rowLength), shape.count);
    for (var i = start; i < end; i++) {
      let magnitude = abs(x[i]);
      var rank = 0u;
      for (var other = start; other < end; other++) {
        let rival = abs(x[other]);
        if (rival > magnitude || (rival == magnitude && other < i)) { rank++; }
      }
      let result = select(0.0, x[i], rank < shape.n);
      kept[i] = result;
      if (result == 0.0) { atomicAdd(&counts[0], 1u); }
      let error = x[i] - result;
      mine = vec4f(mine.xyz + vec3f(error * error, x[i] * x[i], result * result), max(mine.w, abs(error)));
    }
  }
  let all = reduce(lane, mine);
  if (lane == 0u) { sums[group.x] = all; }
}`;

/** Half-precision bits by integer arithmetic, two to a word: \`pack2x16float\` leaves the rounding to the driver. */
const HALVES = /* wgsl */ `
fn toFloat16(x: u32) -> u32 {
  let sign = (x >> 16u) & 0x8000u;
  let magnitude = x & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude > 0x477fefffu) { return sign | 0x7c00u; }
  if (magnitude < 0x33000000u) { return sign; }
  if (magnitude < 0x38800000u) {
    // Subnormal result: the mantissa with its hidden bit, shifted right and rounded to even.
    let shift = 126u - (magnitude >> 23u);
    let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    let whole = mantissa >> shift;
    let rest = mantissa & ((1u << shift) - 1u);
    let half = 1u << (shift - 1u);
    let up = rest > half || (rest == half && (whole & 1u) == 1u);
    return sign | (whole + select(0u, 1u, up));
  }
  return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
}
fn toBfloat16(x: u32) -> u32 {
  if ((x & 0x7fffffffu) > 0x7f800000u) { return (x >> 16u) | 0x40u; }
  return (x + 0x7fffu + ((x >> 16u) & 1u)) >> 16u;
}
fn fromBfloat16(bits: u32) -> u32 { return bits << 16u; }
fn fromFloat16(bits: u32) -> u32 {
  let sign = (bits & 0x8000u) << 16u;
  let exponent = (bits >> 10u) & 31u;
  let mantissa = bits & 1023u;
  if (exponent == 31u) { return sign | 0x7f800000u | (mantissa << 13u); }
  if (exponent != 0u) { return sign | ((exponent + 112u) << 23u) | (mantissa << 13u); }
  if (mantissa == 0u) { return sign; }
  // Subnormal: the highest set bit becomes the hidden one.
  let top = firstLeadingBit(mantissa);
  return sign | ((top + 103u) << 23u) | ((mantissa << (23u - top)) & 0x7fffffu);
}
struct Size { words: u32 }
@group(0) @binding(0) var<uniform> size: Size;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;`;

/** Words travel as integers throughout, so that no driver flushes subnormal numbers. */
export const narrowing = (to: 'toFloat16' | 'toBfloat16'): string => /* wgsl */ `${HALVES}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < size.words) { result[id.x] = ${to}(x[2u * id.x]) | (${to}(x[2u * id.x + 1u]) << 16u); }
}`;

export const widening = (from: 'fromFloat16' | 'fromBfloat16'): string => /* wgsl */ `${HALVES}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= size.words) { return; }
  result[2u * id.x] = ${from}(x[id.x] & 0xffffu);
  result[2u * id.x + 1u] = ${from}(x[id.x] >> 16u);
}`;
