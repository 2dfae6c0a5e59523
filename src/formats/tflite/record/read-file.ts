/** The tables of a .tflite file, read and held against each other: what refers to a tensor, buffer or code refers to one that is there. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { type FlatTable, openFlatBuffer } from '#wire/flatbuffers.ts';
import { builtinName, CUSTOM } from './builtin-names.ts';
import type { Fields } from './fields.ts';
import { readFields } from './fields.ts';
import type { BufferPlace, TfliteFile, TfliteOperator, TfliteSignature, TfliteSubgraph } from './file.ts';
import { readTensor } from './read-tensor.ts';
import {
  BUFFER,
  IDENTIFIER,
  METADATA,
  MODEL,
  OPERATOR,
  OPERATOR_CODE,
  SIGNATURE,
  SUBGRAPH,
  TENSOR_MAP,
} from './schema.ts';

/** More than any converter writes. */
const MOST = {
  codes: 4096,
  subgraphs: 4096,
  tensors: 500_000,
  operators: 500_000,
  buffers: 1_000_000,
  signatures: 1024,
  operands: 65_536,
  customBytes: 16 * 1024 * 1024,
} as const;

/** Which options an operator has, by the name of the builtin. */
export type FieldsOf = (name: string) => Fields | undefined;

interface Code {
  readonly code: number;
  readonly name: string;
  readonly custom: boolean;
}

export async function readFile(source: ByteSource, fieldsOf: FieldsOf): Promise<TfliteFile> {
  const model = await openFlatBuffer(source, IDENTIFIER);
  const codes = await readCodes(model);
  const buffers = await readBuffers(model, source);
  const subgraphs: TfliteSubgraph[] = [];
  for (const [index, table] of (await model.tables(MODEL.subgraphs, MOST.subgraphs)).entries()) {
    subgraphs.push(await readSubgraph(table, index, codes, buffers, fieldsOf));
  }
  if (subgraphs.length === 0) {
    throw new PareError({
      code: 'tflite/no-graph',
      file: source.name,
      problem: 'It holds no graph, so there is no model in it.',
      hint: 'Convert the model again.',
    });
  }
  const signatures: TfliteSignature[] = [];
  for (const table of await model.tables(MODEL.signatures, MOST.signatures)) {
    signatures.push(await readSignature(table, subgraphs));
  }
  const metadata: string[] = [];
  for (const table of await model.tables(MODEL.metadata, MOST.signatures)) {
    metadata.push((await table.text(METADATA.name)) ?? '');
  }
  const description = (await model.text(MODEL.description)) ?? '';
  return { description, subgraphs, signatures, metadata };
}

async function readCodes(model: FlatTable): Promise<readonly Code[]> {
  const codes: Code[] = [];
  for (const table of await model.tables(MODEL.operatorCodes, MOST.codes)) {
    // Codes above 127 came later and stand in a field of their own.
    const code = Math.max(table.int8(OPERATOR_CODE.oldCode), table.int32(OPERATOR_CODE.code));
    const custom = code === CUSTOM;
    const name = custom ? ((await table.text(OPERATOR_CODE.custom)) ?? 'CUSTOM') : builtinName(code);
    codes.push({ code, name, custom });
  }
  return codes;
}

async function readBuffers(model: FlatTable, source: ByteSource): Promise<readonly (BufferPlace | undefined)[]> {
  const buffers: (BufferPlace | undefined)[] = [];
  for (const table of await model.tables(MODEL.buffers, MOST.buffers)) {
    const inside = await table.vector(BUFFER.data, 1);
    if (inside !== undefined && inside.length > 0) {
      buffers.push(inside);
      continue;
    }
    // Files above 2 GB keep their weights behind the tables.
    const [offset, length] = [table.uint64(BUFFER.offset), table.uint64(BUFFER.size)];
    if (offset <= 1 || length === 0) {
      buffers.push(undefined);
      continue;
    }
    if (offset + length > source.sizeBytes) {
      throw refusal(
        table,
        'buffer',
        `A weight of ${length} bytes at byte ${offset} reaches beyond the end of the file.`,
      );
    }
    buffers.push({ offset, length });
  }
  return buffers;
}

async function readSubgraph(
  table: FlatTable,
  index: number,
  codes: readonly Code[],
  buffers: readonly (BufferPlace | undefined)[],
  fieldsOf: FieldsOf,
): Promise<TfliteSubgraph> {
  const tensors = [];
  for (const tensor of await table.tables(SUBGRAPH.tensors, MOST.tensors)) {
    tensors.push(await readTensor(tensor, tensors.length, buffers));
  }
  const known = (list: readonly number[], optional: boolean): readonly number[] => {
    for (const at of list) {
      if (at < tensors.length && (at >= 0 || (optional && at === -1))) continue;
      throw refusal(table, 'tensor-index', `Tensor ${at} is named, but the graph has ${tensors.length} tensors.`);
    }
    return list;
  };
  const operators: TfliteOperator[] = [];
  for (const operator of await table.tables(SUBGRAPH.operators, MOST.operators)) {
    const code = codes[operator.uint32(OPERATOR.code)];
    if (code === undefined)
      throw refusal(operator, 'operator-code', 'An operator has a code that the file does not list.');
    operators.push({
      ...code,
      inputs: known(await operator.int32s(OPERATOR.inputs, MOST.operands), true),
      outputs: known(await operator.int32s(OPERATOR.outputs, MOST.operands), true),
      options: await readOptions(operator, code, fieldsOf),
      customOptions: await operator.bytes(OPERATOR.customOptions, MOST.customBytes),
    });
  }
  return {
    name: (await table.text(SUBGRAPH.name)) ?? (index === 0 ? 'main' : `subgraph_${index}`),
    tensors,
    inputs: known(await table.int32s(SUBGRAPH.inputs, MOST.operands), false),
    outputs: known(await table.int32s(SUBGRAPH.outputs, MOST.operands), false),
    operators,
  };
}

async function readOptions(operator: FlatTable, code: Code, fieldsOf: FieldsOf): Promise<TfliteOperator['options']> {
  const fields = code.custom ? undefined : fieldsOf(code.name);
  if (fields === undefined) return {};
  const options = (await operator.table(OPERATOR.options)) ?? (await operator.table(OPERATOR.options2));
  return readFields(options, fields);
}

async function readSignature(table: FlatTable, subgraphs: readonly TfliteSubgraph[]): Promise<TfliteSignature> {
  const subgraph = table.uint32(SIGNATURE.subgraph);
  const graph = subgraphs[subgraph];
  if (graph === undefined)
    throw refusal(table, 'signature', `A signature is of graph ${subgraph}, which is not there.`);
  const names = async (slot: number): Promise<ReadonlyMap<number, string>> => {
    const found = new Map<number, string>();
    for (const entry of await table.tables(slot, MOST.operands)) {
      const tensor = entry.uint32(TENSOR_MAP.tensor);
      const name = await entry.text(TENSOR_MAP.name);
      if (tensor < graph.tensors.length && name !== undefined) found.set(tensor, name);
    }
    return found;
  };
  return {
    key: (await table.text(SIGNATURE.key)) ?? '',
    subgraph,
    inputs: await names(SIGNATURE.inputs),
    outputs: await names(SIGNATURE.outputs),
  };
}

function refusal(table: FlatTable, code: string, problem: string): PareError {
  return new PareError({
    code: `tflite/${code}`,
    file: table.file,
    place: `byte ${table.offset}`,
    problem,
    hint: 'The file is damaged: get it again.',
  });
}
