/**
 * float32 copies of weights in the backend's memory, kept between previews, so that moving a slider reads and copies
 * nothing. What follows from a weight alone (its extremes, its transpose) is kept beside it.
 *
 * Memory is bounded. When it is full, weights of models that no run is using go first, oldest first; what then still does
 * not fit is handed out as an ordinary array that is not kept. A weight that a running pass may hold is never taken away.
 */
import { countOf, isFloat } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { CompleteBackend, Kernels } from '#kernels/kernels.ts';
import { decodeFloats } from './decode-floats.ts';
import { homeOf } from './layered-store.ts';

export interface FloatCache {
  readonly heldBytes: number;
  /** Starts a run: everything it is given stays until `end`. */
  begin(): CacheRun;
  /** Frees what was kept for a store: a closed model or result. */
  drop(store: WeightStore): void;
  clear(): void;
}

export interface CacheRun {
  /** float32 copy of a float weight; refuses NaN and infinities, naming `label`. */
  floats(store: WeightStore, tensor: Tensor, label: string): Promise<Float32Array>;
  /** The backend's kernels; extremes and transposes of kept weights are computed once. */
  readonly kernels: Kernels;
  /** An array that follows from a kept one alone, made once and kept beside it. */
  derive(of: Float32Array, name: string, make: () => Promise<Float32Array>): Promise<Float32Array>;
  /** The backend, whose `release` leaves kept arrays alone. */
  readonly backend: CompleteBackend;
  end(): void;
}

interface Entry {
  readonly store: WeightStore;
  readonly data: Float32Array;
  /** Results by kernel and row shape, and the transposes among them. */
  readonly facts: Map<string, Promise<unknown>>;
  readonly derived: Float32Array[];
  bytes: number;
  lastUsed: number;
  readonly users: Set<number>;
  /** Its store was dropped while a run held it: it goes when the last run ends. */
  doomed?: boolean;
}

export const FLOAT_CACHE_BYTES = 1.5e9;

/** A cache over one backend; `limitBytes` bounds what it holds of that backend's memory. */
export function createFloatCache(backend: CompleteBackend, limitBytes = FLOAT_CACHE_BYTES): FloatCache {
  const { kernels } = backend;
  const entries = new Map<string, Entry>();
  const pending = new Map<string, Promise<Float32Array>>();
  /** Kept arrays, and kept transposes, to the weight they belong to. */
  const owners = new Map<Float32Array, Entry>();
  const storeIds = new WeakMap<WeightStore, number>();
  let stores = 0;
  let clock = 0;
  let runs = 0;
  let heldBytes = 0;

  const keyOf = (store: WeightStore, tensor: Tensor): string => {
    let id = storeIds.get(store);
    if (id === undefined) {
      stores += 1;
      id = stores;
      storeIds.set(store, id);
    }
    return `${id}:${tensor.key}`;
  };

  const evict = (key: string, entry: Entry): void => {
    entries.delete(key);
    heldBytes -= entry.bytes;
    for (const data of [entry.data, ...entry.derived]) {
      owners.delete(data);
      backend.release(data);
    }
  };

  const makeRoom = (bytes: number): boolean => {
    if (heldBytes + bytes <= limitBytes) return true;
    if (bytes > limitBytes) return false;
    const idle = [...entries].filter(([, entry]) => entry.users.size === 0);
    idle.sort(([, a], [, b]) => a.lastUsed - b.lastUsed);
    for (const [key, entry] of idle) {
      evict(key, entry);
      if (heldBytes + bytes <= limitBytes) return true;
    }
    return false;
  };

  const load = async (
    key: string,
    store: WeightStore,
    tensor: Tensor,
    label: string,
    run: number,
  ): Promise<Float32Array> => {
    const count = countOf(tensor.shape);
    const bytes = count * 4;
    const room = makeRoom(bytes) ? allocate(count) : undefined;
    const keep = room !== undefined;
    // Counted before the read, so that reads in flight together cannot pass the limit.
    if (keep) heldBytes += bytes;
    const data = room ?? new Float32Array(count);
    try {
      await decodeFloats(await store.read(tensor), tensor, kernels, data, label);
    } catch (cause) {
      if (keep) {
        heldBytes -= bytes;
        backend.release(data);
      }
      throw cause;
    }
    if (keep) {
      const entry: Entry = {
        store,
        data,
        facts: new Map(),
        derived: [],
        bytes,
        lastUsed: clock,
        users: new Set([run]),
      };
      entries.set(key, entry);
      owners.set(data, entry);
    }
    return data;
  };

  /** Memory of the backend, or undefined where it has none left. */
  const allocate = (length: number): Float32Array | undefined => {
    try {
      return backend.allocate(length);
    } catch {
      return undefined;
    }
  };

  const copyIn = (data: Float32Array): Float32Array | undefined => {
    const copy = allocate(data.length);
    copy?.set(data);
    return copy;
  };

  /** Computes once for a kept array; for any other array, every time. */
  const once = <T>(data: Float32Array, fact: string, compute: () => Promise<T>): Promise<T> => {
    const entry = owners.get(data);
    if (entry === undefined) return compute();
    const name = factName(entry, data, fact);
    const known = entry.facts.get(name);
    if (known !== undefined) return known as Promise<T>;
    const made = compute();
    entry.facts.set(name, made);
    made.catch(() => entry.facts.delete(name));
    return made;
  };

  const derive = (of: Float32Array, name: string, make: () => Promise<Float32Array>): Promise<Float32Array> =>
    once(of, name, async () => {
      const made = await make();
      const entry = owners.get(of);
      // Made by another fact of the same weight, such as its transpose.
      if (entry !== undefined && owners.get(made) === entry) return made;
      const bytes = made.byteLength;
      const kept = entry === undefined || heldBytes + bytes > limitBytes ? undefined : copyIn(made);
      if (entry === undefined || kept === undefined) {
        // Not kept, so the next caller must make its own: a pass may release this one.
        entry?.facts.delete(factName(entry, of, name));
        return made;
      }
      heldBytes += bytes;
      entry.bytes += bytes;
      entry.derived.push(kept);
      owners.set(kept, entry);
      return kept;
    });

  const remembering: Kernels = {
    ...kernels,
    minMax: (x) => once(x.data, `minMax ${x.rows} ${x.rowLength}`, () => kernels.minMax(x)),
    absMax: (x) => once(x.data, `absMax ${x.rows} ${x.rowLength}`, () => kernels.absMax(x)),
    transpose: (x, rows, columns) =>
      derive(x, `transpose ${rows} ${columns}`, () => kernels.transpose(x, rows, columns)),
  };

  const guarded: CompleteBackend = {
    ...backend,
    kernels: remembering,
    release: (data) => {
      if (!owners.has(data)) backend.release(data);
    },
  };

  return {
    get heldBytes() {
      return heldBytes;
    },
    begin() {
      runs += 1;
      const run = runs;
      let open = true;
      return {
        kernels: remembering,
        backend: guarded,
        derive,
        async floats(store, tensor, label) {
          if (!isFloat(tensor.dtype)) {
            throw new PareError({
              code: 'recipes/not-float',
              place: label,
              problem: `its values are stored as ${tensor.dtype}, not as floating-point numbers.`,
              hint: 'Leave this layer out of the recipe.',
            });
          }
          const home = homeOf(store, tensor);
          const key = keyOf(home, tensor);
          clock += 1;
          let data = entries.get(key)?.data;
          if (data === undefined) {
            let loading = pending.get(key);
            if (loading === undefined) {
              loading = load(key, home, tensor, label, run).finally(() => pending.delete(key));
              pending.set(key, loading);
            }
            data = await loading;
          }
          const entry = owners.get(data);
          if (entry !== undefined && open) {
            entry.lastUsed = clock;
            entry.users.add(run);
          }
          return data;
        },
        end() {
          open = false;
          for (const [key, entry] of entries) {
            entry.users.delete(run);
            if (entry.doomed === true && entry.users.size === 0) evict(key, entry);
          }
        },
      };
    },
    drop(store) {
      for (const [key, entry] of entries) {
        if (entry.store !== store) continue;
        if (entry.users.size === 0) evict(key, entry);
        else entry.doomed = true;
      }
    },
    clear() {
      for (const [key, entry] of entries) evict(key, entry);
    },
  };
}

/** What is kept beside a weight is named by what it was computed from: the weight itself, or one of its derived arrays. */
function factName(entry: Entry, data: Float32Array, fact: string): string {
  return `${data === entry.data ? '' : `${entry.derived.indexOf(data)}.`}${fact}`;
}
