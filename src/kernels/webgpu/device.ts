/** Runs one WGSL shader over arrays: uploads inputs, dispatches, reads outputs back. */
import { PareError } from '#base/failure.ts';

export interface Dispatch {
  /** WGSL source; compiled once and kept. Binding 0 is the uniform, then the inputs, then the outputs, in order. */
  readonly shader: string;
  readonly workgroups: number;
  /** Words of the uniform; a fraction or a sign makes no float, `float` does. */
  readonly uniform: readonly (number | { readonly float: number })[];
  readonly inputs: readonly ArrayBufferView[];
  /** Bytes of each output. Outputs start as zeros. */
  readonly outputs: readonly number[];
}

export class Device {
  private readonly device: GPUDevice;
  private readonly pipelines = new Map<string, GPUComputePipeline>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  close(): void {
    this.device.destroy();
  }

  async run({ shader, workgroups, uniform, inputs, outputs }: Dispatch): Promise<ArrayBuffer[]> {
    const { device } = this;
    const buffers: GPUBuffer[] = [];
    const create = (size: number, usage: number): GPUBuffer => {
      const buffer = device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage });
      buffers.push(buffer);
      return buffer;
    };
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    try {
      const words = create(Math.ceil(uniform.length / 4) * 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
      device.queue.writeBuffer(words, 0, uniformBytes(uniform));
      const sources = inputs.map((input) => {
        const buffer = create(input.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
        upload(device, buffer, input);
        return buffer;
      });
      const results = outputs.map((size) => create(size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC));
      const copies = results.map(({ size }) => create(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST));
      const pipeline = this.pipelineOf(shader);
      const entries = [words, ...sources, ...results].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(workgroups);
      pass.end();
      for (const [i, result] of results.entries()) encoder.copyBufferToBuffer(result, 0, copies[i]!, 0, result.size);
      device.queue.submit([encoder.finish()]);
      const wrong = (await device.popErrorScope()) ?? (await device.popErrorScope());
      if (wrong !== null) throw new PareError({ code: 'kernels/webgpu', problem: `WebGPU refused: ${wrong.message}` });
      return await Promise.all(copies.map((copy, i) => readBack(copy, outputs[i]!)));
    } finally {
      for (const buffer of buffers) buffer.destroy();
    }
  }

  private pipelineOf(shader: string): GPUComputePipeline {
    const known = this.pipelines.get(shader);
    if (known !== undefined) return known;
    const module = this.device.createShaderModule({ code: shader });
    const pipeline = this.device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
    this.pipelines.set(shader, pipeline);
    return pipeline;
  }
}

function uniformBytes(words: Dispatch['uniform']): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(Math.ceil(words.length / 4) * 16));
  for (const [i, word] of words.entries()) {
    if (typeof word === 'number') view.setInt32(i * 4, word, true);
    else view.setFloat32(i * 4, word.float, true);
  }
  return view.buffer;
}

/** Writes whole words: the last one, where the input ends inside it, from a copy. */
function upload(device: GPUDevice, buffer: GPUBuffer, input: ArrayBufferView): void {
  const whole = input.byteLength & ~3;
  if (whole > 0) device.queue.writeBuffer(buffer, 0, input.buffer, input.byteOffset, whole);
  if (whole === input.byteLength) return;
  const rest = new Uint8Array(4);
  rest.set(new Uint8Array(input.buffer, input.byteOffset + whole, input.byteLength - whole));
  device.queue.writeBuffer(buffer, whole, rest);
}

async function readBack(buffer: GPUBuffer, size: number): Promise<ArrayBuffer> {
  await buffer.mapAsync(GPUMapMode.READ);
  const bytes = buffer.getMappedRange().slice(0, size);
  buffer.unmap();
  return bytes;
}
