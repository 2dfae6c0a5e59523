/** Draws a sample: pixels as they are, one value a pixel in colours, or a wave. */
import { useEffect, useRef } from 'react';
import type { SamplePicture } from '#studio/jobs.ts';
import { useSize } from '#ui/parts/use-size.ts';

interface Props {
  readonly picture: SamplePicture;
  readonly label: string;
}

/** Small pictures are enlarged to whole pixels, so that each value of the network can be told from its neighbours. */
export function SampleCanvas({ picture, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  useEffect(() => {
    if (canvas.current !== null && size.width > 0) draw(canvas.current, picture, size.width, size.height);
  }, [picture, size]);
  return (
    <div ref={box} className="sample-canvas">
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, picture: SamplePicture, room: number, height: number): void {
  const ratio = devicePixelRatio || 1;
  const { width: across, height: down } = sizeOf(picture);
  const scale = picture.kind === 'wave' ? 1 : Math.min(room / across, height / down, picture.kind === 'heat' ? 24 : 8);
  const stretch = picture.kind === 'wave';
  const shownWidth = stretch ? room : Math.max(1, Math.round(across * scale));
  const shownHeight = stretch ? height : Math.max(1, Math.round(down * scale));
  canvas.style.width = `${shownWidth}px`;
  canvas.style.height = `${shownHeight}px`;
  canvas.width = Math.round(shownWidth * ratio);
  canvas.height = Math.round(shownHeight * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  if (picture.kind === 'wave') return drawWave(context, picture, getComputedStyle(canvas).color);
  const pixels = picture.kind === 'picture' ? picture.picture : heatPixels(picture);
  const small = new OffscreenCanvas(pixels.width, pixels.height);
  const inside = small.getContext('2d');
  if (inside === null) return;
  const image = inside.createImageData(pixels.width, pixels.height);
  image.data.set(pixels.data);
  inside.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = scale < 1;
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

function sizeOf(picture: SamplePicture): { readonly width: number; readonly height: number } {
  return picture.kind === 'picture'
    ? picture.picture
    : picture.kind === 'heat'
      ? picture
      : { width: picture.high.length, height: 100 };
}

function drawWave(
  context: CanvasRenderingContext2D,
  { low, high }: Extract<SamplePicture, { kind: 'wave' }>,
  colour: string,
): void {
  const { width, height } = context.canvas;
  const step = width / Math.max(1, high.length);
  context.fillStyle = colour;
  for (const [at, top] of high.entries()) {
    const y = ((1 - top) / 2) * height;
    const bottom = ((1 - (low[at] ?? 0)) / 2) * height;
    context.fillRect(at * step, y, Math.max(1, step), Math.max(1, bottom - y));
  }
}

/** Dark for the lowest value, through blue-green to light for the highest: even steps to the eye, and to colour-blind ones. */
const STOPS = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const;

function heatPixels({ width, height, values }: Extract<SamplePicture, { kind: 'heat' }>) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const data = new Uint8ClampedArray(width * height * 4);
  for (const [at, value] of values.entries()) {
    const place = high > low ? ((value - low) / (high - low)) * (STOPS.length - 1) : 0;
    const from = Math.min(STOPS.length - 2, Math.floor(place));
    const a = STOPS[from] ?? STOPS[0];
    const b = STOPS[from + 1] ?? STOPS[0];
    for (let part = 0; part < 3; part += 1) {
      data[at * 4 + part] = (a[part] ?? 0) + ((b[part] ?? 0) - (a[part] ?? 0)) * (place - from);
    }
    data[at * 4 + 3] = 255;
  }
  return { width, height, data };
}
