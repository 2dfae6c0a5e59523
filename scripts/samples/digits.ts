/** A data set made by ourselves: handwritten-looking digits, drawn as jittered pen strokes from a seed. No outside data. */
import { seededRandom, type Random } from '#base/random.ts';

/** Images are square, one channel, 0 (paper) to 1 (ink). */
export const SIDE = 16;
export const CLASSES = 10;

export interface DigitSet {
  /** [count, SIDE, SIDE] row-major, on a grid of 1/15 so that files compress well. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
}

type Point = readonly [x: number, y: number];
type Stroke = readonly Point[];

/** Points on an ellipse from one angle to another, in turns of the circle: 0 is right, 0.25 is down. */
function arc(x: number, y: number, radiusX: number, radiusY: number, from: number, to: number): Point[] {
  return Array.from({ length: 13 }, (_, i): Point => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / 12);
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}

/** Pen strokes of each digit in a box from -1 to 1, y downward. Some digits have two ways to be written. */
const FORMS: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0, 0, 0.55, 0.9, -0.25, 0.75)]],
  [
    [
      [
        [-0.3, -0.6],
        [0.1, -0.9],
        [0.1, 0.9],
      ],
    ],
    [
      [
        [0, -0.9],
        [0, 0.9],
      ],
    ],
  ],
  [[[...arc(0, -0.4, 0.5, 0.5, -0.45, 0.15), [-0.55, 0.9], [0.6, 0.9]]]],
  [[[...arc(0, -0.45, 0.5, 0.45, -0.4, 0.2), ...arc(0, 0.42, 0.55, 0.48, -0.2, 0.42)]]],
  [
    [
      [
        [0.1, -0.9],
        [-0.6, 0.3],
        [0.6, 0.3],
      ],
      [
        [0.25, -0.2],
        [0.25, 0.9],
      ],
    ],
    [
      [
        [-0.5, -0.9],
        [-0.5, 0.05],
        [0.5, 0.05],
      ],
      [
        [0.5, -0.9],
        [0.5, 0.9],
      ],
    ],
  ],
  [[[[0.5, -0.9], [-0.4, -0.9], [-0.45, -0.1], ...arc(-0.02, 0.35, 0.55, 0.53, -0.35, 0.4)]]],
  [[[[0.35, -0.9], [-0.3, -0.2], ...arc(0, 0.4, 0.5, 0.48, 0.5, 1.5)]]],
  [
    [
      [
        [-0.55, -0.85],
        [0.55, -0.85],
        [-0.15, 0.9],
      ],
    ],
    [
      [
        [-0.55, -0.85],
        [0.55, -0.85],
        [-0.15, 0.9],
      ],
      [
        [-0.3, 0],
        [0.4, 0],
      ],
    ],
  ],
  [[arc(0, -0.45, 0.42, 0.43, -0.25, 0.75), arc(0, 0.45, 0.52, 0.45, -0.25, 0.75)]],
  [[[...arc(0, -0.4, 0.48, 0.48, 0, -1), [0.48, -0.4], [0.3, 0.9]]]],
];

/** Distance from a point to the segment between two others. */
function distanceToSegment(x: number, y: number, [ax, ay]: Point, [bx, by]: Point): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length2 = dx * dx + dy * dy;
  const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** Draws one digit: a random tilt, size, place and pen, a shaky hand, uneven ink, and dust on the paper. */
function drawDigit(digit: number, random: Random, image: Float32Array): void {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const forms = FORMS[digit] ?? [];
  const form = forms[random.below(forms.length)] ?? [];
  const tilt = between(-0.4, 0.4);
  const slant = between(-0.25, 0.25);
  const scaleX = between(4.2, 6.6);
  const scaleY = between(5, 7);
  const centreX = SIDE / 2 + between(-1.3, 1.3);
  const centreY = SIDE / 2 + between(-1, 1);
  const pen = between(0.55, 1.25);
  const ink = between(0.45, 1);
  const shake = 0.09;
  const strokes = form.map((stroke) =>
    stroke.map(([px, py]): Point => {
      const x = (px + slant * py + shake * random.normal()) * scaleX;
      const y = (py + shake * random.normal()) * scaleY;
      return [centreX + x * Math.cos(tilt) - y * Math.sin(tilt), centreY + x * Math.sin(tilt) + y * Math.cos(tilt)];
    }),
  );
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      let distance = Infinity;
      for (const stroke of strokes) {
        for (let i = 1; i < stroke.length; i++) {
          const from = stroke[i - 1];
          const to = stroke[i];
          if (from && to) distance = Math.min(distance, distanceToSegment(column + 0.5, row + 0.5, from, to));
        }
      }
      const covered = Math.min(1, Math.max(0, pen + 0.5 - distance));
      const shade = ink * covered + 0.16 * random.normal() + (random.uniform() < 0.03 ? between(0.3, 0.9) : 0);
      image[row * SIDE + column] = Math.round(Math.min(1, Math.max(0, shade)) * 15) / 15;
    }
  }
}

/** `count` digits, each class equally often, the same for the same seed. */
export function drawDigits(count: number, seed: number): DigitSet {
  const random = seededRandom(seed);
  const images = new Float32Array(count * SIDE * SIDE);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const digit = i % CLASSES;
    labels[i] = digit;
    drawDigit(digit, random, images.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE));
  }
  return { images, labels, count };
}
