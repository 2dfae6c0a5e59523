/** Layer names as people can tell them apart: without the path that all of them share. */

const SEPARATOR = /[/.]/;

/** Of all names, so many must share a path for it to be left out; the few others keep theirs. */
const MOST = 0.8;

/** Short forms by name; equal forms of different names keep their full names. */
export function shortNames(names: readonly string[]): ReadonlyMap<string, string> {
  // TFLite joins the names of all that it fused: the first one says which layer it is.
  const paths = names.map((name) => (name.split(';')[0] ?? name).split(SEPARATOR).filter(Boolean));
  let sharing: readonly (readonly string[])[] = paths;
  let head = 0;
  for (;;) {
    const next = mostSharing(sharing, head);
    if (next.length === 0 || next.length < MOST * names.length) break;
    sharing = next;
    head += 1;
  }
  const shortest = Math.min(...sharing.map((path) => path.length));
  let tail = 0;
  while (head + tail < shortest - 1 && same(sharing, (path) => path[path.length - 1 - tail])) tail += 1;
  const short = new Set(sharing);
  const shorts = paths.map((path, at) =>
    short.has(path) ? path.slice(head, path.length - tail).join('/') : (names[at] ?? ''),
  );
  const seen = new Map<string, number>();
  for (const one of shorts) seen.set(one, (seen.get(one) ?? 0) + 1);
  return new Map(
    names.map((name, at) => {
      const own = shorts[at] ?? name;
      return [name, own === '' || (seen.get(own) ?? 0) > 1 ? name : own];
    }),
  );
}

/** The paths with the part at `head` that most of them have, and something behind it. */
function mostSharing(paths: readonly (readonly string[])[], head: number): (readonly string[])[] {
  const groups = new Map<string, (readonly string[])[]>();
  for (const path of paths) {
    const part = path[head];
    if (part === undefined || path.length <= head + 1) continue;
    const group = groups.get(part);
    if (group === undefined) groups.set(part, [path]);
    else group.push(path);
  }
  return [...groups.values()].reduce<(readonly string[])[]>((best, one) => (one.length > best.length ? one : best), []);
}

/** Both ends of a long name: they tell more than the middle. */
export function clipMiddle(name: string, letters: number): string {
  if (name.length <= letters) return name;
  const head = Math.ceil((letters - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (letters - 1 - head))}`;
}

function same(paths: readonly (readonly string[])[], part: (path: readonly string[]) => string | undefined): boolean {
  const [first] = paths;
  return first !== undefined && paths.every((path) => part(path) === part(first));
}
