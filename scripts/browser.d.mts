/** Types of browser.mjs, for the browser tests and benchmarks. */
export const BROWSER_ARGUMENTS: string[];
export function findBrowser(): string;
