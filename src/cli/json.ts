/**
 * JSON for programs. Infinity and -Infinity become 1e999 and -1e999: valid JSON numbers that JavaScript and Python read
 * as infinite. NaN, which stands for a figure that could not be computed, becomes null.
 */
export function jsonText(value: unknown): string {
  return write(value, '');
}

function write(value: unknown, indent: string): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map) return write(Object.fromEntries(value), indent);
  if (Array.isArray(value)) return writeList(value, indent);
  if (typeof value === 'object' && value !== null) {
    const deeper = `${indent}  `;
    const lines = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => `${deeper}${JSON.stringify(key)}: ${write(field, deeper)}`);
    return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Lists of plain values, such as shapes, stay on one line. */
function writeList(list: readonly unknown[], indent: string): string {
  if (list.every((item) => typeof item !== 'object' || item === null)) {
    return `[${list.map((item) => write(item, indent)).join(', ')}]`;
  }
  const deeper = `${indent}  `;
  return `[\n${list.map((item) => deeper + write(item, deeper)).join(',\n')}\n${indent}]`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'null';
  if (value === Infinity) return '1e999';
  if (value === -Infinity) return '-1e999';
  return JSON.stringify(value);
}
