/**
 * The one error type that people see. It says which file, which place in it, what is wrong and what to do, and it keeps
 * those parts when it crosses a worker door.
 */

export interface FailureParts {
  /** Stable machine name, such as `onnx/truncated`. */
  readonly code: string;
  /** What is wrong: one sentence without the file's name in front. */
  readonly problem: string;
  /** File the problem is in, as the person knows it. */
  readonly file?: string;
  /** Place in it: a layer, a tensor, a byte offset. */
  readonly place?: string;
  /** What to do about it: one sentence. */
  readonly hint?: string;
}

/** A refusal in one sentence: `file: place: problem hint`. */
export class PareError extends Error {
  readonly parts: FailureParts;

  constructor(parts: FailureParts, options?: ErrorOptions) {
    super(sentenceOf(parts), options);
    this.name = 'PareError';
    this.parts = parts;
  }

  /** The same failure with the file named, for code that learns the name later than the problem. */
  inFile(file: string): PareError {
    return this.parts.file === undefined ? new PareError({ ...this.parts, file }, { cause: this }) : this;
  }
}

function sentenceOf(parts: FailureParts): string {
  const where = [parts.file, parts.place].filter((part) => part !== undefined).join(', ');
  const what = where === '' ? parts.problem : `${where}: ${parts.problem}`;
  return parts.hint === undefined ? what : `${what} ${parts.hint}`;
}

/** Thrown when a job was cancelled by the person; never shown as an error. */
export class Cancelled extends Error {
  constructor() {
    super('Cancelled.');
    this.name = 'Cancelled';
  }
}

/** Throws `Cancelled` once the signal has fired; called between units of work. */
export function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Cancelled();
}
