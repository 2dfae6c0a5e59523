/** A button that is an icon: its name is read aloud and shown on hover. */
import { ActionIcon } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { Ref } from 'react';

interface Props {
  readonly label: string;
  readonly icon: Icon;
  readonly onClick: () => void;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly size?: number;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, icon: Glyph, onClick, disabled = false, pressed, size = 28, ref }: Props) {
  return (
    <ActionIcon
      {...(ref === undefined ? {} : { ref })}
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled}
      size={size}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
    >
      <Glyph size={Math.round(size * 0.6)} stroke={1.7} aria-hidden />
    </ActionIcon>
  );
}
