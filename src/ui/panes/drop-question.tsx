/** Asks what dropped files are, where their names do not tell. */
import { Button } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useStudio } from '#ui/state/store.ts';

export function DropQuestion() {
  const question = useStudio((studio) => studio.question);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (question !== null && dialog.current?.open === false) dialog.current.showModal();
  }, [question]);
  const close = () => useStudio.setState({ question: null });
  if (question === null) return null;
  return (
    <dialog ref={dialog} className="question" aria-labelledby="drop-question" onClose={close}>
      <h2 id="drop-question">What was dropped?</h2>
      <p>{question.text}</p>
      <div className="question-choices">
        {question.choices.map(({ label, act }, at) => (
          <Button
            key={label}
            variant={at === 0 ? 'filled' : 'default'}
            onClick={() => {
              close();
              act();
            }}
          >
            {label}
          </Button>
        ))}
        <Button variant="subtle" color="gray" onClick={close}>
          Cancel
        </Button>
      </div>
    </dialog>
  );
}
