/** Writes small quantized graphs for tests, with QuantizeLinear and DequantizeLinear as a file has them. */
import { countOf, type DType } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import type { BuildAttr, BuildModel, BuildNode, BuildTensor, BuildType } from './build.ts';

export interface TestGrid {
  readonly type: DType;
  readonly scale: number | readonly number[];
  /** undefined: left out. */
  readonly zero?: number;
  readonly axis?: number;
  readonly block?: number;
  /** Shape of scales where it is neither scalar nor a vector. */
  readonly scaleShape?: readonly number[];
  readonly domain?: string;
}

export const U8: TestGrid = { type: 'u8', scale: 0.03, zero: 120 };
export const I8: TestGrid = { type: 'i8', scale: 0.03, zero: -8 };

/** Values are names; every call adds nodes and gives the name of what they make. */
export class QuantizedSketch {
  readonly nodes: BuildNode[] = [];
  readonly initializers: Record<string, BuildTensor> = {};
  readonly inputs: Record<string, BuildType> = {};
  readonly #prefix: string;
  #next = 0;

  /** With a prefix, names differ from those of another sketch that this one is put into. */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  input(name: string, shape: readonly number[], dtype: DType = 'f32'): string {
    this.inputs[name] = { dtype, shape };
    return name;
  }

  op(op: string, inputs: readonly string[], attrs: Readonly<Record<string, BuildAttr>> = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  /** Named as the operator, with a number where it is not the first. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attrs: Readonly<Record<string, BuildAttr>> = {},
    domain = '',
  ): readonly string[] {
    const earlier = this.nodes.filter((node) => node.op === op).length;
    const name = `${this.#prefix}${op}${earlier === 0 ? '' : String(earlier + 1)}`;
    const outputs = Array.from({ length: count }, () => `${this.#prefix}v${String(this.#next++)}`);
    this.nodes.push({ op, name, inputs, outputs, attrs, domain });
    return outputs;
  }

  constant(dtype: DType, shape: readonly number[], data: BuildTensor['data']): string {
    const name = `${this.#prefix}c${String(this.#next++)}`;
    this.initializers[name] = { dtype, shape, data };
    return name;
  }

  /** Seeded, normal with deviation 0.5. */
  floats(shape: readonly number[], seed = 1): string {
    const random = seededRandom(seed);
    const data = Array.from({ length: countOf(shape) }, () => random.normal() / 2);
    return this.constant('f32', shape, data);
  }

  q(value: string, grid: TestGrid = U8): string {
    return this.op('QuantizeLinear', [value, ...this.#grid(grid)], this.#attrs(grid), grid.domain);
  }

  dq(value: string, grid: TestGrid = U8): string {
    return this.op('DequantizeLinear', [value, ...this.#grid(grid)], this.#attrs(grid), grid.domain);
  }

  /** Rounded to the grid: Q, then DQ. */
  qdq(value: string, grid: TestGrid = U8): string {
    return this.dq(this.q(value, grid), grid);
  }

  /** A constant of seeded levels behind DQ. */
  weight(shape: readonly number[], grid: TestGrid = { type: 'i8', scale: 0.01, zero: 0 }, seed = 2): string {
    return this.dq(this.levels(shape, grid.type, seed), grid);
  }

  levels(shape: readonly number[], type: DType, seed = 2): string {
    const random = seededRandom(seed);
    const [low, span] = LEVELS[type] ?? [0, 1];
    const data = Array.from({ length: countOf(shape) }, () => low + random.below(span));
    return this.constant(type, shape, data);
  }

  build(outputs: readonly string[], opset: BuildModel['opset'] = 17, irVersion = 8): BuildModel {
    const domains = new Set(this.nodes.map((node) => node.domain ?? '').filter((domain) => domain !== ''));
    const own = typeof opset === 'number' ? { '': opset } : opset;
    return {
      inputs: this.inputs,
      outputs: Object.fromEntries(outputs.map((name) => [name, { dtype: null, shape: null }])),
      initializers: this.initializers,
      nodes: this.nodes,
      opset: { ...own, ...Object.fromEntries([...domains].map((domain) => [domain, 1])) },
      irVersion,
    };
  }

  #grid({ type, scale, zero, scaleShape }: TestGrid): readonly string[] {
    const scales = typeof scale === 'number' ? [scale] : [...scale];
    const shape = scaleShape ?? (typeof scale === 'number' ? [] : [scales.length]);
    const scaleName = this.constant('f32', shape, scales);
    if (zero === undefined) return [scaleName];
    return [
      scaleName,
      this.constant(
        type,
        shape,
        scales.map(() => zero),
      ),
    ];
  }

  #attrs({ axis, block }: TestGrid): Readonly<Record<string, BuildAttr>> {
    return { ...(axis === undefined ? {} : { axis }), ...(block === undefined ? {} : { block_size: block }) };
  }
}

/** Lowest level and number of levels; biases are kept small. */
const LEVELS: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  i8: [-128, 256],
  u8: [0, 256],
  i16: [-32768, 65536],
  u16: [0, 65536],
  i4: [-8, 16],
  u4: [0, 16],
  i32: [-1000, 2000],
};
