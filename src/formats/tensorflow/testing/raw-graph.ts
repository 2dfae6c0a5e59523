/** For tests: raw graphs from a few readable lines, and flat ones printed again. */
import { codeOfName } from '#formats/tensorflow/graph-def/data-type.ts';
import type { RawArgument, RawAttr, RawFunction, RawGraph, RawNode } from '#formats/tensorflow/graph-def/raw.ts';
import type { FlatBody, FlatGraph } from '#formats/tensorflow/flat.ts';
import { scalarConstant } from '#formats/tensorflow/inline-control.ts';

const TYPES: Readonly<Record<string, string>> = {
  f32: 'DT_FLOAT',
  i32: 'DT_INT32',
  bool: 'DT_BOOL',
  res: 'DT_RESOURCE',
};

/**
 * Lines `name = Op<attr=value, ...>(input, ...)`; `function name(arg: f32, ...) -> (result: f32 = reference, ...)` starts the
 * body of a function. Attributes are whole numbers, `@function`, `[@a, @b]` or text; a Const takes `true`, `false` or a number.
 */
export function rawGraph(text: string): RawGraph {
  const functions = new Map<string, RawFunction>();
  const top: RawNode[] = [];
  let nodes = top;
  for (const line of text.trim().split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const head = /^function (\S+)\((.*?)\) -> \((.*)\)$/.exec(trimmed);
    if (head === null) {
      nodes.push(rawNode(trimmed));
      continue;
    }
    const [, name = '', args = '', results = ''] = head;
    nodes = [];
    const outputs = listed(results).map((each) => /^(\S+): (\w+) = (\S+)$/.exec(each));
    functions.set(name, {
      name,
      inputs: listed(args).map(argument),
      outputs: outputs.map((match) => argument(`${match?.[1]}: ${match?.[2]}`)),
      nodes,
      results: new Map(outputs.map((match) => [match?.[1] ?? '', match?.[3] ?? ''])),
      attrs: new Map(),
    });
  }
  return { file: 'graph.pb', nodes: top, functions };
}

function rawNode(line: string): RawNode {
  const match = /^(\S+) = (\w+)(?:<(.*)>)?\((.*)\)$/.exec(line);
  if (match === null) throw new Error(`not a node: ${line}`);
  const [, name = '', op = '', attrs = '', inputs = ''] = match;
  if (op === 'Const') {
    const dtype = inputs === 'true' || inputs === 'false' ? 'bool' : 'i32';
    const value = inputs === 'true' ? 1 : Number(inputs === 'false' ? 0 : inputs);
    return { name, op, inputs: [], attrs: scalarConstant(name, dtype, value).attrs };
  }
  const pairs = listed(attrs).map((each): [string, RawAttr] => {
    const at = each.indexOf('=');
    return [each.slice(0, at), attr(each.slice(at + 1))];
  });
  return { name, op, inputs: listed(inputs), attrs: new Map(pairs) };
}

function attr(text: string): RawAttr {
  if (text.startsWith('@')) return { kind: 'function', value: text.slice(1), attrs: new Map() };
  if (text.startsWith('[')) return { kind: 'list', value: text.slice(1, -1).split('|').map(attr) };
  const type = TYPES[text];
  if (type !== undefined) return { kind: 'type', value: codeOfName(type) };
  return /^-?\d+$/.test(text) ? { kind: 'int', value: Number(text) } : { kind: 'string', value: text };
}

function argument(text: string): RawArgument {
  const [name = '', type = ''] = text.split(': ');
  return { name, type: codeOfName(TYPES[type] ?? '') };
}

function listed(text: string): string[] {
  return text === '' ? [] : text.split(', ');
}

/** Nodes in the form in which they are given, references resolved; bodies after the graph. */
export function printFlat(graph: FlatGraph): string {
  return [graph, ...graph.functions.values()].map((body, at) => printBody(body, at > 0)).join('\n');
}

function printBody(body: FlatBody, inner: boolean): string {
  const lines = body.nodes.map((node) => {
    const inputs = node.inputs.map(({ node: name, output }) => (output === 0 ? name : `${name}:${output}`));
    return `${node.name} = ${node.op}(${inputs.join(', ')})`;
  });
  const outputs = body.outputs.map(
    ({ name, ref }) => `${name} = ${ref.node}${ref.output === 0 ? '' : `:${ref.output}`}`,
  );
  const head = inner ? [`function ${body.name}(${body.inputs.map(({ node }) => node).join(', ')})`] : [];
  return [...head, ...lines, `-> ${outputs.join(', ')}`].join('\n');
}
