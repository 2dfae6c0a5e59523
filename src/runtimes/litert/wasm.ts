/**
 * What is used of LiteRT's WebAssembly module. The package's own wrapper takes float32, int32 and uint8 alone and does not
 * export these types; the module below it takes every element type.
 */

export interface Deletable {
  delete(): void;
}

export interface WasmList<T> extends Deletable {
  size(): number;
  get(index: number): T;
}

export interface WasmTensorType extends Deletable {
  elementType(): { readonly value: number };
  layout(): Deletable & { dimensions(): WasmList<number> };
  bytes(): number;
}

export interface WasmBuffer extends Deletable {
  lock(mode: WasmEnumValue): number;
  unlock(): void;
  packedSize(): number;
}

export interface WasmModel extends Deletable {
  getNumSignatures(): number;
  getSignature(signature: number): Deletable & {
    key(): string;
    inputNames(): WasmList<string>;
    outputNames(): WasmList<string>;
  };
  getInputTensorType(signature: number, index: number): WasmTensorType;
  getOutputTensorType(signature: number, index: number): WasmTensorType;
}

export interface WasmCompiled extends Deletable {
  run(signature: number, inputs: readonly WasmBuffer[]): WasmBuffer[] | Promise<WasmBuffer[]>;
  /** Whether XNNPACK took every operator. */
  isFullyAccelerated(): boolean;
}

export interface WasmEnumValue {
  readonly value: number;
}

export interface LitertModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  setupLogging(): void;
  readonly LiteRtEnvironment: { create(device: null): Deletable };
  readonly LiteRtTensorBufferType: { readonly HOST_MEMORY: WasmEnumValue };
  readonly LiteRtTensorBufferLockMode: { readonly READ: WasmEnumValue; readonly WRITE: WasmEnumValue };
  readonly LiteRtTensorBuffer: {
    createManaged(environment: Deletable, kind: WasmEnumValue, type: WasmTensorType, bytes: number): WasmBuffer;
  };
  loadModel(environment: Deletable, pointer: number, bytes: number): WasmModel;
  compileModel(
    environment: Deletable,
    model: WasmModel,
    options: Readonly<Record<string, unknown>>,
  ): WasmCompiled | Promise<WasmCompiled>;
}

/** What the package's script exports: starts one instance of the module, with a heap of its own. */
export type LitertFactory = (settings: {
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    started: (instance: WebAssembly.Instance) => void,
  ) => Record<string, never>;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
}) => Promise<LitertModule>;
