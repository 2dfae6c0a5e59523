/** Things a person should know that stop nothing (info, warning) or that stop a job (blocker). */

export interface Notice {
  readonly level: 'info' | 'warning' | 'blocker';
  /** Stable machine name, such as `onnx/unknown-operator`. */
  readonly code: string;
  /** One sentence for people. */
  readonly text: string;
  /** The layer, tensor or file it is about. */
  readonly at?: string;
}
