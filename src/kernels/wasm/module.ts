/** Which of the two builds this engine can run. */
import { relaxed, strict } from './generated/modules.ts';

export type Build = 'strict' | 'relaxed';

function bytesOf(build: Build): Uint8Array<ArrayBuffer> {
  const text = atob(build === 'relaxed' ? relaxed : strict);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The fastest build that this engine accepts; `undefined` without WebAssembly SIMD and shared memory. */
export function bestBuild(): Build | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  if (WebAssembly.validate(bytesOf('relaxed'))) return 'relaxed';
  return WebAssembly.validate(bytesOf('strict')) ? 'strict' : undefined;
}

export function compileBuild(build: Build): Promise<WebAssembly.Module> {
  return WebAssembly.compile(bytesOf(build));
}
