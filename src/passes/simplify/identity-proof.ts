/** Proves that a node hands one of its inputs on unchanged. */
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Shape, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { Call } from '#ops/call.ts';
import { decode, numbersOf } from '#ops/dense.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';

/** Constants of more elements are not read to find out whether they are all 0 or all 1. */
const MAX_READ = 65_536;

export interface PassesOn {
  readonly input: ValueId;
  /** Why, as the end of a sentence. */
  readonly because: string;
}

export class Proof {
  readonly #edit: Editor;
  readonly #node: Node;
  readonly #types: ReadonlyMap<ValueId, Value>;
  readonly #store: WeightStore;
  readonly #call: Call;

  constructor(edit: Editor, node: Node, types: ReadonlyMap<ValueId, Value>, store: WeightStore, opset: number) {
    this.#edit = edit;
    this.#node = node;
    this.#types = types;
    this.#store = store;
    this.#call = new Call(node, opset, []);
  }

  async passesOn(): Promise<PassesOn | undefined> {
    const node = this.#node;
    if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined;
    // Results beside the first must not be needed.
    const extra = node.outputs
      .slice(1)
      .some((id) => id !== null && (this.#edit.isOutput(id) || this.#edit.users(id).length > 0));
    const first = node.inputs[0] ?? null;
    if (extra || first === null) return undefined;
    // It rounds: what its readers see is not what it was given.
    if (node.outputs.some((id) => id !== null && this.#edit.value(id).quantization !== undefined)) return undefined;
    const because = await this.#reason();
    if (because !== undefined) return { input: first, because };
    return this.#neutralOperand();
  }

  async #reason(): Promise<string | undefined> {
    switch (this.#node.op) {
      case 'Identity':
        return 'it copies its input';
      case 'Dropout':
        return (await this.#isInference()) ? 'outside training it copies its input' : undefined;
      case 'Cast': {
        const to = dtypeOfCode(this.#call.int('to', 0));
        return to !== null && to === this.#dtype(0) ? `its input is ${to} already` : undefined;
      }
      case 'Reshape':
      case 'Flatten':
      case 'Squeeze':
      case 'Unsqueeze':
      case 'Expand':
        return this.#sameShape(0) ? 'its input has that shape already' : undefined;
      case 'Tile':
        return (await this.#all(1, 1)) ? 'it repeats its input once' : undefined;
      case 'Transpose':
        return this.#call.ints('perm')?.every((axis, at) => axis === at) === true
          ? 'its axes stay in order'
          : undefined;
      case 'Concat':
      case 'Sum':
      case 'Max':
      case 'Min':
      case 'Mean':
        return this.#node.inputs.length === 1 ? 'it has a single input' : undefined;
      case 'Pad':
        return (await this.#padsNothing()) ? 'it pads by nothing' : undefined;
      case 'Slice':
        return this.#sameShape(0) && (await this.#stepsForward()) ? 'it keeps every element' : undefined;
      case 'Clip':
        return this.#hasNoBounds() ? 'it has no bounds' : undefined;
      default:
        return undefined;
    }
  }

  /** x + 0, x - 0, x * 1, x / 1 and x ^ 1, where the constant does not widen the shape. */
  async #neutralOperand(): Promise<PassesOn | undefined> {
    const rules: Readonly<Record<string, readonly [neutral: number, either: boolean]>> = {
      Add: [0, true],
      Sub: [0, false],
      Mul: [1, true],
      Div: [1, false],
      Pow: [1, false],
    };
    const rule = rules[this.#node.op];
    if (rule === undefined) return undefined;
    const [neutral, either] = rule;
    for (const [kept, constant] of either ? [[0, 1] as const, [1, 0] as const] : [[0, 1] as const]) {
      const input = this.#node.inputs[kept] ?? null;
      if (input === null || !this.#sameShape(kept) || !(await this.#all(constant, neutral))) continue;
      const verb = { Add: 'adds', Sub: 'subtracts', Mul: 'multiplies by', Div: 'divides by', Pow: 'raises to' };
      return { input, because: `it ${verb[this.#node.op as keyof typeof verb]} ${String(neutral)}` };
    }
    return undefined;
  }

  #type(input: number): Value | undefined {
    const id = this.#node.inputs[input] ?? null;
    return id === null ? undefined : this.#types.get(id);
  }

  #dtype(input: number): Value['dtype'] {
    return this.#type(input)?.dtype ?? null;
  }

  /** Whether input and first output have one shape in every run; equal names stand for equal sizes. */
  #sameShape(input: number): boolean {
    const output = this.#node.outputs[0] ?? null;
    const a: Shape | null = this.#type(input)?.shape ?? null;
    const b: Shape | null = output === null ? null : (this.#types.get(output)?.shape ?? null);
    if (a === null || b === null || a.length !== b.length) return false;
    return a.every((size, axis) => size !== null && size === b[axis]);
  }

  async #values(input: number): Promise<readonly number[] | undefined> {
    const tensor = this.#edit.constantOf(this.#node.inputs[input]);
    const id = this.#node.inputs[input] ?? null;
    if (tensor === undefined || id === null || countOf(tensor.shape) > MAX_READ) return undefined;
    if (this.#edit.value(id).quantization !== undefined) return undefined;
    const dense = decode(tensor.dtype, tensor.shape, await this.#store.read(tensor));
    return dense === undefined ? undefined : numbersOf(dense);
  }

  async #all(input: number, value: number): Promise<boolean> {
    const values = await this.#values(input);
    return values !== undefined && values.length > 0 && values.every((one) => one === value);
  }

  /** Training needs a third input that says so, since opset 12; before, an exported model is one for inference. */
  async #isInference(): Promise<boolean> {
    return (this.#node.inputs[2] ?? null) === null || this.#all(2, 0);
  }

  async #padsNothing(): Promise<boolean> {
    const listed = this.#call.ints('pads');
    return listed === undefined ? this.#all(1, 0) : listed.every((pad) => pad === 0);
  }

  async #stepsForward(): Promise<boolean> {
    return (this.#node.inputs[4] ?? null) === null || this.#all(4, 1);
  }

  #hasNoBounds(): boolean {
    const given = [1, 2].some((input) => (this.#node.inputs[input] ?? null) !== null);
    return !given && this.#call.attr('min') === undefined && this.#call.attr('max') === undefined;
  }
}
