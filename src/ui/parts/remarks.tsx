/** Notices as lines: what is about a layer or tensor says which, and warnings stand out. */
import type { Notice } from '#base/notice.ts';

export function Remarks({ notices }: { readonly notices: readonly Notice[] }) {
  return notices.map((notice) => (
    <p key={`${notice.code} ${notice.at ?? ''} ${notice.text}`} className={notice.level === 'info' ? 'dim' : 'warn'}>
      {notice.at === undefined ? '' : `${notice.at}: `}
      {notice.text}
    </p>
  ));
}
