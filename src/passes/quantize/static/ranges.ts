/** Ranges of activations as calibration saw them, and what the layers themselves say about them. */
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import type { ActivationRange, Desk, RangeChoice } from '#passes/pass.ts';
import type { StaticOptions } from './options.ts';

type Seen = ReadonlyMap<ValueId, ActivationRange>;

/** The range of one value for levels of a width; `of` is the value it was measured on. */
export interface Range {
  readonly low: number;
  readonly high: number;
  /** Every sample showed the same single number. */
  readonly constant: boolean;
}

const UNIT: Range = { low: 0, high: 1, constant: false };

export class Ranges {
  readonly #desk: Desk;
  readonly #options: StaticOptions;
  readonly #seen = new Map<string, Map<ValueId, ActivationRange>>();
  readonly #asked = new Map<string, Set<ValueId>>();
  /** Values whose range is that of another one, or fixed. */
  #instead = new Map<ValueId, ValueId | Range>();

  constructor(desk: Desk, options: StaticOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  /** Asks for what is not known yet. */
  async fetch(
    values: readonly ValueId[],
    bits: readonly number[],
    symmetric: boolean,
    channelAxes?: ReadonlyMap<ValueId, number>,
  ): Promise<void> {
    const { evidence } = this.#desk;
    if (evidence === null) return;
    for (const width of bits) {
      const key = String(width);
      const asked = this.#asked.get(key) ?? new Set();
      const seen = this.#seen.get(key) ?? new Map<ValueId, ActivationRange>();
      this.#asked.set(key, asked);
      this.#seen.set(key, seen);
      const missing = values.filter((id) => !asked.has(id));
      if (missing.length === 0) continue;
      for (const id of missing) asked.add(id);
      const found: Seen = await evidence.ranges(missing, rangeChoice(this.#options, width, symmetric), channelAxes);
      for (const [id, range] of found) seen.set(id, range);
    }
  }

  /**
   * What precedes Relu or Clip alone need not hold what they cut off, and Softmax makes what lies between 0 and 1. `nodes`
   * are the layers that are quantized, in execution order.
   */
  adjust(edit: Editor, nodes: Iterable<Node>): void {
    this.#instead = new Map();
    for (const node of nodes) {
      const [input, output] = [node.inputs[0] ?? null, node.outputs[0] ?? null];
      if (input === null || output === null) continue;
      if (node.op === 'Softmax' && this.#options.softmaxRange) this.#instead.set(output, UNIT);
      if (!isCutOff(edit, node, this.#options.match) || !this.has(output)) continue;
      this.#instead.set(input, this.#instead.get(output) ?? output);
    }
  }

  /** Mean of each channel of a value; undefined where it is not known. */
  channelMeans(id: ValueId): Float64Array | undefined {
    for (const seen of this.#seen.values()) {
      const means = seen.get(id)?.channelMeans;
      if (means !== undefined) return means;
    }
    return undefined;
  }

  has(id: ValueId): boolean {
    if (this.#desk.evidence === null || this.#instead.has(id)) return true;
    return [...this.#seen.values()].every((seen) => seen.has(id));
  }

  get(id: ValueId, bits: number): Range {
    const instead = this.#instead.get(id) ?? id;
    if (typeof instead === 'object') return instead;
    const found = this.#seen.get(String(bits))?.get(instead);
    if (found === undefined) throw new Error('a range that was not measured');
    return { low: found.low, high: found.high, constant: found.min === found.max };
  }
}

/**
 * Whether Relu or Clip alone reads what it reads, so that the range of that is its output's. onnxruntime's quantizer forgets
 * that an output of the model is read by the caller too, and cuts it off.
 */
export function isCutOff(edit: Editor, { op, inputs }: Node, match: boolean): boolean {
  const input = inputs[0] ?? null;
  if ((op !== 'Relu' && op !== 'Clip') || input === null) return false;
  return edit.users(input).length === 1 && (match || !edit.isOutput(input));
}

function rangeChoice(options: StaticOptions, bits: number, symmetric: boolean): RangeChoice {
  const { range: method, percentile, averaging } = options;
  return {
    method,
    bits,
    symmetric,
    ...(method === 'percentile' ? { percentile } : {}),
    ...(method === 'moving-average' ? { averaging } : {}),
  };
}
