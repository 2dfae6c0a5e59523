/** A model of any size whose weights are computed when they are read, so that making it takes no memory. */
import type { ByteSource } from '#base/bytes.ts';
import type { Graph, Model, Node, NodeId, Value, ValueId } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';

/** Width of every layer: a weight is WIDTH x WIDTH float32, 16 MiB. */
const WIDTH = 2048;
const LAYER_BYTES = WIDTH * WIDTH * 4;

/** A chain of MatMul, Add and Relu of at least `sizeBytes` weights: 90 layers and 270 nodes for 1.5 GB. */
export function largeModel(sizeBytes: number): { readonly model: Model; readonly store: WeightStore } {
  const store = createWeightStore();
  const layers = Math.ceil(sizeBytes / LAYER_BYTES);
  const source = computedSource(layers * LAYER_BYTES);
  const values = new Map<ValueId, Value>();
  const nodes: Node[] = [];
  const value = (name: string, rest: Partial<Value>): ValueId => {
    const id = values.size as ValueId;
    values.set(id, { id, name, dtype: 'f32', shape: ['batch', WIDTH], ...rest });
    return id;
  };
  const node = (op: string, inputs: ValueId[], output: ValueId): ValueId => {
    const id = nodes.length as NodeId;
    nodes.push({ id, name: `${op}_${id}`, op, domain: '', inputs, outputs: [output], attrs: new Map() });
    return output;
  };
  const input = value('x', {});
  let last = input;
  for (let layer = 0; layer < layers; layer++) {
    const shape = [WIDTH, WIDTH];
    const place = { source, offset: layer * LAYER_BYTES, length: LAYER_BYTES };
    const weight = value(`layer${layer}.weight`, { shape, constant: store.link('f32', shape, place) });
    const bias = store.put('f32', [WIDTH], new Uint8Array(WIDTH * 4));
    last = node('MatMul', [last, weight], value(`layer${layer}.product`, {}));
    last = node(
      'Add',
      [last, value(`layer${layer}.bias`, { shape: [WIDTH], constant: bias })],
      value(`layer${layer}.sum`, {}),
    );
    last = node('Relu', [last], value(`layer${layer}.output`, {}));
  }
  const graph: Graph = { name: 'large', inputs: [input], outputs: [last], nodes, values };
  const model: Model = {
    name: 'large',
    graph,
    opsets: new Map([['', 17]]),
    irVersion: 8,
    producer: { name: 'pare bench', version: '' },
    metadata: new Map(),
    functions: [],
    source: { format: 'made', file: 'large.onnx', sizeBytes: 0 },
  };
  return { model, store };
}

/** Bytes that follow from their place: small floats that differ from one another. */
function computedSource(sizeBytes: number): ByteSource {
  return {
    name: 'computed',
    sizeBytes,
    read(offset, length) {
      const floats = new Float32Array(length / 4);
      let state = offset | 1;
      for (let index = 0; index < floats.length; index++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        floats[index] = state * 2 ** -36;
      }
      return Promise.resolve(new Uint8Array(floats.buffer));
    },
  };
}
