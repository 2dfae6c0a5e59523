/** Thrown by rows for what ONNX cannot say; the walk then keeps the node as an opaque operator with this reason. */
export class Inexpressible extends Error {
  readonly reason: string;
  readonly hint: string;

  constructor(reason: string, hint = 'Change the model so that it does without it, or export it with fixed sizes.') {
    super(reason);
    this.name = 'Inexpressible';
    this.reason = reason;
    this.hint = hint;
  }
}
