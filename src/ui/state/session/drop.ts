/** What becomes of dropped files: a model, data beside the model, or a question. */
import type { DroppedFile } from '#studio/jobs.ts';
import { looksLikeLabels, sortDrop } from '#ui/state/data/drop-kinds.ts';
import { activeModel, activeWork, tell, useStudio, type Question } from '#ui/state/store.ts';
import { openData, openFiles } from './actions.ts';
import { MOST_FILES } from './dropped-files.ts';

export async function openDrop(files: readonly DroppedFile[]): Promise<void> {
  if (files.length === 0) return;
  if (files.length >= MOST_FILES) {
    tell('warning', `Only the first ${MOST_FILES} files of the drop were taken. Drop the folder of the data alone.`);
  }
  const studio = useStudio.getState();
  const model = activeModel(studio);
  const { verdict, model: models, data } = await sortDrop(files);
  if (model === null) {
    // Whatever it is called, the engine says what is wrong with it.
    if (verdict !== 'data') await openFiles(models);
    else tell('info', 'This looks like data. Data is opened beside a model: open the model first, then drop it again.');
    if (verdict === 'both') await openData(data);
    return;
  }
  const open = activeWork(studio)?.data ?? null;
  if (verdict === 'model') await openFiles(files);
  else if (verdict === 'data' && open !== null && looksLikeLabels(files)) {
    ask(`Add ${named(files)} to ${open.summary.name}?`, files, [
      { label: 'Add to the open data', act: () => void openData(files, true) },
      { label: 'Open as data instead', act: () => void openData(files) },
    ]);
  } else if (verdict === 'data') await openData(files);
  else {
    ask(
      verdict === 'both'
        ? 'There are both a model and data in what was dropped.'
        : `The names do not tell whether ${named(files)} ${files.length === 1 ? 'is' : 'are'} a model or data.`,
      files,
      [
        { label: `Open as data for ${model.name}`, act: () => void openData(verdict === 'both' ? data : files) },
        { label: 'Open as a model', act: () => void openFiles(verdict === 'both' ? models : files) },
        ...(verdict === 'both'
          ? [{ label: 'Open both', act: () => void openFiles(models).then(() => openData(data)) }]
          : []),
      ],
    );
  }
}

function ask(text: string, files: readonly DroppedFile[], choices: Question['choices']): void {
  useStudio.setState({ question: { text, files, choices } });
}

function named(files: readonly DroppedFile[]): string {
  const [first] = files;
  return files.length === 1 && first !== undefined ? first.path : `these ${files.length} files`;
}
