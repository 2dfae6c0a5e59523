/** Turns what a schema refuses into sentences for people: which field, what it may be, what it was. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** One sentence for each problem; `noun` is what a field is called: `option`, or `recipe` for the whole file. */
export function sentencesOf(error: z.ZodError, noun: string): readonly string[] {
  return error.issues.map((issue) => sentenceOf(issue, noun));
}

function sentenceOf(issue: Issue, noun: string): string {
  const path = issue.path.map(String).join('.');
  const field = path === '' ? `the ${noun}` : noun === 'option' ? `option ${path}` : `"${path}"`;
  const got = issue.input === undefined ? '' : `, not ${shown(issue.input)}`;
  switch (issue.code) {
    case 'invalid_value':
      return `${field} must be ${listed(issue.values.map(shown))}${got}.`;
    case 'unrecognized_keys':
      return `${field === `the ${noun}` ? 'there is' : `${field} has`} no ${noun === 'option' ? 'option' : 'field'} called ${listed(issue.keys.map((key) => `"${key}"`))}.`;
    case 'invalid_type':
      return issue.input === undefined && path !== ''
        ? `${field} is missing or not ${article(issue.expected)}.`
        : `${field} must be ${article(issue.expected)}${got}.`;
    case 'too_small':
      return `${field} must be ${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}${got}.`;
    case 'too_big':
      return `${field} must be ${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}${got}.`;
    case 'not_multiple_of':
      return `${field} must be a multiple of ${String(issue.divisor)}${got}.`;
    default:
      return `${field}: ${issue.message.replace(/\.?$/, '.')}`;
  }
}

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function shown(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
}

function article(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}
