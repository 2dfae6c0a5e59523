/** Settings shared by onnxruntime in the browser and in Node, and the session options they stand for. */
import type { InferenceSession } from 'onnxruntime-web/wasm';

export interface OnnxruntimeOptions {
  /** Threads within one operator. Default 1: the pool of more spins while it waits, which slows a busy machine down. */
  readonly threads?: number;
  /** How far the runtime rewrites the graph before running it. Default `all`, as an app would run it. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * Default true: DequantizeLinear before MatMul is computed as written. The native build otherwise fuses it into
   * MatMulNBits with accuracy level 4, which also quantizes the activations to int8 and hides the error of the weights.
   */
  readonly exactWeights?: boolean;
}

export function sessionOptionsFor(
  options: OnnxruntimeOptions,
  provider: 'cpu' | 'wasm',
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimization ?? 'all',
    // Warnings about initializers that are also inputs come one per weight; failures are thrown, not logged.
    logSeverityLevel: 4,
    extra: { session: (options.exactWeights ?? true) ? { qdq_matmulnbits_accuracy_level: '0' } : {} },
  };
}
