/** One interface over the runtimes that execute models. */
import type { NdArray } from '#base/nd-array.ts';
import type { DType } from '#base/dtype.ts';

/** A model file and the external data that belongs to it, as bytes or as a path that the runtime opens itself. */
export interface RunnableModel {
  readonly name: string;
  readonly model: Uint8Array | { readonly path: string };
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export interface SlotInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Names and null stand for sizes that the caller chooses. */
  readonly shape: readonly (number | string | null)[];
}

export interface Session {
  readonly inputs: readonly SlotInfo[];
  readonly outputs: readonly SlotInfo[];
  run(feeds: ReadonlyMap<string, NdArray>): Promise<ReadonlyMap<string, NdArray>>;
  close(): Promise<void>;
}

/** A runtime and how to end whatever hosts it. */
export interface HostedRuntime {
  readonly runtime: Runtime;
  end(): void;
}

export type OpenRuntime = (signal?: AbortSignal) => Promise<HostedRuntime>;

export interface Runtime {
  readonly id: 'onnxruntime-web' | 'onnxruntime-node' | 'litert' | 'interpreter';
  /** Name and version for reports, such as `onnxruntime-web 1.30.0 (wasm, 1 thread)`. */
  readonly description: string;
  load(model: RunnableModel): Promise<Session>;
}
