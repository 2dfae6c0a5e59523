/** The mark of Pare: a fruit with one slice taken off. */
export function Mark({ size = 22 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <path d="M16 3.2a12.8 12.8 0 1 0 12.8 12.8H16Z" fill="var(--accent)" />
      <path d="M19.4 2.6v9.9h9.9a10 10 0 0 0-9.9-9.9Z" fill="none" stroke="var(--accent)" strokeWidth="1.8" />
    </svg>
  );
}
