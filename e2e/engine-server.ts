/** Serves the page with the engine and nothing drawn, from the sources. */
import { createServer } from 'vite';
import { root } from './studio.ts';

export interface EngineServer {
  readonly address: string;
  close(): Promise<void>;
}

export async function serveEngine(): Promise<EngineServer> {
  const server = await createServer({
    root,
    logLevel: 'error',
    // Packages that only workers use are found beforehand: found while a test runs, they would change under its feet.
    optimizeDeps: { entries: ['e2e/engine/index.html', 'workers/*.ts'] },
    cacheDir: 'node_modules/.vite-engine',
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  });
  await server.listen();
  return {
    address: new URL('e2e/engine/index.html', server.resolvedUrls?.local[0]).href,
    close: () => server.close(),
  };
}
