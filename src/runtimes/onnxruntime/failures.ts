/** Turns onnxruntime's error texts into sentences that name the model, the node and what to do. */
import { PareError } from '#base/failure.ts';

interface Kind {
  readonly code: string;
  readonly pattern: RegExp;
  /** What is wrong, from the match; default: the runtime's own words. */
  readonly problem?: (match: RegExpMatchArray) => string;
  /** The node or value it names. */
  readonly place?: (match: RegExpMatchArray) => string | undefined;
  readonly hint: string;
}

const NODE = /(?:node with name|Node ?\(?name|Name|In Node)[,:]? ?[("']+([^"')]+)["')]/i;

/** In order: the first pattern that matches decides. */
const KINDS: readonly Kind[] = [
  {
    code: 'runtime/not-a-model',
    pattern: /protobuf parsing failed/i,
    problem: () => 'onnxruntime cannot read it as an ONNX model.',
    hint: 'The file is cut short, damaged or of another format: fetch or export it again.',
  },
  {
    code: 'runtime/external-data',
    pattern: /external data.*?(?:initializer:? |tensor )([^\s.]+)|external data/i,
    problem: () => 'its external data file is missing or too short.',
    place: (match) => (match[1] === undefined ? undefined : `weight ${match[1]}`),
    hint: 'Keep the .data file beside the .onnx file and hand over both.',
  },
  {
    code: 'runtime/opset',
    pattern: /opset (\d+) is under development/i,
    problem: (match) => `it declares opset ${match[1]}, which onnxruntime does not know.`,
    hint: 'Export the model for an opset that is released and not newer than the runtime.',
  },
  {
    code: 'runtime/ir-version',
    pattern: /Unsupported model IR version: (\d+), max supported IR version: (\d+)/i,
    problem: (match) => `it has IR version ${match[1]}, and onnxruntime takes at most ${match[2]}.`,
    hint: 'Export the model with an older IR version.',
  },
  {
    code: 'runtime/no-kernel',
    pattern: /(?:Could not find an implementation for|Failed to find kernel for) ([\w.]+)\((\d+)\)/i,
    problem: (match) => `onnxruntime has no kernel for ${match[1]} (opset ${match[2]}) with these element types.`,
    hint: 'Exclude this layer in the recipe, or choose other element types.',
  },
  {
    code: 'runtime/unknown-operator',
    pattern:
      /No Op registered for (\S+) with domain_version of (\d+)|([\w.:]+) ?\(?[-\d]*\)? is not a registered function\/op/i,
    problem: (match) =>
      `onnxruntime does not know the operator ${match[1] ?? match[3]}${match[2] === undefined ? '' : ` in opset ${match[2]}`}.`,
    hint: 'It is a custom operator or newer than the opset that the model declares.',
  },
  {
    code: 'runtime/type-mismatch',
    pattern: /Type Error: (.*?)(?:\.|$)/i,
    hint: 'An operator gets element types that do not fit together: this is a defect of the file.',
  },
  {
    code: 'runtime/input-shape',
    pattern: /Got invalid dimensions for input: (\S+)|Invalid rank for input: (\S+)/i,
    place: (match) => `input ${match[1] ?? match[2] ?? ''}`,
    hint: 'Give inputs of the shape that the model declares.',
  },
  {
    code: 'runtime/input-type',
    pattern: /Unexpected input data type/i,
    hint: 'Give inputs of the element type that the model declares.',
  },
  {
    code: 'runtime/input-missing',
    pattern: /input '([^']+)' is missing/i,
    place: (match) => `input ${match[1]}`,
    problem: () => 'no value was given for it.',
    hint: 'Give a value for every input of the model.',
  },
  {
    code: 'runtime/node-failed',
    pattern: /Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: (.*)/i,
    problem: (match) => `running it failed: ${oneLine(match[3] ?? '')}`,
    place: (match) => `${match[1]} ${match[2]}`,
    hint: 'Check that the inputs are what the model expects.',
  },
  {
    code: 'runtime/memory',
    pattern: /out of memory|bad_alloc|Failed to allocate|Array buffer allocation failed/i,
    problem: () => 'there is not enough memory to load and run it.',
    hint: 'Close other models, or run it with weights in external data.',
  },
  {
    code: 'runtime/invalid-graph',
    pattern:
      /This is an invalid model|Load model .*failed|ShapeInferenceError|not a graph input, initializer, or output/i,
    hint: 'The graph breaks a rule of ONNX: this is a defect of the file.',
  },
];

/** The failure of loading or running a model, in one sentence; `PareError`s pass through with the model named. */
export function failureFrom(error: unknown, model: string, doing: 'load' | 'run'): PareError {
  if (error instanceof PareError) return error.inFile(model);
  const text = oneLine(error instanceof Error ? error.message : String(error));
  for (const kind of KINDS) {
    const match = text.match(kind.pattern);
    if (match === null) continue;
    const place = kind.place?.(match) ?? nodeNamed(text);
    return new PareError(
      {
        code: kind.code,
        file: model,
        problem: kind.problem?.(match) ?? `onnxruntime says: ${sentence(text)}`,
        hint: kind.hint,
        ...(place === undefined ? {} : { place }),
      },
      { cause: error },
    );
  }
  const place = nodeNamed(text);
  return new PareError(
    {
      code: doing === 'load' ? 'runtime/load' : 'runtime/run',
      file: model,
      problem: `onnxruntime could not ${doing} it: ${sentence(text)}`,
      ...(place === undefined ? {} : { place }),
    },
    { cause: error },
  );
}

function nodeNamed(text: string): string | undefined {
  const match = text.match(NODE);
  return match?.[1] === undefined ? undefined : `node ${match[1]}`;
}

/** Without line breaks, source positions and the wrapping that the two packages put around the text. */
function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(
      /^(?:Error: )?(?:Can't create a session\.|failed to call OrtRun\(\)\.) ERROR_CODE: \d+, ERROR_MESSAGE: /,
      '',
    )
    .replace(/\/\S*?(?:onnxruntime\/[\w/]+\.(?:cc|h)):\d+ \S+ ?/g, '')
    .trim();
}

function sentence(text: string): string {
  const cut = text.length > 400 ? `${text.slice(0, 400)} ...` : text;
  return /[.!?]$/.test(cut) ? cut : `${cut}.`;
}
