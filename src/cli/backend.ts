/** Which kernels the command line computes with. */
import { referenceBackend } from '#kernels/reference/index.ts';
import type { CompleteBackend } from '#kernels/kernels.ts';

export async function openBackendForNode(): Promise<CompleteBackend> {
  return referenceBackend();
}
