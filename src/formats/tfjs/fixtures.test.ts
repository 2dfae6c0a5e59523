/** Small graph models as the converter writes them (scripts/reference/formats/record-savedmodel.py), held to TensorFlow's outputs. */
import { describe, expect, it } from 'vitest';
import { expectConverted, filesAt, readExpected } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { nodesOf } from '#ir/walk.ts';

const FOLDER = new URL('../../../fixtures/formats/tfjs/', import.meta.url).pathname;

describe('a TF.js graph model', () => {
  it.each(['small-float32', 'small-uint8', 'small-uint16', 'small-float16', 'control', 'lowered-control'])(
    'computes what TensorFlow computes with the same weights: %s',
    async (name) => {
      const opened = await expectConverted(
        filesAt(`${FOLDER}${name}.zip`),
        readExpected(`${FOLDER}${name}.expected.json`),
        1e-6,
      );
      expect(refusalsOf(opened.model)).toEqual([]);
      expect(opened.notices.filter(({ code }) => code === 'open/ignored')).toEqual([]);
    },
  );

  it('keeps weights of eight bits as integers, on a grid with the zero point of the file', async () => {
    const opened = await expectConverted(
      filesAt(`${FOLDER}small-uint8.zip`),
      readExpected(`${FOLDER}small-uint8.expected.json`),
      1e-6,
    );
    const values = [...opened.model.graph.values.values()].filter(({ quantization }) => quantization !== undefined);
    expect(values.map(({ constant }) => constant?.dtype)).toEqual(['u8', 'u8', 'u8']);
    expect([...nodesOf(opened.model.graph)].map(({ node }) => node.op)).not.toContain('DequantizeLinear');
  });
});
