/** What a first visitor sees: what this is, where to drop a model, and a sample to try. */
import { IconFlask } from '@tabler/icons-react';
import { OpenButtons } from '#ui/parts/file-buttons.tsx';
import { PushButton } from '#ui/parts/push-button.tsx';
import { openFiles, openSample } from '#ui/state/session/late-actions.ts';
import { useStudio } from '#ui/state/store.ts';
import { formatBytes } from '#ui/state/units.ts';

export function Welcome() {
  const ready = useStudio((studio) => studio.ready);
  const samples = useStudio((studio) => studio.samples);
  if (!ready) {
    return (
      <main className="welcome" aria-busy>
        <p className="dim">Opening what was open before…</p>
      </main>
    );
  }
  return (
    <main className="welcome">
      <section className="welcome-card" aria-labelledby="welcome-title">
        <h2 id="welcome-title">Pare a model down until it fits the phone</h2>
        <p className="dim">
          Quantize and prune layer by layer, see what each choice costs while you make it, and download a model that
          onnxruntime runs. Everything happens in this tab: nothing is uploaded.
        </p>
        <div className="welcome-drop">
          <p>
            <b>Drop a model here</b>
            <br />
            <span className="dim">
              ONNX, TensorFlow Lite, Keras (.keras, .h5), a TensorFlow SavedModel or frozen graph, or TensorFlow.js: a
              file, its folder or a zip
            </span>
          </p>
          <div className="welcome-buttons">
            <OpenButtons onFiles={(files) => void openFiles(files)} />
          </div>
        </div>
        {samples.length === 0 ? null : (
          <div className="welcome-samples">
            <h3>Try a sample</h3>
            <ul>
              {samples.map((sample) => (
                <li key={sample.file}>
                  <PushButton wide icon={<IconFlask size={16} />} onClick={() => void openSample(sample.file)}>
                    Try {sample.title}
                  </PushButton>
                  <p className="dim">
                    {sample.summary} {formatBytes(sample.bytes)}.
                  </p>
                </li>
              ))}
            </ul>
          </div>
        )}
      </section>
    </main>
  );
}
