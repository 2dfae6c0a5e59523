/** A button with words, light enough for the first page; the panes of an open model use Mantine's. */
import type { ReactNode } from 'react';

interface Props {
  readonly children: ReactNode;
  readonly onClick: () => void;
  readonly icon?: ReactNode;
  /** The one thing to do here. */
  readonly primary?: boolean;
  readonly wide?: boolean;
}

export function PushButton({ children, onClick, icon, primary = false, wide = false }: Props) {
  return (
    <button type="button" className="push-button" data-primary={primary} data-wide={wide} onClick={onClick}>
      {icon}
      {children}
    </button>
  );
}
