/** Puts a new tensor behind a weight, wherever the weight is kept. */
import type { DType } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Quantization, Tensor, ValueId } from '#ir/model.ts';

/**
 * Replaces a constant. One that a Constant node makes becomes an initializer of the same graph with the same id and name,
 * because a Constant node has no place for scales.
 */
export function replaceConstant(
  edit: Editor,
  id: ValueId,
  tensor: Tensor,
  quantization?: Quantization,
  dtype?: DType,
): void {
  const producer = edit.producer(id);
  // While readers remain, removing the node leaves the value without a maker, which is what an initializer is.
  if (producer?.op === 'Constant' && edit.users(id).length > 0) edit.removeNode(producer);
  edit.setConstant(id, tensor, quantization, dtype);
}

/** Takes a constant out of the model when nothing reads it any more. */
export function dropUnread(edit: Editor, id: ValueId): void {
  if (edit.users(id).length > 0 || edit.isOutput(id)) return;
  const producer = edit.producer(id);
  if (producer === undefined) edit.removeValue(id);
  else if (producer.op === 'Constant') edit.removeNode(producer);
}
