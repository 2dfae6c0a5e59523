/**
 * Keeps the studio for offline use. The build fills in the version, the list of files and the security policy.
 *
 * Built files carry a hash in their name and are taken from the cache for good; the page itself is asked for again when
 * there is a network, so that a new version shows on the next visit. Files that are large or a choice (the runtime's wasm,
 * sample models) are kept when they are first used. Responses carry the headers that threads need and the policy, so that
 * both hold on hosts that cannot send headers, and in workers, which do not read the page's own policy.
 */
const VERSION = '%VERSION%';
const FILES = ['%FILES%'];
const POLICY = '%POLICY%';
const CACHE = `pare-${VERSION}`;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file === 'index.html' ? './' : file, { cache: 'no-cache' }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('pare-') && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(request.mode === 'navigate' ? pageFirst(request) : cacheFirst(request));
});

async function pageFirst(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put('./', response.clone());
    return guarded(response);
  } catch {
    const kept = await cache.match('./');
    return kept === undefined ? Response.error() : guarded(kept);
  }
}

async function cacheFirst(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept !== undefined) return guarded(kept);
  const response = await fetch(request);
  if (response.ok && response.status === 200) await cache.put(request, response.clone());
  return guarded(response);
}

function guarded(response) {
  if (response.type === 'error' || response.status === 0 || response.redirected) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Content-Security-Policy', POLICY);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
