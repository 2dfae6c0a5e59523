/** One tensor's record: shape, type, the place of its bytes, its grid, and how a sparse one is laid. */
import { PareError } from '#base/failure.ts';
import type { FlatTable } from '#wire/flatbuffers.ts';
import type { BufferPlace, SparseAxis, Sparsity, TensorQuantization, TfliteTensor } from './file.ts';
import {
  BLOCKWISE,
  BLOCKWISE_SCALES,
  elementType,
  QUANTIZATION,
  SPARSE_DIMENSION,
  SPARSITY,
  TENSOR,
} from './schema.ts';

const MAX_RANK = 32;
/** Scales of one tensor: one for each of its channels. */
const MAX_SCALES = 4_000_000;
const MAX_SPARSE = 64_000_000;

export async function readTensor(
  table: FlatTable,
  index: number,
  buffers: readonly (BufferPlace | undefined)[],
): Promise<TfliteTensor> {
  const name = (await table.text(TENSOR.name)) ?? '';
  const number = table.int8(TENSOR.type);
  const type = elementType(number);
  if (type === undefined)
    throw refusal(table, name, `Its element type has the number ${number}, which no runtime knows.`);
  const shape = await table.int32s(TENSOR.shape, MAX_RANK);
  if (shape.some((size) => size < 0)) throw refusal(table, name, `Its shape [${shape.join(', ')}] is impossible.`);
  const signature = await table.int32s(TENSOR.shapeSignature, MAX_RANK);
  const quantization = await readQuantization(await table.table(TENSOR.quantization));
  const sparsity = await readSparsity(await table.table(TENSOR.sparsity));
  const buffer = table.uint32(TENSOR.buffer);
  if (buffer >= buffers.length && buffer !== 0) {
    throw refusal(table, name, `Its bytes are buffer ${buffer}, and the file has ${buffers.length}.`);
  }
  return {
    index,
    name: name === '' ? `tensor_${index}` : name,
    shape,
    ...(signature.length === shape.length && signature.some((size) => size < 0) ? { shapeSignature: signature } : {}),
    type,
    buffer: buffer === 0 ? undefined : buffers[buffer],
    isVariable: table.bool(TENSOR.isVariable),
    ...(quantization === undefined ? {} : { quantization }),
    ...(sparsity === undefined ? {} : { sparsity }),
  };
}

async function readQuantization(table: FlatTable | undefined): Promise<TensorQuantization | undefined> {
  if (table === undefined) return undefined;
  const scale = await table.float32s(QUANTIZATION.scale, MAX_SCALES);
  const zeroPoint = await table.int64s(QUANTIZATION.zeroPoint, MAX_SCALES);
  const details =
    table.uint8(QUANTIZATION.detailsType) === BLOCKWISE ? await table.table(QUANTIZATION.details) : undefined;
  const blocks =
    details === undefined
      ? {}
      : {
          blocks: {
            scales: details.int32(BLOCKWISE_SCALES.scales),
            zeroPoints: details.int32(BLOCKWISE_SCALES.zeroPoints),
            size: details.int32(BLOCKWISE_SCALES.blockSize),
          },
        };
  if (scale.length === 0 && details === undefined) return undefined;
  return { scale, zeroPoint, axis: table.int32(QUANTIZATION.axis), ...blocks };
}

async function readSparsity(table: FlatTable | undefined): Promise<Sparsity | undefined> {
  if (table === undefined) return undefined;
  const axes: SparseAxis[] = [];
  for (const axis of await table.tables(SPARSITY.dimensions, MAX_RANK)) {
    if (axis.int8(SPARSE_DIMENSION.format) === 0) axes.push({ size: axis.int32(SPARSE_DIMENSION.size) });
    else {
      axes.push({
        size: 0,
        segments: await readIndices(axis, SPARSE_DIMENSION.segmentsType, SPARSE_DIMENSION.segments),
        indices: await readIndices(axis, SPARSE_DIMENSION.indicesType, SPARSE_DIMENSION.indices),
      });
    }
  }
  return {
    traversal: await table.int32s(SPARSITY.traversal, MAX_RANK),
    blockMap: await table.int32s(SPARSITY.blockMap, MAX_RANK),
    axes,
  };
}

/** A union of vectors of 32, 16 or 8 bits. */
async function readIndices(axis: FlatTable, typeSlot: number, slot: number): Promise<readonly number[]> {
  const table = await axis.table(slot);
  if (table === undefined) return [];
  const type = axis.uint8(typeSlot);
  if (type === 1) return table.int32s(0, MAX_SPARSE);
  if (type === 3) return [...(await table.bytes(0, MAX_SPARSE))];
  return type === 2 ? table.uint16s(0, MAX_SPARSE) : [];
}

function refusal(table: FlatTable, name: string, problem: string): PareError {
  return new PareError({
    code: 'tflite/tensor',
    file: table.file,
    place: name === '' ? `byte ${table.offset}` : `tensor "${name}"`,
    problem,
    hint: 'The file is damaged: get it again.',
  });
}
