/**
 * Samples in two parts that share none: ranges are measured on one, accuracy on the other. Seeded, so that the same data gives the
 * same parts; by label in the shares of the whole; and never with two parts of one recording on both sides.
 */
import type { Notice } from '#base/notice.ts';
import type { Random } from '#base/random.ts';
import { seededRandom } from '#base/random.ts';
import { digestOf } from './files/digest.ts';
import type { Samples } from './samples.ts';
import type { SplitSettings } from './settings.ts';

export interface Split {
  readonly calibration: Samples;
  readonly evaluation: Samples;
  readonly notices: readonly Notice[];
}

export async function splitSamples(samples: Samples, { calibration: asked, seed }: SplitSettings): Promise<Split> {
  const notices: Notice[] = [];
  const wanted = Math.min(asked, Math.max(1, Math.floor(samples.length / 2)));
  if (wanted < asked) {
    const text = `${asked} calibration samples were asked for, and there are ${samples.length}: ${wanted === 1 ? 'one is' : `${wanted} are`} taken, so that the others are left to measure accuracy on.`;
    notices.push({ level: 'warning', code: 'data/few-samples', text });
  }
  if (samples.length === 1) {
    notices.push({
      level: 'warning',
      code: 'data/one-sample',
      text: 'There is one sample, so none is left to measure accuracy on.',
    });
  }
  const groups = groupsOf(samples);
  const random = seededRandom(seed);
  const one = groups.length === 1 && samples.length > 1;
  const chosen = one ? Array.from({ length: wanted }, (_, at) => at) : choose(samples, groups, wanted, random);
  if (one && samples.grouping !== undefined) {
    const text = `All samples belong to one recording or sequence: its first ${wanted} are for calibration and the rest for accuracy.`;
    notices.push({ level: 'info', code: 'data/one-sequence', text });
  }
  const isChosen = new Set(chosen);
  const rest = Array.from({ length: samples.length }, (_, at) => at).filter((at) => !isChosen.has(at));
  const stratified = samples.grouping !== undefined && groups.some(({ stratum }) => stratum !== null);
  const how = `seed ${seed}${stratified ? ', stratified' : ''}`;
  return {
    calibration: takeSamples(samples, chosen, `${chosen.length} of ${samples.description} (${how})`),
    evaluation: takeSamples(samples, rest, `the other ${rest.length} of ${samples.description} (${how})`),
    notices,
  };
}

interface Group {
  readonly members: readonly number[];
  readonly stratum: string | null;
}

/** Samples that belong together, with the label of the first. */
function groupsOf({ length, grouping }: Samples): readonly Group[] {
  const groups: { readonly members: number[]; readonly stratum: string | null; readonly key: number }[] = [];
  for (let index = 0; index < length; index++) {
    const key = grouping?.group(index) ?? index;
    const last = groups.at(-1);
    if (last?.key === key) last.members.push(index);
    else groups.push({ members: [index], stratum: grouping?.stratum(index) ?? null, key });
  }
  return groups;
}

/** Each label gives its share, rounded by largest remainder; groups are taken whole until the share is there. */
function choose(samples: Samples, groups: readonly Group[], wanted: number, random: Random): readonly number[] {
  const strata = new Map<string, Group[]>();
  for (const group of groups) {
    const key = group.stratum === null ? '' : `=${group.stratum}`;
    const list = strata.get(key) ?? [];
    strata.set(key, list);
    list.push(group);
  }
  const keys = [...strata.keys()].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const lists = keys.map((key) => shuffled(strata.get(key) ?? [], random));
  const sizes = lists.map((list) => list.reduce((sum, { members }) => sum + members.length, 0));
  const shares = sharesOf(sizes, wanted, samples.length, random);
  const chosen: number[] = [];
  // Groups of several samples overshoot, so what was taken too much is owed by the labels that follow.
  let owed = 0;
  let leftGroups = groups.length;
  lists.forEach((list, at) => {
    owed += shares[at] ?? 0;
    for (const { members } of list) {
      const nearer = owed > 0 && Math.abs(owed - members.length) <= owed;
      if (!nearer || leftGroups <= 1) continue;
      chosen.push(...members);
      owed -= members.length;
      leftGroups -= 1;
    }
  });
  if (chosen.length === 0) chosen.push(...smallest(lists.flat()));
  return chosen.toSorted((a, b) => a - b);
}

function smallest(groups: readonly Group[]): readonly number[] {
  return groups.reduce<readonly number[]>(
    (best, { members }) => (best.length === 0 || members.length < best.length ? members : best),
    [],
  );
}

/** `wanted` divided in proportion to sizes, in whole numbers that add up. Equal remainders go by lot. */
function sharesOf(sizes: readonly number[], wanted: number, total: number, random: Random): readonly number[] {
  const exact = sizes.map((size) => (size * wanted) / total);
  const shares = exact.map(Math.floor);
  const lots = exact.map((value, at) => ({ at, rest: value - Math.floor(value), lot: random.uniform() }));
  let left = wanted - shares.reduce((sum, share) => sum + share, 0);
  for (const { at } of lots.toSorted((a, b) => b.rest - a.rest || a.lot - b.lot)) {
    if (left <= 0) break;
    if ((shares[at] ?? 0) >= (sizes[at] ?? 0)) continue;
    shares[at] = (shares[at] ?? 0) + 1;
    left -= 1;
  }
  return shares;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const out = [...items];
  for (let at = out.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    const [a, b] = [out[at], out[other]];
    if (a === undefined || b === undefined) continue;
    out[at] = b;
    out[other] = a;
  }
  return out;
}

/** Some of the samples, by index, in that order. `words` describe them for reports. */
export function takeSamples(samples: Samples, indices: readonly number[], words: string): Samples {
  const { grouping } = samples;
  const whole = (at: number): number => indices[at] ?? -1;
  return {
    length: indices.length,
    description: words,
    fingerprint: digestOf(samples.fingerprint, indices.join(' ')),
    carry: samples.carry,
    ...(grouping === undefined
      ? {}
      : { grouping: { group: (at) => grouping.group(whole(at)), stratum: (at) => grouping.stratum(whole(at)) } }),
    read(at, signal) {
      const index = indices[at];
      if (index === undefined) return Promise.reject(new RangeError(`there is no sample ${at}`));
      return samples.read(index, signal);
    },
  };
}
