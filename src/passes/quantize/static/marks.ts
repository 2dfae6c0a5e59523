/**
 * Which values get a grid, after onnxruntime's QDQQuantizer: layers mark the values they read and make in execution order,
 * and what is marked first decides for those that come later. Nothing is computed and nothing edited here.
 */
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';

export interface Mark {
  /** How a constant gets its levels; an activation that no constant holds is an activation in any case. */
  kind: 'activation' | 'weight';
  /** Axis of channels: constants only. */
  axis?: number;
  /** The value keeps the grid of this one: nothing is computed between them. */
  like?: ValueId;
  /** The layers that asked for it, the first one first. */
  readonly by: Node[];
}

/** A bias that becomes int32 on the grid of the products of `input` and `weight`. */
export interface BiasMark {
  readonly node: Node;
  readonly bias: ValueId;
  readonly input: ValueId;
  readonly weight: ValueId;
  /** The bias is multiplied with it first. */
  readonly beta: number;
}

/** Relu or Clip that the layer before it replaces, by making its output. */
export interface Fold {
  readonly node: Node;
  readonly from: ValueId;
  readonly to: ValueId;
}

export interface MarkSettings {
  /** Reproduce onnxruntime's quantizer even where that is known to be wrong. */
  readonly match: boolean;
  readonly opset: number;
  /** float32, as far as is known. */
  readonly isFloat: (id: ValueId) => boolean;
  readonly perChannel: (node: Node) => boolean;
  readonly symmetric: boolean;
  readonly keepRelu: boolean;
  readonly force: boolean;
  /** Whether calibration knows a range of the value. */
  readonly hasRange: (id: ValueId) => boolean;
  /** Outputs that stay float although the layer is quantized. */
  readonly keepsFloat: (node: Node) => boolean;
}

export class Marks {
  readonly edit: Editor;
  readonly settings: MarkSettings;
  readonly values = new Map<ValueId, Mark>();
  readonly biases: BiasMark[] = [];
  readonly folds: Fold[] = [];
  /** Layers that want one constant with different grids, and the layer that had it first. */
  readonly conflicts = new Map<Node, string>();
  readonly #biasIds = new Set<ValueId>();
  /** Biases that a Gemm multiplies with a factor of its own, which the stored bias has in it from then on. */
  readonly scaledGemms: Node[] = [];

  constructor(edit: Editor, settings: MarkSettings) {
    this.edit = edit;
    this.settings = settings;
  }

  /** The constant behind a value. Those that Constant nodes make are activations to onnxruntime's quantizer. */
  isConstant(id: ValueId): boolean {
    return this.settings.match ? this.edit.value(id).constant !== undefined : this.edit.constantOf(id) !== undefined;
  }

  isMarked(id: ValueId): boolean {
    return this.values.has(id) || this.#biasIds.has(id);
  }

  /** A float32 value that can be rounded. */
  takes(id: ValueId | null | undefined): id is ValueId {
    return id !== null && id !== undefined && this.settings.isFloat(id);
  }

  activation(node: Node, id: ValueId | null | undefined): void {
    if (this.takes(id)) this.#mark(node, id, { kind: 'activation', by: [node] }, false);
  }

  sameAs(node: Node, id: ValueId | null | undefined, input: ValueId): void {
    if (this.takes(id)) this.#mark(node, id, { kind: 'activation', like: input, by: [node] }, true);
  }

  /** A weight, with an axis of channels where one is given and wished for. */
  weight(node: Node, id: ValueId | null | undefined, axis: number | null): void {
    if (!this.takes(id)) return;
    const channels =
      axis !== null && this.isConstant(id) && this.settings.perChannel(node) ? this.#axis(id, axis) : null;
    if (channels === null) this.#mark(node, id, { kind: 'weight', by: [node] }, false);
    else this.#mark(node, id, { kind: 'weight', axis: channels, by: [node] }, true);
  }

  bias(mark: BiasMark): void {
    if (!this.isConstant(mark.bias) || !this.takes(mark.bias)) return;
    this.#biasIds.add(mark.bias);
    this.biases.push(mark);
  }

  /** Lets the maker of a value make what Relu or Clip makes of it, where only that reads it. */
  fold(node: Node, from: ValueId, to: ValueId): boolean {
    const { edit, settings } = this;
    const upstream = this.standIn(from);
    if (!settings.hasRange(to)) return false;
    if (edit.users(from).length !== 1 || edit.isOutput(from) || edit.isInput(upstream)) return false;
    if (edit.producer(upstream) === undefined) return false;
    this.folds.push({ node, from, to });
    this.values.delete(from);
    return true;
  }

  /** The value that will be there after folding in place of this one. */
  standIn(id: ValueId): ValueId {
    const fold = this.folds.find(({ to }) => to === id);
    return fold === undefined ? id : this.standIn(fold.from);
  }

  #axis(id: ValueId, axis: number): number | null {
    const rank = this.edit.constantOf(id)?.shape.length ?? 0;
    const counted = axis < 0 ? axis + rank : axis;
    return counted >= 0 && counted < rank ? counted : null;
  }

  #mark(node: Node, id: ValueId, mark: Mark, replace: boolean): void {
    const known = this.values.get(id);
    if (known !== undefined && !this.settings.match && this.isConstant(id)) {
      if (known.kind !== mark.kind || known.axis !== mark.axis) this.conflicts.set(node, this.edit.value(id).name);
      else known.by.push(node);
      return;
    }
    // A mark that is replaced keeps its place in the order.
    if (known === undefined || replace) this.values.set(id, mark);
    else known.by.push(node);
  }
}
