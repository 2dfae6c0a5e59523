/** Everything in an HDF5 file as the HDF5 library (h5wasm) and as our reader see it, in forms that compare. */
import * as h5wasm from 'h5wasm/node';
import type { Hdf5Object, Hdf5Value } from '#wire/hdf5/hdf5.ts';

export interface Seen {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly shape?: readonly number[];
  readonly values?: readonly unknown[];
}

/** By path; objects that two links lead to are there twice. */
export type SeenFile = Readonly<Record<string, Seen>>;

/** As the library sees it. */
export async function seenByLibrary(path: string): Promise<SeenFile> {
  await h5wasm.ready;
  const file = new h5wasm.File(path, 'r');
  const seen: Record<string, Seen> = {};
  const visit = (object: h5wasm.Group | h5wasm.Dataset, at: string): void => {
    const attributes: Record<string, unknown> = {};
    for (const [name, { json_value: value }] of Object.entries(object.attrs)) attributes[name] = flat(value);
    if (object instanceof h5wasm.Dataset) {
      seen[at] = { attributes, shape: object.shape ?? [0], values: flat(object.json_value) };
      return;
    }
    seen[at] = { attributes };
    for (const name of object.keys()) {
      const child = object.get(name);
      if (child instanceof h5wasm.Group || child instanceof h5wasm.Dataset) visit(child, join(at, name));
    }
  };
  visit(file, '');
  file.close();
  return seen;
}

/** As our reader sees it. */
export async function seenByUs(root: Hdf5Object): Promise<SeenFile> {
  const seen: Record<string, Seen> = {};
  const visit = async (object: Hdf5Object, at: string): Promise<void> => {
    const attributes: Record<string, unknown> = {};
    for (const name of await object.attributeNames()) attributes[name] = listed(await object.attribute(name));
    if (object.kind === 'dataset') {
      seen[at] = { attributes, shape: object.shape, values: listed(await object.values()) };
      return;
    }
    seen[at] = { attributes };
    for (const name of await object.names()) {
      const child = await object.get(name);
      if (child !== undefined) await visit(child, join(at, name));
    }
  };
  await visit(root, '');
  return seen;
}

function join(at: string, name: string): string {
  return at === '' ? name : `${at}/${name}`;
}

function listed(value: Hdf5Value | null | undefined): readonly unknown[] {
  if (value === null || value === undefined) return [];
  return value.values.map((one) => (typeof one === 'bigint' ? Number(one) : one));
}

function flat(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(flat);
  return [typeof value === 'bigint' ? Number(value) : value];
}
