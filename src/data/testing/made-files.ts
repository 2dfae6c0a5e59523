/** Files of data made in memory, for tests. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import type { InputSlot } from '#data/samples.ts';

export type Contents = Readonly<Record<string, Uint8Array | string>>;

export function madeFiles(contents: Contents): Files {
  return new Map(
    Object.entries(contents).map(([path, content]): [string, ByteSource] => [
      path,
      memorySource(path, typeof content === 'string' ? new TextEncoder().encode(content) : content),
    ]),
  );
}

export function slot(name: string, shape: InputSlot['shape'], dtype: InputSlot['dtype'] = 'f32'): InputSlot {
  return { name, dtype, shape };
}

export function slots(inputs: readonly InputSlot[], outputs: readonly InputSlot[] = [], name = 'net'): ModelSlots {
  return { name, inputs, outputs };
}

/** 16-bit samples of one channel. */
export function madeWav(sampleRate: number, levels: Int16Array): Uint8Array {
  const bytes = new Uint8Array(44 + levels.byteLength);
  const view = new DataView(bytes.buffer);
  const tag = (at: number, text: string): void => bytes.set(new TextEncoder().encode(text), at);
  tag(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  tag(36, 'data');
  view.setUint32(40, levels.byteLength, true);
  bytes.set(new Uint8Array(levels.buffer, levels.byteOffset, levels.byteLength), 44);
  return bytes;
}
