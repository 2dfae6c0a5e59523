/** A button that is an icon: its name is read aloud and shown on hover. */
import type { Icon } from '@tabler/icons-react';

interface Props {
  readonly label: string;
  readonly icon: Icon;
  readonly onClick: () => void;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly size?: number;
}

export function IconButton({ label, icon: Glyph, onClick, disabled = false, pressed, size = 28 }: Props) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled}
      style={{ width: size, height: size }}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
    >
      <Glyph size={Math.round(size * 0.6)} stroke={1.7} aria-hidden />
    </button>
  );
}
