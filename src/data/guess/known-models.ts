/** What well-known networks were trained with, told by their names: a guess, and said to be one. */
import type { AudioSettings, ImageSettings } from '#data/settings.ts';

export interface KnownPictures {
  readonly image?: Partial<ImageSettings>;
  readonly mean?: number | number[];
  readonly std?: number | number[];
  readonly why: string;
}

/** Looked through in order; the first that matches counts. */
const PICTURES: readonly (readonly [RegExp, KnownPictures])[] = [
  [
    /yolox/i,
    {
      image: { channels: 'bgr', fit: 'letterbox', pad: 114 },
      why: 'YOLOX takes BGR, 0 to 255, letterboxed with grey 114',
    },
  ],
  [
    /yolo/i,
    {
      image: { fit: 'letterbox', pad: 114 },
      mean: 0,
      std: 255,
      why: 'YOLO takes RGB, 0 to 1, letterboxed with grey 114',
    },
  ],
  [
    /ultra-?face|version-rfb|version-slim/i,
    { image: { fit: 'stretch' }, mean: 127, std: 128, why: 'UltraFace takes (x - 127) / 128' },
  ],
  [
    /mobile-?net|inception|nasnet|xception|deeplab|efficientnet-?lite/i,
    { mean: 127.5, std: 127.5, why: 'networks of this family from TensorFlow take (x - 127.5) / 127.5' },
  ],
  [
    /resnet-?8|cifar/i,
    { image: { fit: 'stretch' }, why: 'networks for CIFAR-10 of MLPerf Tiny take pixels as they are, 0 to 255' },
  ],
  [/mnist|digit/i, { why: 'networks for MNIST take white on black, 0 to 255 or 0 to 1' }],
  [
    /(res|dense|google|regnet|shuffle|squeeze|convnext|mnas)-?(ne?x?t)?-?v?\d|resnet|densenet|shufflenet|squeezenet|vgg|alexnet|efficientnet/i,
    {
      mean: [123.675, 116.28, 103.53],
      std: [58.395, 57.12, 57.375],
      why: 'networks for ImageNet from PyTorch take (x - mean) / std of ImageNet',
    },
  ],
];

export function knownPictures(name: string): KnownPictures | null {
  return PICTURES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

export interface KnownAudio {
  readonly audio: Partial<AudioSettings>;
  readonly why: string;
}

const AUDIO: readonly (readonly [RegExp, KnownAudio])[] = [
  [
    /silero|vad/i,
    {
      audio: { sampleRate: 16_000, window: 576, hop: 512 },
      why: 'Silero VAD takes 512 new samples and 64 of context at 16 kHz',
    },
  ],
  [/basic.?pitch|(^|\W)nmp(\W|$)/i, { audio: { sampleRate: 22_050 }, why: 'Basic Pitch listens at 22,050 Hz' }],
  [
    /dtln/i,
    {
      audio: { sampleRate: 16_000, hop: 128, taper: 'none' },
      why: 'DTLN takes blocks of 512 samples at 16 kHz, 128 apart, without a window function',
    },
  ],
  [
    /ad01|toy-?admos|anomaly/i,
    {
      audio: {
        sampleRate: 16_000,
        feature: 'log-mel',
        window: 1024,
        hop: 512,
        fft: 1024,
        melBands: 128,
        frames: 5,
        dialect: 'librosa',
        lowHz: 0,
        highHz: 8000,
      },
      why: 'MLPerf Tiny hears anomalies in 5 frames of 128 log-mel bands',
    },
  ],
  [
    /whisper/i,
    {
      audio: {
        sampleRate: 16_000,
        feature: 'log-mel',
        window: 400,
        hop: 160,
        fft: 400,
        dialect: 'librosa',
        lowHz: 0,
        highHz: 8000,
      },
      why: 'Whisper hears log-mel bands of 400-sample frames, 160 apart, at 16 kHz; its own logarithm and scaling are not applied',
    },
  ],
];

export function knownAudio(name: string): KnownAudio | null {
  return AUDIO.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
