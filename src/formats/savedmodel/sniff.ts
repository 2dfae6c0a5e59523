/** Recognises a SavedModel or GraphDef by its first fields. */
import { readVarint } from '#wire/protobuf/varint.ts';

/** Files of a SavedModel that look alike and are no models. */
const BESIDE = /(^|\/)(keras_metadata|fingerprint|saved_model_debug_info)\.pb$/i;
/** Programs of graphs as text are recognised, so that they can be refused by name. */
const TEXT = /^\s*(node|saved_model_schema_version|meta_graphs|library|versions)\s*[:{]/;
const MAX_NAME = 4096;

/** What a file with these first bytes holds. */
export type TensorflowKind = 'saved-model' | 'graph' | 'text';

export function sniffSavedModel(head: Uint8Array, path: string): boolean {
  return kindOfHead(head, path) !== undefined;
}

export function kindOfHead(head: Uint8Array, path: string): TensorflowKind | undefined {
  if (BESIDE.test(path)) return undefined;
  if (/\.(pb|pbtxt|prototxt|txt)$/i.test(path) && TEXT.test(new TextDecoder().decode(head.subarray(0, 200)))) {
    return 'text';
  }
  try {
    if (isSavedModel(head)) return 'saved-model';
    return isGraph(head) ? 'graph' : undefined;
  } catch {
    return undefined;
  }
}

/** A small version number, then graphs with their remarks: `08 01 12 length 0a ...`. */
function isSavedModel(head: Uint8Array): boolean {
  if (head[0] !== 0x08) return false;
  const version = readVarint(head, 1);
  if (version === undefined || Number(version.value) > 100 || head[version.next] !== 0x12) return false;
  const length = readVarint(head, version.next + 1);
  // The remarks of a graph (field 1) or the graph itself come first in it.
  return length !== undefined && (head[length.next] === 0x0a || head[length.next] === 0x12);
}

/** A node with its name and operator: `0a length 0a length name 12 length operator`. */
function isGraph(head: Uint8Array): boolean {
  if (head[0] !== 0x0a) return false;
  const node = readVarint(head, 1);
  if (node === undefined || head[node.next] !== 0x0a) return false;
  const name = readVarint(head, node.next + 1);
  if (name === undefined || Number(name.value) > MAX_NAME) return false;
  const after = name.next + Number(name.value);
  if (after + 2 > head.byteLength) return true;
  if (head[after] !== 0x12) return false;
  const operator = readVarint(head, after + 1);
  if (operator === undefined || Number(operator.value) > 200) return false;
  const letters = head.subarray(operator.next, operator.next + Number(operator.value));
  return letters.byteLength > 0 && letters.every((byte) => byte === 0x3e || byte === 0x5f || isLetter(byte));
}

function isLetter(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
