/**
 * What a record of the file holds beyond the model's own fields, kept verbatim on `extra`. Where one of our values stands
 * for several records (an initializer that is also an input), the parts are kept apart under numbers.
 */
import { MessageDraft, joinBytes } from '#wire/protobuf/encode.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import { schema } from '#wire/protobuf/message.ts';
import { joinSmall } from './join.ts';

/** Parts of `Value.extra`, `Attr.extra`. */
export const EXTRA = {
  /** Unknown fields of the ValueInfoProto; of the AttributeProto on attributes. */
  record: 1,
  /** Unknown fields of the TensorProto. */
  tensor: 2,
  /** The ValueInfoProto in value_info of a value that is listed as input or output as well. */
  inValueInfo: 3,
  /** JSON of the two tickets of a sparse initializer: as dense, and as the record in the file. */
  sparse: 4,
  /** doc_string of the TensorProto where the ValueInfoProto has one of its own. */
  tensorDoc: 5,
} as const;

export type ExtraParts = Map<number, Uint8Array>;

const FORM = schema('extra');

export function packExtra(parts: ExtraParts): { readonly extra?: Uint8Array } {
  if (parts.size === 0) return {};
  const draft = new MessageDraft();
  for (const [number, bytes] of parts) draft.bytes(number, bytes);
  return { extra: joinSmall(draft) };
}

export function unpackExtra(extra: Uint8Array | undefined): ExtraParts {
  const parts: ExtraParts = new Map();
  if (extra === undefined) return parts;
  for (const field of decodeBytes(extra, FORM).fields) parts.set(field.number, field.bytes ?? joinBytes([]));
  return parts;
}
