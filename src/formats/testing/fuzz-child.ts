/**
 * The process in which mutants are opened, so that one that hangs or eats memory is seen and ended. It tells its parent
 * before and after each. One mutant alone, with the whole story:
 *     npx tsx src/formats/testing/fuzz-child.ts tflite 1234
 */
import { writeSync } from 'node:fs';
import { joinChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { allValues } from '#ir/walk.ts';
import { openModel } from '#studio/open.ts';
import { writeModel } from '#studio/write.ts';
import { FUZZED } from './fuzz-bases.ts';
import type { Fuzzed } from './fuzz-bases.ts';
import { fuzzCases } from './fuzz-mutants.ts';
import type { FuzzCase } from './fuzz-mutants.ts';

/** One in so many is read to its last weight and written as ONNX. */
const WRITTEN = 4;
const MOST_CPU_MS = 5000;
const MOST_BYTES = 2 ** 30;

type Outcome = { readonly kind: 'opened' | 'written' | 'refused' | 'fault'; readonly text: string };

async function tryOne({ files }: FuzzCase, wanted: boolean): Promise<Outcome> {
  try {
    const open = await openModel(new Map([...files].map(([path, bytes]) => [path, memorySource(path, bytes)])));
    if (!wanted) return { kind: 'opened', text: '' };
    for (const { constant } of allValues(open.model.graph).values()) {
      if (constant !== undefined) await open.weights.read(constant);
    }
    for (const file of await writeModel({ model: open.model, weights: open.weights })) await joinChunks(file.chunks);
    return { kind: 'written', text: '' };
  } catch (error) {
    if (error instanceof PareError) return { kind: 'refused', text: error.message };
    return { kind: 'fault', text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function main([kind = '', from = '', to]: readonly string[]): Promise<void> {
  const make = fuzzCases(FUZZED.find((one) => one === kind) as Fuzzed);
  const first = Number(from);
  const last = to === undefined ? first + 1 : Number(to);
  for (let index = first; index < last; index++) {
    const mutant = await make(index);
    const tell = (what: string, more: object): void =>
      void writeSync(1, `${JSON.stringify({ what, index, ...more })}\n`);
    tell('start', {});
    const cpu = process.cpuUsage();
    const outcome = await tryOne(mutant, index % WRITTEN === 0 || to === undefined);
    const { user, system } = process.cpuUsage(cpu);
    const cpuMs = (user + system) / 1000;
    const bytes = process.memoryUsage.rss();
    const slow = cpuMs > MOST_CPU_MS ? `took ${Math.round(cpuMs)} ms` : undefined;
    const large = bytes > MOST_BYTES ? `grew to ${Math.round(bytes / 1e6)} MB` : undefined;
    const fault = slow ?? large ?? (outcome.kind === 'fault' ? outcome.text : undefined);
    const kindNow = fault === undefined ? outcome.kind : 'fault';
    tell('end', {
      outcome: kindNow,
      cpuMs,
      bytes,
      ...(fault === undefined && to !== undefined
        ? {}
        : { base: mutant.base, mutation: mutant.what, text: fault ?? outcome.text }),
    });
  }
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const told = { what: 'peak', bytes: maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  writeSync(1, `${JSON.stringify(told)}\n`);
}

await main(process.argv.slice(2));
