/** Half precision throughout: constants, values in between, and casts where a float region begins or ends. */
import { checkCancelled } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Graph, Node, Tensor, Value, ValueId } from '#ir/model.ts';
import { allValues, graphsOf } from '#ir/walk.ts';
import { inferShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import { dropUnread } from '#passes/constants.ts';
import type { Desk, LedgerEntry } from '#passes/pass.ts';
import { findTargets, left, sharedLines, type Target } from '#passes/targets.ts';
import { castAttrs, Casts, homesOf } from './casts.ts';
import { isFloatSlot } from './float16-operators.ts';
import { findRegions, type Regions } from './float16-regions.ts';
import { changedLine, storeWeightsAs } from './float16-weights.ts';
import { halveConstant, rangeText, type HalfConstant } from './half-constants.ts';

export async function convertAll(
  edit: Editor,
  keepInputsAndOutputs: boolean,
  desk: Desk,
): Promise<readonly LedgerEntry[]> {
  const types = allValues((await inferShapes(edit.model, desk.weights)).graph);
  const regions = findRegions(edit, types, desk);
  const conversion = new Conversion(edit, types, regions, keepInputsAndOutputs, desk);
  return conversion.run();
}

class Conversion {
  readonly #edit: Editor;
  readonly #types: ReadonlyMap<ValueId, Value>;
  readonly #regions: Regions;
  readonly #keepBorder: boolean;
  readonly #desk: Desk;
  readonly #opset: number;
  readonly #halved = new Map<ValueId, HalfConstant>();

  constructor(edit: Editor, types: ReadonlyMap<ValueId, Value>, regions: Regions, keepBorder: boolean, desk: Desk) {
    this.#edit = edit;
    this.#types = types;
    this.#regions = regions;
    this.#keepBorder = keepBorder;
    this.#desk = desk;
    this.#opset = opsetOf(edit.model.opsets, '');
  }

  async run(): Promise<readonly LedgerEntry[]> {
    const found = findTargets(this.#edit, this.#desk);
    const ledger: LedgerEntry[] = [...found.ledger];
    const constants = this.#constantsToHalve();
    for (const [index, [id, tensor]] of constants.entries()) {
      checkCancelled(this.#desk.signal);
      this.#desk.onProgress?.({ label: `Halving ${this.#edit.value(id).name}`, done: index, of: constants.length });
      this.#halved.set(id, await halveConstant(id, tensor, this.#desk));
    }
    ledger.push(...this.#weightLines(found.targets), ...this.#otherLines(found.targets));
    if (this.#desk.preview) return ledger;
    this.#rewrite();
    // Layers that stay float can still keep their weights in half precision.
    const floatLayers = new Set(
      this.#edit
        .nodes()
        .filter((node) => this.#regions.float.has(node.id))
        .map((node) => node.name),
    );
    const stored = await storeWeightsAs(this.#edit, 'f16', {
      ...this.#desk,
      includes: (layer, op) => floatLayers.has(layer) && this.#desk.includes(layer, op),
    });
    return [...ledger, ...stored.filter((line) => line.action === 'changed' && floatLayers.has(line.layer))];
  }

  #isFloat(id: ValueId): boolean {
    return (this.#types.get(id)?.dtype ?? this.#edit.value(id).dtype) === 'f32';
  }

  #wantsHalf(node: Node, input: number): boolean {
    return this.#regions.half.has(node.id) && !isFloatSlot(node, input, this.#opset);
  }

  /** float32 constants that a half layer reads. */
  #constantsToHalve(): readonly (readonly [ValueId, Tensor])[] {
    const found = new Map<ValueId, Tensor>();
    for (const node of this.#edit.nodes()) {
      for (const [input, id] of node.inputs.entries()) {
        if (id === null || !this.#wantsHalf(node, input)) continue;
        const tensor = this.#edit.constantOf(id);
        if (tensor?.dtype === 'f32') found.set(id, tensor);
      }
    }
    return [...found];
  }

  #weightLines(targets: readonly Target[]): readonly LedgerEntry[] {
    return targets.flatMap((target) => {
      const half = this.#halved.get(target.value);
      if (half !== undefined) {
        return [
          changedLine(target, half, 'Stored and computed in float16.', this.#desk),
          ...sharedLines(target, 'changed'),
        ];
      }
      const reason = this.#regions.float.get(target.node.id);
      if (reason === undefined) return [left(target, 'not-float', `Its weight is ${target.tensor.dtype} already.`)];
      return [left(target, reason.code, reason.text), ...sharedLines(target, 'left')];
    });
  }

  /** Layers without weights that stay float, and constants that are no weights: counted together, fixes named. */
  #otherLines(targets: readonly Target[]): readonly LedgerEntry[] {
    const weights = new Set(targets.map((target) => target.value));
    const owners = new Set(targets.flatMap((target) => target.layers.map(({ node }) => node.name)));
    const lines: LedgerEntry[] = [];
    for (const node of this.#edit.nodes()) {
      const reason = this.#regions.float.get(node.id);
      if (reason !== undefined && !owners.has(node.name)) lines.push({ layer: node.name, action: 'left', ...reason });
    }
    for (const [id, half] of this.#halved) {
      const text = rangeText(half);
      if (weights.has(id) || text === '') continue;
      const weight = this.#edit.value(id).name;
      const layer = this.#edit.users(id)[0]?.name ?? '';
      lines.push({
        layer,
        weight,
        action: 'changed',
        code: 'range-fixed',
        text: `Constant "${weight}" became float16.${text}`,
      });
    }
    const others = [...this.#halved.keys()].filter((id) => !weights.has(id)).length;
    if (others > 0) {
      lines.push({
        layer: '',
        action: 'changed',
        code: 'halved',
        text: `${String(others)} other constants (biases, factors) became float16.`,
      });
    }
    return lines;
  }

  #rewrite(): void {
    const edit = this.#edit;
    const casts = new Casts(edit);
    const inHalf = new Set<ValueId>();
    for (const node of edit.nodes()) {
      if (!this.#regions.half.has(node.id)) continue;
      for (const id of node.outputs) {
        if (id === null || !this.#isFloat(id)) continue;
        inHalf.add(id);
        edit.setValue(id, { dtype: 'f16' });
      }
      const to = node.attrs.get('to');
      if (node.op === 'Cast' && to?.type === 'int' && Number(to.value) === 1) edit.setAttrs(node, castAttrs('f16'));
    }
    this.#borders(casts, inHalf);
    const halves = this.#putConstants();
    for (const node of edit.nodes()) {
      if (!this.#regions.half.has(node.id) && !this.#regions.float.has(node.id)) continue;
      const inputs = node.inputs.map((id, input) => {
        if (id === null) return id;
        const half = this.#wantsHalf(node, input);
        if (half && halves.has(id)) return halves.get(id)!;
        if (half === inHalf.has(id) || !(this.#isFloat(id) || inHalf.has(id))) return id;
        return casts.to(id, half ? 'f16' : 'f32');
      });
      if (inputs.some((id, input) => id !== node.inputs[input])) edit.setInputs(node, inputs);
    }
    for (const id of this.#halved.keys()) dropUnread(edit, id);
  }

  /** Outputs of the model and of subgraphs stay float (or become half when asked); so do the model's inputs. */
  #borders(casts: Casts, inHalf: Set<ValueId>): void {
    const edit = this.#edit;
    const main = edit.graph;
    const graphs: readonly Graph[] = [...graphsOf(main)];
    for (const graph of graphs) {
      const keep = this.#keepBorder || graph !== main;
      for (const id of new Set(graph.outputs)) {
        if (!this.#isFloat(id) || edit.constantOf(id) !== undefined || inHalf.has(id) === !keep) continue;
        if (keep) casts.replace(id, 'f16', 'f32');
        else inHalf.add(casts.replace(id, 'f32', 'f16'));
      }
    }
    if (this.#keepBorder) return;
    for (const id of main.inputs) {
      if (!this.#isFloat(id) || edit.constantOf(id) !== undefined) continue;
      edit.setValue(id, { dtype: 'f16' });
      inHalf.add(id);
    }
  }

  /** Half versions of constants, beside the float ones, by the id of the float one. */
  #putConstants(): ReadonlyMap<ValueId, ValueId> {
    const edit = this.#edit;
    const homes = homesOf(edit.graph, []);
    const halves = new Map<ValueId, ValueId>();
    for (const [id, half] of this.#halved) {
      const onlyHalf = !edit.isOutput(id) && edit.users(id).every((node) => this.#readsOnlyHalf(node, id));
      if (onlyHalf && edit.producer(id) === undefined) {
        edit.setConstant(id, half.tensor, undefined, 'f16');
        halves.set(id, id);
      } else {
        halves.set(id, edit.addConstant(`${edit.value(id).name}_f16`, half.tensor, undefined, homes.get(id) ?? []));
      }
    }
    return halves;
  }

  #readsOnlyHalf(node: Node, id: ValueId): boolean {
    return node.inputs.every((input, index) => input !== id || this.#wantsHalf(node, index));
  }
}
