/** The configuration of a model out of its JSON text: nesting is limited, and what Python's JSON has beyond JSON is read. */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';

/** Configurations nest a dozen levels for each model in a model. */
const MAX_DEPTH = 512;
/** Larger than the configuration of any model: a Lambda's code may be in it. */
export const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

/** The `{ class_name, config }` that a text holds. */
export function readConfig(file: string, text: string): { readonly [key: string]: Json } {
  const parsed = parse(file, text);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    return parsed as { readonly [key: string]: Json };
  }
  throw damaged(file, 'The configuration of the model is not a JSON object.');
}

function parse(file: string, text: string): Json {
  if (text.length > MAX_CONFIG_BYTES) throw damaged(file, `The configuration of the model takes ${text.length} bytes.`);
  const { depth, plain } = scan(text);
  if (depth > MAX_DEPTH) throw damaged(file, `The configuration of the model nests more than ${MAX_DEPTH} levels.`);
  try {
    return JSON.parse(plain) as Json;
  } catch (error) {
    throw damaged(file, 'The configuration of the model is not valid JSON.', error);
  }
}

const BEYOND_JSON: readonly (readonly [string, string])[] = [
  ['NaN', 'null'],
  ['Infinity', '1e999'],
];

/** Depth of nesting, and the text with the numbers that Python writes and JSON lacks: `Infinity` and `NaN`. */
function scan(text: string): { readonly depth: number; readonly plain: string } {
  let depth = 0;
  let deepest = 0;
  let plain = '';
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"') {
      for (at += 1; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at += 1;
    } else if (letter === '{' || letter === '[') {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (letter === '}' || letter === ']') {
      depth -= 1;
    } else if (letter === 'N' || letter === 'I') {
      const found = BEYOND_JSON.find(([word]) => text.startsWith(word, at));
      if (found === undefined) continue;
      plain += text.slice(copied, at) + found[1];
      at += found[0].length - 1;
      copied = at + 1;
    }
  }
  return { depth: deepest, plain: copied === 0 ? text : plain + text.slice(copied) };
}

function damaged(file: string, problem: string, cause?: unknown): PareError {
  const hint = 'The file is damaged: save the model again.';
  return new PareError({ code: 'keras/config', file, problem, hint }, { cause });
}
