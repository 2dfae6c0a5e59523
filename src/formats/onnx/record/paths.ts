/** Paths of a model and the files beside it, with forward slashes. */

/** The path without `.` parts; `undefined` when it is absolute or climbs out. */
export function safeRelativePath(location: string): string | undefined {
  if (location === '' || location.includes('\0') || /^([/\\]|[A-Za-z]:)/.test(location)) return undefined;
  const parts = location.split(/[/\\]/).filter((part) => part !== '.' && part !== '');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
