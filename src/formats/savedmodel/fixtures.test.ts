/** Small models that TensorFlow 2.21 wrote (scripts/reference/formats/record-savedmodel.py), converted and held to its outputs. */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { openFiles } from '#formats/index.ts';
import { expectConverted, expectOutputs, filesAt, readExpected } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';

const FOLDER = new URL('../../../fixtures/formats/savedmodel/', import.meta.url).pathname;

describe('a SavedModel', () => {
  it.each(['signatures', 'lookup', 'constants', 'keras3', 'keras2-lstm', 'keras2-gru', 'saved-v1', 'control'])(
    'computes what TensorFlow computes: %s',
    async (name) => {
      const opened = await expectConverted(
        filesAt(`${FOLDER}${name}.zip`),
        readExpected(`${FOLDER}${name}.expected.json`),
      );
      expect(refusalsOf(opened.model)).toEqual([]);
      // Nothing of the folder is left aside.
      expect(opened.notices.filter(({ code }) => code === 'open/ignored')).toEqual([]);
    },
  );

  it('is read by another signature when that is asked for, and names all', async () => {
    const opened = await openFiles(filesAt(`${FOLDER}signatures.zip`), { signature: 'pair' });
    expect(opened.signatures).toEqual({ chosen: 'pair', all: ['pair', 'serving_default'] });
    await expectOutputs(opened.model, opened.store, readExpected(`${FOLDER}signatures.pair.expected.json`));
    await expect(openFiles(filesAt(`${FOLDER}signatures.zip`), { signature: 'decode' })).rejects.toThrow(
      'has no signature "decode". There are: pair, serving_default.',
    );
  });

  it('that changes a variable keeps the reads of it as operators that are named and refused', async () => {
    const opened = await openFiles(filesAt(`${FOLDER}counter.zip`));
    expect(refusalsOf(opened.model).map(({ operator }) => operator)).toContain('VarHandleOp');
    expect(opened.notices.map(({ text }) => text)).toContain(
      'The model changes its variable count while it runs, so reading it cannot be turned into a constant.',
    );
  });

  it('with a partitioned variable is refused by the name of the tensor', async () => {
    await expect(openFiles(filesAt(`${FOLDER}partitioned-v1.zip`))).rejects.toThrow(
      /tensor parts\/kernel: The variable is partitioned/,
    );
  });
});

describe('a frozen graph', () => {
  it.each(['frozen-v1', 'frozen-control', 'lowered-control', 'lowered-lstm', 'loop-v1', 'rnn-v1'])(
    'computes what TensorFlow computes: %s',
    async (name) => {
      const opened = await expectConverted(
        filesAt(`${FOLDER}${name}.pb`),
        readExpected(`${FOLDER}${name}.expected.json`),
      );
      expect(refusalsOf(opened.model)).toEqual([]);
    },
  );

  it('as text is refused with what would do', async () => {
    const text = new TextEncoder().encode('node {\n  name: "x"\n  op: "Placeholder"\n}\n');
    await expect(openFiles(new Map([['graph.pb', memorySource('graph.pb', text)]]))).rejects.toThrow(
      /written out as text/,
    );
  });

  it('that is a SavedModel without its folder says what is missing', async () => {
    const bytes = unzipSync(readFileSync(`${FOLDER}lookup.zip`))['saved_model.pb'] ?? new Uint8Array(0);
    await expect(openFiles(new Map([['saved_model.pb', memorySource('saved_model.pb', bytes)]]))).rejects.toThrow(
      /variable table: Its weights lie in "variables\/variables.index".* Open the whole folder/,
    );
  });
});
