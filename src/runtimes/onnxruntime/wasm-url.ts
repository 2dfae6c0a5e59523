/** Where the bundler puts onnxruntime's wasm. Only for code that is bundled: Node finds the file beside the package. */
export { default as wasmUrl } from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
