/** A dataset file: JSON that says where samples and labels are and how they are prepared, so that a command needs no flags. */
import { z } from 'zod';
import { PareError } from '#base/failure.ts';
import { dataSettings } from './settings.ts';

const schema = z.strictObject({
  version: z.literal(1),
  /** Files or folders, relative to the dataset file. */
  data: z.union([z.string(), z.array(z.string()).min(1)]),
  /** Labels that do not lie with the samples, likewise. */
  labels: z.string().optional(),
  settings: dataSettings.optional(),
});

export interface DatasetFile {
  readonly data: readonly string[];
  readonly labels?: string;
  readonly settings?: z.infer<typeof dataSettings>;
}

/** Throws a `PareError` that names the file and the field that is wrong. */
export function readDatasetFile(text: string, file: string): DatasetFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new PareError({ code: 'data/not-json', file, problem: `it is not JSON: ${problem}.` }, { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? {} : { place: issue.path.map(String).join('.') };
    throw new PareError({
      code: 'data/dataset-file',
      file,
      ...place,
      problem: `it is no dataset file: ${issue?.message ?? 'its shape is wrong'}.`,
      hint: 'It looks like {"version": 1, "data": "samples", "labels": "labels.npy", "settings": {"mean": 127.5, "std": 127.5}}.',
    });
  }
  const { data, labels, settings } = parsed.data;
  return {
    data: typeof data === 'string' ? [data] : data,
    ...(labels === undefined ? {} : { labels }),
    ...(settings === undefined ? {} : { settings }),
  };
}
