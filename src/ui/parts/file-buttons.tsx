/** Buttons that open the browser's picker for files or a folder. The inputs behind them stay in the page by label. */
import { IconFileUpload, IconFolderOpen } from '@tabler/icons-react';
import { useId, type ReactNode } from 'react';
import type { DroppedFile } from '#studio/jobs.ts';
import { PushButton } from '#ui/parts/push-button.tsx';
import { filesOfPicker } from '#ui/state/session/dropped-files.ts';

interface PickProps {
  /** What the input is for, to people who hear the page and to tests. */
  readonly label: string;
  readonly folder?: boolean;
  readonly accept?: string;
  readonly many?: boolean;
  readonly onFiles: (files: readonly DroppedFile[]) => void;
  readonly children: (open: () => void) => ReactNode;
}

export function FilePicker({ label, folder = false, accept, many = true, onFiles, children }: PickProps) {
  const id = useId();
  return (
    <>
      <input
        id={id}
        type="file"
        className="visually-hidden"
        aria-label={label}
        tabIndex={-1}
        multiple={many}
        {...(accept === undefined ? {} : { accept })}
        {...(folder ? { webkitdirectory: '' } : {})}
        onChange={(event) => {
          const files = event.currentTarget.files;
          if (files !== null) onFiles(filesOfPicker(files));
          // The same file can be picked again.
          event.currentTarget.value = '';
        }}
      />
      {children(() => document.getElementById(id)?.click())}
    </>
  );
}

export function OpenButtons({ onFiles }: { readonly onFiles: (files: readonly DroppedFile[]) => void }) {
  return (
    <>
      <FilePicker label="Model files" onFiles={onFiles}>
        {(open) => (
          <PushButton primary icon={<IconFileUpload size={16} />} onClick={open}>
            Open files
          </PushButton>
        )}
      </FilePicker>
      <FilePicker label="Model folder" folder onFiles={onFiles}>
        {(open) => (
          <PushButton icon={<IconFolderOpen size={16} />} onClick={open}>
            Open a folder
          </PushButton>
        )}
      </FilePicker>
    </>
  );
}
