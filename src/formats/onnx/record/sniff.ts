/** Recognises an ONNX file by its first fields: a ModelProto starts with a small IR version, then names or the graph. */
import { readVarint } from '#wire/protobuf/varint.ts';
import { MODEL } from './schema.ts';

const NUMBERS: ReadonlySet<number> = new Set([MODEL.irVersion, MODEL.modelVersion]);
const NAMES: ReadonlySet<number> = new Set([MODEL.producerName, MODEL.producerVersion, MODEL.domain]);
/** A TensorFlow SavedModel starts alike, with a whole graph where ONNX has the producer's name. */
const LONGEST_NAME = 1000;
const FIELDS: ReadonlySet<number> = new Set(Object.values(MODEL));
/** IR versions count up slowly: a larger first number means another kind of file. */
const PLAUSIBLE_IR = 1000;

/** Follows the top-level fields as far as `head` goes; all must be those of a ModelProto, of the right kind. */
export function sniffOnnx(head: Uint8Array): boolean {
  let at = 0;
  let seen = 0;
  try {
    while (at < head.byteLength) {
      const tag = readVarint(head, at);
      if (tag === undefined) break;
      const number = Math.floor(Number(tag.value) / 8);
      const wire = Number(tag.value) % 8;
      if (!FIELDS.has(number) || wire !== (NUMBERS.has(number) ? 0 : 2)) return false;
      const value = readVarint(head, tag.next);
      if (value === undefined) break;
      if (number === MODEL.irVersion && Number(value.value) > PLAUSIBLE_IR) return false;
      if (NAMES.has(number) && Number(value.value) > LONGEST_NAME) return false;
      seen += 1;
      at = wire === 0 ? value.next : value.next + Number(value.value);
      if (number === MODEL.graph) break;
    }
  } catch {
    return false;
  }
  return seen >= 2;
}
