/** Before any test: the WASM kernels are compiled when they are missing or older than their sources. */
import { buildKernels } from './build-kernels.mjs';

export async function setup() {
  await buildKernels();
}
