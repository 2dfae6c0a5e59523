/**
 * Joins constants that hold the same bytes, type and shape: readers of the copies read the first one.
 *
 * Given
 *   graph main(%x: f32[2]) -> (%y) {
 *     %a: f32[2] = const [1, 2]
 *     %b: f32[2] = const [1, 2]
 *     %s = Add(%x, %a) @s
 *     %y = Mul(%s, %b) @y
 *   }
 *
 * Result
 *   graph main(%x: f32[2]) -> (%y) {
 *     %a: f32[2] = const [1, 2]
 *     %s = Add(%x, %a) @s
 *     %y = Mul(%s, %a) @y
 *   }
 */
import { z } from 'zod';
import { bytesFor, countOf } from '#base/dtype.ts';
import { checkCancelled } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Graph, Value } from '#ir/model.ts';
import { graphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Desk, LedgerEntry, Pass, PassResult } from '#passes/pass.ts';

const options = z.strictObject({});

export const joinDuplicateConstants: Pass<z.infer<typeof options>> = {
  name: 'simplify/duplicate-constants',
  title: 'Join duplicate constants',
  summary: 'Stores constants with equal content once.',
  keeps: 'bits',
  options,
  after: ['simplify/fold-constants'],
  run,
};

async function run(edit: Editor, _options: z.infer<typeof options>, desk: Desk): Promise<PassResult> {
  const ledger: LedgerEntry[] = [];
  const main = edit.graph;
  const homes = homesOf(main);
  const groups = candidates(edit, homes);
  for (const [at, group] of groups.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: 'Comparing constants', done: at, of: groups.length });
    for (const same of await equalOnes(group, desk)) ledger.push(...join(edit, same, homes, main));
  }
  return { ledger, notices: [] };
}

/** The graph that defines each constant; the main graph comes first. */
function homesOf(main: Graph): ReadonlyMap<Value, Graph> {
  const homes = new Map<Value, Graph>();
  for (const graph of graphsOf(main)) {
    for (const value of graph.values.values()) if (value.constant !== undefined) homes.set(value, graph);
  }
  return homes;
}

/** Constants that could be equal, in the order of the file. */
function candidates(edit: Editor, homes: ReadonlyMap<Value, Graph>): readonly (readonly Value[])[] {
  const groups = new Map<string, Value[]>();
  for (const value of homes.keys()) {
    const { constant, quantization } = value;
    if (constant === undefined || quantization !== undefined || edit.isOutput(value.id)) continue;
    const kind = `${constant.dtype} ${String(value.dtype)} ${constant.shape.join(',')}`;
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [value]);
    else group.push(value);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Sets of two or more constants with equal bytes. A hash sorts them first, so that large ones need not be held together. */
async function equalOnes(group: readonly Value[], desk: Desk): Promise<readonly (readonly Value[])[]> {
  const byHash = new Map<string, Value[]>();
  for (const value of group) {
    checkCancelled(desk.signal);
    const hash = await hashOf(value, desk.weights);
    const alike = byHash.get(hash);
    if (alike === undefined) byHash.set(hash, [value]);
    else alike.push(value);
  }
  const found: Value[][] = [];
  for (const alike of byHash.values()) {
    const [first, ...others] = alike;
    if (first?.constant === undefined || others.length === 0) continue;
    const bytes = await desk.weights.read(first.constant);
    const same = [first];
    for (const other of others) {
      if (other.constant === undefined) continue;
      if (other.constant.key === first.constant.key || equalBytes(bytes, await desk.weights.read(other.constant)))
        same.push(other);
    }
    if (same.length > 1) found.push(same);
  }
  return found;
}

/** FNV-1a over 32-bit words in two lanes; equality is checked byte by byte afterwards. */
async function hashOf(value: Value, weights: WeightStore): Promise<string> {
  if (value.constant === undefined) return '';
  const bytes = await weights.read(value.constant);
  let low = 0x811c9dc5;
  let high = 0x9dc5811c;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.byteLength & ~3;
  for (let at = 0; at < whole; at += 4) {
    const word = view.getUint32(at, true);
    low = Math.imul(low ^ word, 0x01000193);
    high = Math.imul(high ^ ((word << 13) | (word >>> 19)), 0x01000193);
  }
  for (let at = whole; at < bytes.byteLength; at++) low = Math.imul(low ^ (bytes[at] ?? 0), 0x01000193);
  return `${String(low)} ${String(high)}`;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at]);
}

function join(
  edit: Editor,
  same: readonly Value[],
  homes: ReadonlyMap<Value, Graph>,
  main: Graph,
): readonly LedgerEntry[] {
  const [first] = same;
  if (first?.constant === undefined) return [];
  const home = homes.get(first);
  const oneHome = same.every((copy) => homes.get(copy) === home);
  // What lies in one branch cannot be read from another, so copies in several subgraphs are joined in the main graph.
  const kept = oneHome || home === main ? first.id : edit.addConstant(`${first.name}_shared`, first.constant);
  const sizeBytes = bytesFor(first.constant.dtype, countOf(first.constant.shape));
  return same
    .filter((copy) => copy.id !== kept)
    .map((copy): LedgerEntry => {
      edit.replaceUses(copy.id, kept);
      edit.removeValue(copy.id);
      const text = `The constant ${copy.name} (${String(sizeBytes)} bytes) holds the same as ${edit.value(kept).name}, which is read instead.`;
      return { layer: '', weight: copy.name, action: 'changed', code: 'joined', text };
    });
}
