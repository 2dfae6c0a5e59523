/** What has to be said: errors and hints, each dismissible, newest last. */
import { IconX } from '@tabler/icons-react';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { dismiss, useStudio } from '#ui/state/store.ts';

export function Messages() {
  const messages = useStudio((studio) => studio.messages);
  return (
    <div className="messages" aria-live="polite">
      {messages.map((message) => (
        <div
          key={message.id}
          className="message"
          data-level={message.level}
          role={message.level === 'error' ? 'alert' : 'status'}
        >
          <p>{message.text}</p>
          <IconButton label="Dismiss" icon={IconX} size={24} onClick={() => dismiss(message.id)} />
        </div>
      ))}
    </div>
  );
}
