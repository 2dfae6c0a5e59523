/** The words of the text form, with their places for error messages. */
import { PareError } from '#base/failure.ts';

export interface Token {
  readonly kind: 'word' | 'text' | 'hex' | 'integer' | 'float' | 'mark' | 'end';
  readonly text: string;
  readonly line: number;
}

const PATTERN =
  /(?<space>\s+|\/\/[^\n]*)|(?<hex>x"[0-9a-f]*")|(?<text>"(?:[^"\\]|\\.)*")|(?<number>-?(?:inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?)f?(?![A-Za-z0-9_]))|(?<word>[A-Za-z_][A-Za-z0-9_./]*)|(?<mark>->|::|[()[\]{},:=%#@?])/giy;

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  while (at < source.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(source);
    if (match === null) throw refusal(line, `cannot read "${source.slice(at, at + 12)}".`);
    const { space, hex, text, number, word, mark } = match.groups ?? {};
    if (space === undefined) {
      if (hex !== undefined) tokens.push({ kind: 'hex', text: hex.slice(2, -1), line });
      else if (text !== undefined) tokens.push({ kind: 'text', text: String(JSON.parse(text)), line });
      else if (number !== undefined) tokens.push(numberToken(number, line));
      else tokens.push({ kind: word === undefined ? 'mark' : 'word', text: word ?? mark ?? '', line });
    }
    line += match[0].split('\n').length - 1;
    at = PATTERN.lastIndex;
  }
  tokens.push({ kind: 'end', text: 'the end', line });
  return tokens;
}

function numberToken(text: string, line: number): Token {
  const isFloat = text.endsWith('f') && !text.endsWith('inf');
  const body = isFloat ? text.slice(0, -1) : text;
  return { kind: isFloat || !/^-?\d+$/.test(body) ? 'float' : 'integer', text: body, line };
}

export function numberOf(text: string): number {
  if (text.endsWith('nan')) return NaN;
  if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}

export function refusal(line: number, problem: string): PareError {
  return new PareError({ code: 'ir/parse', place: `line ${String(line)}`, problem });
}
