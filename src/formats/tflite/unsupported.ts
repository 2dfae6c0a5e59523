/** Why an operator has no counterpart: thrown where it is lowered, and kept with the operator that stays opaque. */
export class Unsupported extends Error {
  readonly hint: string;

  /** `reason`: a sentence of its own. */
  constructor(reason: string, hint = 'Convert the model without it, or leave that part out.') {
    super(reason);
    this.name = 'Unsupported';
    this.hint = hint;
  }
}
