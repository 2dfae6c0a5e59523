/** Chooses the backend for this environment and says, in a sentence, which one it is and why. */
import { PareError } from '#base/failure.ts';
import type { Backend, CompleteBackend } from './kernels.ts';
import type { ComputePort } from './pool.ts';
import { referenceBackend, referenceKernels } from './reference/index.ts';
import { createWasmBackend } from './wasm/backend.ts';

/** What the person asked for. */
export type BackendWish = 'auto' | 'reference' | 'wasm' | 'webgpu';

/** What there is to compute with. */
export interface Environment {
  /** Starts a compute worker. Without it everything runs on the calling thread. */
  readonly spawn?: () => ComputePort;
  /** Logical processors. */
  readonly processors: number;
  /** Whether shared memory may be posted to workers: a cross-origin isolated page, or Node. */
  readonly isolated: boolean;
  /** The browser's WebGPU, where it has one. */
  readonly gpu?: GPU;
}

/** The environment that this code finds itself in. */
export function thisEnvironment(spawn?: () => ComputePort): Environment {
  const scope = globalThis as {
    readonly crossOriginIsolated?: boolean;
    readonly navigator?: { readonly hardwareConcurrency?: number; readonly gpu?: GPU };
  };
  const { navigator } = scope;
  return {
    ...(spawn === undefined ? {} : { spawn }),
    processors: navigator?.hardwareConcurrency ?? 1,
    isolated: scope.crossOriginIsolated ?? true,
    ...(navigator?.gpu === undefined ? {} : { gpu: navigator.gpu }),
  };
}

/**
 * The backend for a wish, with a complete table. `auto` takes WebAssembly: it is exact to the last bit, needs no copy to a
 * device, and on weights, which are read once, transfers eat what a graphics processor gains. Whoever wishes a backend that
 * is not there gets the next best one, and the description says so.
 */
export async function chooseBackend(wish: BackendWish, environment: Environment): Promise<CompleteBackend> {
  if (wish === 'reference') return referenceBackend('Plain TypeScript, one thread, as chosen.');
  const base = await processorBackend(environment);
  const gpu = await askForGpu(environment);
  if (wish !== 'webgpu') return { ...base, description: `${base.description} ${whyNoGpu(gpu)}` };
  if (gpu.kind === 'absent') return { ...base, description: `${base.description} ${whyNoGpu(gpu)}` };
  try {
    const { createWebgpuBackend } = await import('./webgpu/backend.ts');
    const overlay = await createWebgpuBackend(gpu.adapter, base.kernels);
    return overlaid(base, overlay);
  } catch (error) {
    return { ...base, description: `${base.description} WebGPU not used: ${String((error as Error).message)}` };
  }
}

/** WebAssembly on as many threads as may be, or plain TypeScript where it cannot run. */
async function processorBackend({ spawn, processors, isolated }: Environment): Promise<CompleteBackend> {
  const threads = spawn !== undefined && isolated ? processors : 1;
  try {
    const wasm = await createWasmBackend({ threads, ...(threads > 1 ? { spawn: spawn! } : {}) });
    const alone = spawn !== undefined && !isolated && processors > 1;
    const why = alone ? ' More threads need a cross-origin isolated page (COOP and COEP headers).' : '';
    return { ...wasm, description: wasm.description + why, kernels: { ...referenceKernels, ...wasm.kernels } };
  } catch (error) {
    const reason = error instanceof PareError ? error.parts.problem : String(error);
    return referenceBackend(`Plain TypeScript, one thread, slow: ${reason}`);
  }
}

function overlaid(base: CompleteBackend, overlay: Backend): CompleteBackend {
  return {
    ...base,
    name: 'webgpu',
    description: `${overlay.description} The rest runs on ${base.description}`,
    kernels: { ...base.kernels, ...overlay.kernels },
    close: () => {
      overlay.close();
      base.close();
    },
  };
}

type Gpu =
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'software' | 'hardware'; readonly adapter: GPUAdapter };

async function askForGpu({ gpu }: Environment): Promise<Gpu> {
  if (gpu === undefined) return { kind: 'absent', reason: 'this browser does not offer it here' };
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { kind: 'absent', reason: 'the browser found no adapter' };
    return { kind: isSoftware(adapter) ? 'software' : 'hardware', adapter };
  } catch (error) {
    return { kind: 'absent', reason: (error as Error).message };
  }
}

/** Software adapters run shaders on the processor, many times slower than WebAssembly does. */
function isSoftware(adapter: GPUAdapter): boolean {
  return adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(describe(adapter));
}

function describe({ info }: GPUAdapter): string {
  return [info.vendor, info.architecture, info.device, info.description].join(' ');
}

function whyNoGpu(gpu: Gpu): string {
  if (gpu.kind === 'absent') return `WebGPU not used: ${gpu.reason}.`;
  if (gpu.kind === 'software') return 'WebGPU not used: only a software adapter, which is slower.';
  return 'WebGPU not used: weights are read once, so that moving them there costs more than it saves; it can be chosen.';
}
