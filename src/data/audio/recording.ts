/** Recordings of a data set: their headers are read when the data is opened, their samples when they are asked for. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import { folderOf } from '#data/files/list-files.ts';
import { summed } from '#data/image/find-pictures.ts';
import type { WavHeader } from '#wire/wav.ts';
import { readWavHeader } from '#wire/wav.ts';

export interface Recording {
  readonly path: string;
  readonly source: ByteSource;
  /** The refusal where the header cannot be read: the recording then gives one sample, which rejects with it. */
  readonly header: WavHeader | PareError;
}

export interface FoundRecordings {
  readonly recordings: readonly Recording[];
  readonly label: string;
  readonly notices: readonly Notice[];
}

export async function findRecordings(files: Files, signal: AbortSignal | undefined): Promise<FoundRecordings> {
  const recordings: Recording[] = [];
  const problems: Notice[] = [];
  const rates = new Set<number>();
  let seconds = 0;
  for (const [path, source] of files) {
    checkCancelled(signal);
    const header = await headerOf(path, source);
    recordings.push({ path, source, header });
    if (header instanceof PareError) {
      problems.push({ level: 'warning', code: header.parts.code, text: header.message, at: path });
    } else {
      rates.add(header.sampleRate);
      seconds += header.frames / header.sampleRate;
    }
  }
  const what = recordings.length === 1 ? '1 recording' : `${recordings.length} recordings`;
  const folders = new Set(recordings.map(({ path }) => folderOf(path))).size;
  const where = folders > 1 ? ` in ${folders} folders` : '';
  const rate = rates.size === 0 ? '' : `, ${[...rates].join(' and ')} Hz`;
  const label = `${what}${where} of ${seconds.toFixed(1)} s in all${rate}`;
  return { recordings, label, notices: summed(problems, recordings.length) };
}

async function headerOf(path: string, source: ByteSource): Promise<WavHeader | PareError> {
  try {
    const header = await readWavHeader(source);
    if (header.frames > 0) return header;
    return new PareError({ code: 'wav/empty', file: path, problem: 'It holds no samples.', hint: 'Take it out.' });
  } catch (error) {
    if (error instanceof PareError) return error;
    throw error;
  }
}
