/** Bytes of a message that was composed from bytes alone. */
import { isRange } from '#base/bytes.ts';
import type { MessageDraft } from '#wire/protobuf/encode.ts';
import { joinBytes } from '#wire/protobuf/encode.ts';

/** For records without file ranges in them; those are read by `joinChunks` of base. */
export function joinSmall(draft: MessageDraft): Uint8Array {
  return joinBytes(
    draft.compose().map((chunk) => {
      if (isRange(chunk)) throw new Error('a range of a file where bytes are expected');
      return chunk;
    }),
  );
}
