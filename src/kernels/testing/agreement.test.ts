import { expect, test } from 'vitest';
import { referenceBackend, referenceKernels } from '#kernels/reference/index.ts';
import { createWasmBackend } from '#kernels/wasm/backend.ts';
import { disagreements } from './agreement.ts';

test('the suite finds a kernel that is wrong', async () => {
  const backend = referenceBackend();
  const absMax = async () => Float32Array.of(-1);
  const found = await disagreements(referenceKernels, { ...backend, kernels: { absMax } }, { largest: 100 });
  expect(found[0]).toContain('absMax, normal 1 x 1: result[0] is -1 instead of');
});

test('strict WASM on one thread agrees with the reference', { timeout: 240_000 }, async () => {
  const backend = await createWasmBackend({ build: 'strict' });
  expect(await disagreements(referenceKernels, backend)).toEqual([]);
  backend.close();
});
