import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { seededRandom } from '#base/random.ts';
import { lowerRecorded, recordedCases, type Recorded } from './testing/recorded.ts';

/** A recorded graph with one or two things in it changed, as plain data. */
function mutant(recorded: Recorded, seed: number): Recorded {
  const copy = structuredClone(recorded) as unknown as {
    graph: { nodes: MutableNode[]; functions: Record<string, MutableBody> };
  };
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!;
  const bodies = [copy.graph, ...Object.values(copy.graph.functions)].filter(({ nodes }) => nodes.length > 0);
  const ops = bodies.flatMap(({ nodes }) => nodes.map(({ op }) => op));
  for (let change = 0; change < 1 + (seed % 2); change++) {
    const { nodes } = pick(bodies);
    const node = pick(nodes);
    const kind = Math.floor(random.uniform() * 6);
    if (kind === 0) node.op = pick(ops);
    else if (kind === 1) node.inputs = node.inputs.slice(0, -1);
    else if (kind === 2 && node.inputs.length > 0) {
      const at = Math.floor(random.uniform() * node.inputs.length);
      node.inputs[at] = [pick(nodes).name, pick([0, 0, 1, 7])];
    } else if (kind === 3) {
      for (const name of Object.keys(node.attrs)) if (random.uniform() < 0.5) delete node.attrs[name];
    } else {
      for (const attr of Object.values(node.attrs)) distort(attr, random.uniform());
    }
  }
  return copy as unknown as Recorded;
}

interface MutableAttr {
  int?: number;
  float?: number;
  type?: string | null;
  tensor?: { dtype: string; shape: number[]; data: string };
  list?: MutableAttr[];
}

interface MutableNode {
  name: string;
  op: string;
  inputs: [string, number][];
  attrs: Record<string, MutableAttr>;
}

interface MutableBody {
  nodes: MutableNode[];
}

const ODD = [0, -1, 2 ** 31 - 1, -(2 ** 31), 3, 1e15, 255];

function distort(attr: MutableAttr, chance: number): void {
  const odd = ODD[Math.floor(chance * 977) % ODD.length]!;
  if (attr.int !== undefined) attr.int = odd;
  if (attr.float !== undefined) attr.float = chance < 0.3 ? NaN : odd;
  if (attr.type !== undefined) attr.type = chance < 0.5 ? 'i32' : null;
  for (const one of attr.list ?? []) distort(one, (chance * 7) % 1);
  if (attr.tensor === undefined) return;
  const bytes = Buffer.from(attr.tensor.data, 'base64');
  if (bytes.length >= 4) bytes.writeInt32LE(Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, odd))), 0);
  attr.tensor.data = bytes.toString('base64');
}

describe('graphs that no TensorFlow wrote', () => {
  for (const file of ['operators', 'control', 'recurrent']) {
    it(`are lowered or refused, never worse: ${file}`, () => {
      let seed = 0;
      for (const [name, recorded] of recordedCases(file)) {
        for (let round = 0; round < 8; round++) {
          try {
            lowerRecorded(mutant(recorded, seed++));
          } catch (error) {
            if (!(error instanceof PareError)) throw new Error(`${name}, seed ${seed - 1}`, { cause: error });
          }
        }
      }
      expect(seed).toBeGreaterThan(100);
    });
  }
});
