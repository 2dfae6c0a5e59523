/** One interface over the runtimes that execute models. */
import type { DType } from '#base/dtype.ts';

/** A dense value that goes into or comes out of a run. */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: NdData;
}

export type NdData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

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

export interface Runtime {
  readonly id: 'onnxruntime-web' | 'onnxruntime-node';
  /** Name and version for reports, such as `onnxruntime-web 1.30.0 (wasm, 1 thread)`. */
  readonly description: string;
  load(model: RunnableModel): Promise<Session>;
}
