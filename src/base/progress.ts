/** How long work reports how far it is. */

export interface Progress {
  /** What is being done now, such as `Quantizing conv1`. */
  readonly label: string;
  readonly done: number;
  readonly of: number;
}

export type OnProgress = (progress: Progress) => void;
