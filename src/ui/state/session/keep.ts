/** Recipes, variants and looks kept in IndexedDB, so that a reload changes nothing. Models are kept by the engine. */
import type { ModelSummary, Recipe } from '#studio/jobs.ts';
import type { Looks, Studio } from '#ui/state/store.ts';
import type { Variant } from './variants.ts';

export interface KeptWork {
  readonly past: readonly Recipe[];
  readonly present: Recipe;
  readonly variants: readonly Variant[];
  readonly selected: string | null;
}

export interface Kept {
  readonly version: 1;
  readonly works: Readonly<Record<string, KeptWork>>;
  /** Fingerprint of the model that was looked at last. */
  readonly active: string | null;
  readonly looks: Looks;
}

const DATABASE = 'pare-page';
const STORE = 'kept';
const KEY = 'page';
const KEPT_UNDO_STEPS = 40;

/** Recognises a model after a reload, when the engine may have given it another id. */
export function fingerprint(model: ModelSummary): string {
  return `${model.name}|${model.fileBytes}|${model.parameters}|${model.layers.length}`;
}

/** What to keep of the page now; work on models that are closed is kept as it was. */
export function keptOf(studio: Studio, before: Kept | null): Kept {
  const works: Record<string, KeptWork> = { ...before?.works };
  let active: string | null = null;
  for (const model of studio.models) {
    const work = studio.works[model.id];
    if (work === undefined) continue;
    works[fingerprint(model)] = {
      past: work.history.past.slice(-KEPT_UNDO_STEPS),
      present: work.history.present,
      variants: work.variants,
      selected: work.selected,
    };
    if (model.id === studio.activeId) active = fingerprint(model);
  }
  return { version: 1, works, active, looks: studio.looks };
}

export async function readKept(): Promise<Kept | null> {
  try {
    const value = await request<unknown>('readonly', (store) => store.get(KEY));
    return isKept(value) ? value : null;
  } catch {
    // Private windows may refuse a database; the page then simply starts fresh.
    return null;
  }
}

export async function writeKept(kept: Kept): Promise<void> {
  try {
    await request('readwrite', (store) => store.put(kept, KEY));
  } catch {
    // Nothing is lost but the memory of this visit.
  }
}

function isKept(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && (value as { version?: unknown }).version === 1;
}

async function request<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error ?? new Error('IndexedDB refused.'));
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      const asked = act(database.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error ?? new Error('IndexedDB refused.'));
    });
  } finally {
    database.close();
  }
}
