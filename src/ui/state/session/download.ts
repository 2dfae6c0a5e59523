/** Hands blobs to the browser's own download, one file at a time. */

/** Long enough for the slowest disk to have taken the bytes. */
const RELEASE_AFTER_MS = 120_000;

export function offerDownload(files: readonly { readonly path: string; readonly blob: Blob }[]): void {
  for (const { path, blob } of files) {
    const url = URL.createObjectURL(blob);
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = path.split('/').at(-1) ?? path;
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    setTimeout(() => URL.revokeObjectURL(url), RELEASE_AFTER_MS);
  }
}

export function offerText(path: string, text: string): void {
  offerDownload([{ path, blob: new Blob([text], { type: 'application/json' }) }]);
}
