/** Activations that are rounded to uint8 when the model runs, each once however many layers read it. */
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';

export interface Rounded {
  readonly levels: ValueId;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId;
}

export class RoundedActivations {
  readonly #made = new Map<string, Rounded>();
  readonly #edit: Editor;

  constructor(edit: Editor) {
    this.#edit = edit;
  }

  /** The value rounded in the graph of `node`, in front of it. Nodes are asked for in the order in which they run. */
  of(value: ValueId, node: Node): Rounded {
    const key = `${JSON.stringify(this.#edit.pathOf(node))} ${String(value)}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const { name, shape } = this.#edit.value(value);
    const made = this.#edit.addNode(
      {
        name: `${name}_quantize`,
        op: 'DynamicQuantizeLinear',
        inputs: [value],
        outputs: [
          { name: `${name}_quantized`, dtype: 'u8', shape },
          { name: `${name}_scale`, dtype: 'f32', shape: [] },
          { name: `${name}_zero_point`, dtype: 'u8', shape: [] },
        ],
      },
      { before: node },
    );
    const [levels, scale, zeroPoint] = made.outputs;
    if (levels == null || scale == null || zeroPoint == null) throw new Error('an operator without its outputs');
    const rounded = { levels, scale, zeroPoint };
    this.#made.set(key, rounded);
    return rounded;
  }
}
