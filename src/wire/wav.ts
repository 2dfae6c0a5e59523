/**
 * WAV recordings: the chunks of a RIFF file are walked to the format and the samples; samples are read by range. PCM of 8, 16, 24 and
 * 32 bits and floats of 32 and 64 are read, in any number of channels.
 *
 * Formats: Microsoft "Multiple channel audio data and WAVE files" (2007); EBU Tech 3306 for RF64.
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';

export interface WavHeader {
  readonly encoding: 'pcm' | 'float';
  readonly bits: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Where the samples start, in bytes. */
  readonly dataAt: number;
  /** Samples of each channel. */
  readonly frames: number;
  /** Bytes of one sample of all channels. */
  readonly frameBytes: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const OTHER_CODECS: ReadonlyMap<number, string> = new Map([
  [2, 'ADPCM'],
  [6, 'A-law'],
  [7, 'mu-law'],
  [17, 'IMA ADPCM'],
  [85, 'MP3'],
]);
const MOST_CHUNKS = 1000;

/** Reads the header; nothing of the samples. */
export async function readWavHeader(source: ByteSource): Promise<WavHeader> {
  const refuse = refusing(source.name);
  if (source.sizeBytes < 12) throw refuse('wav/truncated', 'It is too short for a recording.', 'Get it again.');
  const head = viewOf(await source.read(0, 12));
  const kind = tagAt(head, 0);
  if ((kind !== 'RIFF' && kind !== 'RF64') || tagAt(head, 8) !== 'WAVE') {
    throw refuse('wav/magic', 'This is not a WAV recording.', 'Convert it to WAV.');
  }
  let format: Format | null = null;
  let wideBytes: number | null = null;
  let at = 12;
  for (let chunk = 0; chunk < MOST_CHUNKS && at + 8 <= source.sizeBytes; chunk++) {
    const start = viewOf(await source.read(at, 8));
    const tag = tagAt(start, 0);
    const size = start.getUint32(4, true);
    const left = source.sizeBytes - at - 8;
    if (tag === 'ds64' && left >= 16) wideBytes = Number(viewOf(await source.read(at + 8, 16)).getBigUint64(8, true));
    if (tag === 'fmt ') format = readFormat(viewOf(await source.read(at + 8, Math.min(size, left, 40))), refuse);
    if (tag === 'data') {
      if (format === null) throw refuse('wav/order', 'Its samples come before their format.', 'Convert it again.');
      // A recorder that could not go back to fill in the size left 0 or all ones there: the samples go to the end.
      const open = size === 0 || (size === 0xffffffff && wideBytes === null);
      return withData(format, at + 8, left, open ? left : size === 0xffffffff ? (wideBytes ?? left) : size, refuse);
    }
    at += 8 + size + (size % 2);
  }
  throw refuse('wav/no-samples', 'It holds no samples.', 'Get it again.');
}

type Format = Omit<WavHeader, 'dataAt' | 'frames'>;
type Refuse = (code: string, problem: string, hint: string) => PareError;

function refusing(file: string): Refuse {
  return (code, problem, hint) => new PareError({ code, file, problem, hint });
}

function readFormat(view: DataView, refuse: Refuse): Format {
  if (view.byteLength < 16) throw refuse('wav/format', 'Its format is cut short.', 'Get it again.');
  let codec = view.getUint16(0, true);
  if (codec === EXTENSIBLE && view.byteLength >= 26) codec = view.getUint16(24, true);
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  const encoding = codec === PCM ? 'pcm' : codec === FLOAT ? 'float' : null;
  if (encoding === null) {
    const name = OTHER_CODECS.get(codec) ?? `codec ${codec}`;
    throw refuse('wav/codec', `It is compressed (${name}), and only plain samples are read.`, 'Convert it to PCM.');
  }
  const known = encoding === 'pcm' ? [8, 16, 24, 32].includes(bits) : [32, 64].includes(bits);
  if (!known || channels < 1 || sampleRate < 1) {
    const problem = `${bits}-bit ${encoding} samples of ${channels} channels at ${sampleRate} Hz are not read.`;
    throw refuse('wav/format', problem, 'Convert it to 16-bit PCM.');
  }
  return { encoding, bits, channels, sampleRate, frameBytes: (bits / 8) * channels };
}

function withData(format: Format, dataAt: number, left: number, size: number, refuse: Refuse): WavHeader {
  if (size > left) {
    const problem = `It should hold ${size} bytes of samples, but ends after ${left}.`;
    throw refuse('wav/truncated', problem, 'The file is cut short: get it again.');
  }
  return { ...format, dataAt, frames: Math.floor(size / format.frameBytes) };
}

/** Samples from frame `from` on, mixed down to one channel, -1 to 1. */
export async function readWavMono(
  source: ByteSource,
  header: WavHeader,
  from: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { channels, frameBytes, dataAt } = header;
  const view = viewOf(await source.read(dataAt + from * frameBytes, count * frameBytes));
  const sampleAt = sampleReader(header, view);
  const width = header.bits / 8;
  const out = new Float32Array(count);
  for (let frame = 0, at = 0; frame < count; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += width) sum += sampleAt(at);
    out[frame] = sum / channels;
  }
  return out;
}

/** 8-bit samples are unsigned, all others signed; full scale is 2^(bits - 1). */
function sampleReader({ encoding, bits }: WavHeader, view: DataView): (at: number) => number {
  if (encoding === 'float') {
    return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  }
  switch (bits) {
    case 8:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 16:
      return (at) => view.getInt16(at, true) / 32_768;
    case 24:
      return (at) => ((view.getInt16(at + 1, true) << 8) | view.getUint8(at)) / 8_388_608;
    default:
      return (at) => view.getInt32(at, true) / 2_147_483_648;
  }
}

function tagAt(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
