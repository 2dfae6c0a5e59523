/** Layer names as people can tell them apart: without the path that all of them share. */

const SEPARATOR = /[/.]/;

/** Short forms by name; equal forms of different names keep their full names. */
export function shortNames(names: readonly string[]): ReadonlyMap<string, string> {
  const paths = names.map((name) => name.split(SEPARATOR).filter(Boolean));
  const shortest = Math.min(...paths.map((path) => path.length));
  let head = 0;
  while (head < shortest - 1 && same(paths, (path) => path[head])) head += 1;
  let tail = 0;
  while (head + tail < shortest - 1 && same(paths, (path) => path[path.length - 1 - tail])) tail += 1;
  const shorts = paths.map((path) => path.slice(head, path.length - tail).join('/'));
  const seen = new Map<string, number>();
  for (const short of shorts) seen.set(short, (seen.get(short) ?? 0) + 1);
  return new Map(
    names.map((name, at) => {
      const short = shorts[at] ?? name;
      return [name, short === '' || (seen.get(short) ?? 0) > 1 ? name : short];
    }),
  );
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
