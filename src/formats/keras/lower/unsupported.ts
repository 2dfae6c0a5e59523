/** Thrown by a row that cannot say a layer in ONNX: the layer then stays in the model by name, with this reason. */
export class Unsupported extends Error {
  readonly reason: string;
  readonly hint: string;

  constructor(
    reason: string,
    hint = 'Replace the layer by others, or export the model as a SavedModel or TFLite file and open that.',
  ) {
    super(reason);
    this.name = 'Unsupported';
    this.reason = reason;
    this.hint = hint;
  }
}
