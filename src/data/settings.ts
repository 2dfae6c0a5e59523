/**
 * How files become what a model is fed: a small declarative pipeline that is guessed from the model, edited in the studio,
 * saved in recipes and written in dataset files. One schema is the form, the flags and the bounds.
 */
import { z } from 'zod';

const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(4096)]);

export const imageSettings = z.strictObject({
  fit: z.enum(['stretch', 'crop', 'letterbox']).default('crop').meta({
    title: 'Fit',
    description:
      'crop: the largest centred part of the right shape. stretch: the whole picture, distorted. letterbox: the whole picture, padded.',
  }),
  cropShare: z
    .number()
    .min(0.1)
    .max(1)
    .default(1)
    .meta({
      title: 'Crop share',
      description: 'Side of the centre crop as a share of the largest one; 0.875 is the ImageNet habit of 256 to 224.',
      showIf: { fit: 'crop' },
    }),
  filter: z.enum(['nearest', 'bilinear', 'area', 'bicubic']).default('area').meta({
    title: 'Filter',
    description: 'area and bicubic are antialiased when shrinking; bilinear takes the four neighbours, as OpenCV does.',
  }),
  channels: z.enum(['rgb', 'bgr', 'gray']).default('rgb').meta({ title: 'Channels', description: 'Colour order.' }),
  invert: z.boolean().default(false).meta({ title: 'Invert', description: '255 - pixel.' }),
  pad: z
    .number()
    .min(0)
    .max(255)
    .default(114)
    .meta({
      title: 'Padding',
      description: 'Grey level of the bars.',
      showIf: { fit: 'letterbox' },
    }),
});

export const audioSettings = z.strictObject({
  sampleRate: z.number().int().min(1000).max(384_000).default(16_000).meta({
    title: 'Sample rate',
    description: 'Recordings of another rate are resampled.',
    unit: 'Hz',
  }),
  feature: z.enum(['waveform', 'magnitude', 'log-mel', 'mfcc']).default('waveform').meta({
    title: 'Feature',
    description:
      'What the model hears: samples, the magnitude of the spectrum, log mel bands, or cepstral coefficients.',
  }),
  /** Waveform: samples of one input; spectra: length of one frame. */
  window: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(512)
    .meta({ title: 'Window', description: 'Length of one frame.', unit: 'samples' }),
  hop: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(256)
    .meta({ title: 'Hop', description: 'From frame to frame.', unit: 'samples' }),
  fft: z
    .number()
    .int()
    .min(2)
    .max(65_536)
    .default(512)
    .meta({ title: 'FFT', description: 'Length of the transform.', unit: 'samples' }),
  frames: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1)
    .meta({ title: 'Frames', description: 'Frames of one input.' }),
  frameHop: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1)
    .meta({ title: 'Step', description: 'Frames from one input to the next.' }),
  melBands: z.number().int().min(1).max(512).default(40).meta({ title: 'Mel bands' }),
  lowHz: z.number().min(0).max(192_000).default(20).meta({ title: 'Lowest', unit: 'Hz' }),
  highHz: z.number().min(1).max(192_000).default(4000).meta({ title: 'Highest', unit: 'Hz' }),
  coefficients: z
    .number()
    .int()
    .min(1)
    .max(512)
    .default(10)
    .meta({ title: 'Coefficients', showIf: { feature: 'mfcc' } }),
  dialect: z.enum(['tensorflow', 'librosa', 'kaldi']).default('tensorflow').meta({
    title: 'Parameters of',
    description: 'Mel scale, window, logarithm and scaling as this library has them.',
  }),
  taper: z.enum(['library', 'none']).default('library').meta({
    title: 'Window function',
    description: 'library: the one that the library has. none: frames are cut out as they are.',
  }),
});

export const splitSettings = z.strictObject({
  calibration: z.number().int().min(1).max(1_000_000).default(100).meta({
    title: 'Calibration samples',
    description: 'Ranges are measured on these; accuracy is measured on the others.',
  }),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(1)
    .meta({ title: 'Seed' }),
});

export const dataSettings = z.strictObject({
  /** The model input that pictures, recordings or the only array go to; absent: the only one that takes them. */
  input: z.string().optional(),
  layout: z.enum(['nhwc', 'nchw']).optional().meta({
    title: 'Layout',
    description: 'Where the model keeps the channels of a picture.',
  }),
  /** Size of the network's picture; absent: as the model declares. */
  width: z.number().int().min(1).max(16_384).optional(),
  height: z.number().int().min(1).max(16_384).optional(),
  image: imageSettings.optional(),
  audio: audioSettings.optional(),
  /** (x - mean) / std, for every channel or one by one. */
  mean: perChannel.default(0).meta({ title: 'Mean', description: 'Subtracted from every value.' }),
  std: perChannel.default(1).meta({ title: 'Deviation', description: 'Every value is divided by it.' }),
  /** Inputs with one value for all samples, such as a sample rate or an initial state. */
  constants: z.record(z.string(), z.number()).optional(),
  /** Inputs that take an output of the sample before: `{ "state": "stateN" }`. */
  carry: z.record(z.string(), z.string()).optional(),
  labels: z
    .strictObject({
      /** Column of the table of labels, where there are several. */
      column: z.string().optional(),
      /** Added to every label: 1 where the model's class 0 is "background". */
      offset: z.number().int().default(0),
    })
    .optional(),
  split: splitSettings.default({ calibration: 100, seed: 1 }),
});

export type ImageSettings = z.infer<typeof imageSettings>;
export type AudioSettings = z.infer<typeof audioSettings>;
export type SplitSettings = z.infer<typeof splitSettings>;
export type DataSettings = z.infer<typeof dataSettings>;
